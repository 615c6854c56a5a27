// The commands that hold work back and let it go on: pauses, drain and limits.

import type { Command } from "commander";
import type { Runs } from "../program.ts";
import { wholeNumber } from "./collect.ts";

export function declareFlowCommands(program: Command, runs: Runs): void {
  program.commandsGroup("Flow:");
  const pause = () => import("./pause.ts");

  runs(
    program
      .command("pause")
      .argument("<what...>", "runs by id, or pipelines by name")
      .summary("let nothing new of a run or pipeline start")
      .description("What runs goes on, and gates can be decided. New runs of a paused pipeline wait in line.")
      .option("-m, --message <text>", "why, for those who wait"),
    pause,
  );
  runs(
    program
      .command("resume")
      .argument("[what...]", "runs by id, or pipelines by name")
      .summary("let what is paused go on")
      .option("--server", "the whole server, after `mflow drain`"),
    pause,
  );
  runs(
    program
      .command("drain")
      .summary("let nothing new start on the server")
      .description(
        "What runs goes on to its end; new runs are taken and wait. It holds over restarts, until `mflow resume --server`.",
      )
      .option("-m, --message <text>", "why, for those who wait"),
    pause,
  );

  const limit = program.command("limit").summary("limit how many tasks run at once");
  const limits = () => import("./limit.ts");
  runs(
    limit
      .command("set")
      .argument("<name>", "scope/DOMAIN, scope/DOMAIN/NAMESPACE or runner/TYPE")
      .argument("<tasks>", "tasks at once", wholeNumber(1))
      .summary("set a limit; it holds at once for what starts")
      .addHelpText(
        "after",
        `
Examples:
  $ mflow limit set scope/default/web 10
  $ mflow limit set runner/K8S_JOB 200`,
      ),
    limits,
  );
  runs(limit.command("list").summary("list limits"), limits);
  runs(limit.command("delete").argument("<names...>").summary("take limits away"), limits);
}
