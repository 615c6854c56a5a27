// The commands for schedules: pipelines that start by the clock. Manifests make them (`mflow apply`).

import type { Command } from "commander";
import type { Runs } from "../program.ts";
import { wholeNumber } from "./collect.ts";

const REF = "name[@namespace[.domain]], or id";

export function declareScheduleCommands(program: Command, runs: Runs): void {
  const schedule = program.command("schedule").summary("look at schedules, pause them, start them now");
  const load = () => import("./schedule.ts");
  runs(schedule.command("list").summary("list schedules, with what was last and what comes next"), load);
  runs(
    schedule.command("get").argument("<schedule>", REF).summary("show a schedule and what it has done"),
    load,
  );
  runs(
    schedule
      .command("pause")
      .argument("<schedule>", REF)
      .summary("start nothing until it is resumed")
      .option("-m, --message <text>", "why, for those who look"),
    load,
  );
  runs(
    schedule
      .command("resume")
      .argument("<schedule>", REF)
      .summary("resume a schedule, or take it over: its runs have your rights from then on"),
    load,
  );
  runs(
    schedule
      .command("trigger")
      .argument("<schedule>", REF)
      .summary("start a run now, with the params of the schedule, and watch it")
      .option("--queue", "wait in line while another run of the pipeline is under way")
      .option("--no-queue", "be refused then, also when the schedule or the pipeline has a queue")
      .option("-d, --detach", "print the id of the run and go")
      .option("--idempotency-key <key>", "the same key starts one run in 24 hours"),
    load,
  );
  runs(
    schedule
      .command("next")
      .argument("[schedule]", REF)
      .summary("say when a schedule, or a cron expression, is due next")
      .option("--cron <expression>", "this expression instead; no server is asked")
      .option("--time-zone <zone>", "time zone of --cron, e.g. Europe/Berlin (default: UTC)")
      .option("--from <time>", "with --cron: from then on (default: now)")
      .option("--count <number>", "so many times", wholeNumber(1), 5),
    load,
  );
}
