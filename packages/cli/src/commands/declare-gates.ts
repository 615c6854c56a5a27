// The commands for those who decide: what waits for them, what they decide on, the decision, and the record of it.

import { Argument, type Command, Option } from "commander";
import type { Runs } from "../program.ts";
import { wholeNumber } from "./collect.ts";

const GATES = ["audit", "confirm"];

export function declareGateCommands(program: Command, runs: Runs): void {
  program.commandsGroup("Gates:");

  runs(
    program
      .command("inbox")
      .summary("list what waits for your decision, oldest first")
      .description(
        "Lists the gates that you may decide now: that list you or a group of yours, or somebody who is away and asked you. Not those of runs that you started, nor those that you have decided.",
      )
      .option("--user <name>", "what waits for this user; needs admin")
      .option("--limit <number>", "how many gates are looked at", wholeNumber(1))
      .option("--cursor <cursor>", "go on where the page before ended")
      .option("-a, --all", "all pages"),
    () => import("./inbox.ts"),
  );

  runs(
    program
      .command("evidence")
      .argument("<task>", "id of the task")
      .summary("show what a gate's decision is about, and what changed since the last success")
      .addOption(
        new Option("--gate <gate>", "which one (default: the one that waits, else the last)").choices(GATES),
      ),
    () => import("./evidence.ts"),
  );

  for (const [name, summary] of [
    ["audit", "pass or deny the audit of a task, before it runs"],
    ["confirm", "accept, deny or push back the result of a task"],
  ] as const) {
    const others = name === "confirm" ? ["pass", "deny", "pushBack"] : ["pass", "deny"];
    const except = (own: string) => others.filter((other) => other !== own);
    const decide = program
      .command(name)
      .argument("<task>", "id of the task")
      .summary(summary)
      .addOption(new Option("--pass", "it is all right").conflicts(except("pass")))
      .addOption(new Option("--deny", "it is not; needs a comment").conflicts(except("deny")));
    if (name === "confirm") {
      decide.addOption(
        new Option(
          "--push-back <task>",
          "this earlier task ([stage/]name) and all after it run again, with your comment as MFLOW_FEEDBACK",
        ).conflicts(except("pushBack")),
      );
    }
    decide
      .option("-m, --message <comment>", "why, in markdown")
      .option("--digest <digest>", "digest of what you saw; refused when the content is another");
    runs(decide, () => import("./decide.ts"));
  }

  runs(
    program
      .command("withdraw")
      .argument("<task>", "id of the task")
      .addArgument(new Argument("[gate]", "default: the one that you passed last").choices(GATES))
      .summary("take back your own pass while the task has not started")
      .option("-m, --message <comment>", "why"),
    () => import("./withdraw.ts"),
  );

  const record = program.command("record").summary("see, prove and export who decided what");
  const load = () => import("./record.ts");
  runs(
    record
      .command("list")
      .summary("list rows of the decision record, oldest first")
      .option("--run <id>", "only of this run")
      .option("--task <id>", "only of this task")
      .option("--after <seq>", "only after this row", wholeNumber(0))
      .option("--limit <number>", "how many", wholeNumber(1))
      .option("-a, --all", "all pages"),
    load,
  );
  runs(
    record
      .command("verify")
      .summary("prove that no row was changed, removed or put in; exit code 1 when one was")
      .option("--expect <row:hash>", "a row that you noted, as this command or a report printed it"),
    load,
  );
  runs(
    record
      .command("export")
      .argument("<run>", "id of the run")
      .summary("print the release report of a run: who released what, with the proof")
      .description(
        "Prints the release report of a run as markdown, with -o json or -o yaml for programs: who released what, every decision with what was refused, and the proof of its rows in the decision record.",
      ),
    load,
  );
}
