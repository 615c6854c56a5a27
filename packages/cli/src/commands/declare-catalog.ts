// The commands for what can be run and for records of all kinds.

import type { Command } from "commander";
import { Argument } from "commander";
import type { Runs } from "../program.ts";
import { collect, collectList, oneOfWords, wholeNumber } from "./collect.ts";
import { DELETABLE, DESCRIBED, KIND_WORDS } from "./kind-names.ts";

const FILES = "manifests, folders of them, or `-` for stdin";

export function declareCatalogCommands(program: Command, runs: Runs): void {
  program.commandsGroup("Jobs, pipelines and records:");

  runs(
    program
      .command("lint")
      .argument("[files...]", FILES)
      .summary("say what is wrong with manifests")
      .option("-f, --file <file>", "the same; may be repeated", collect)
      .option("--online", "check also against what the server stores")
      .option("--cluster <name>", "ask this cluster, too, whether it would take the Jobs; implies --online"),
    () => import("./lint.ts"),
  );

  runs(
    program
      .command("apply")
      .argument("[files...]", FILES)
      .summary("create or change the jobs, pipelines and other records of manifests")
      .option("-f, --file <file>", "the same; may be repeated", collect)
      .option("--dry-run", "say what would happen, store nothing")
      .option(
        "--prune",
        "delete jobs, pipelines and schedules with the label that the files do not have; needs -l",
      )
      .option(
        "-l, --label <label>",
        "of --prune: key=value; may be repeated, then all must be there",
        collect,
      )
      .option("-y, --yes", "do not ask before --prune deletes"),
    () => import("./apply.ts"),
  );

  runs(
    program
      .command("diff")
      .argument("[files...]", FILES)
      .summary("say what an apply would change, field by field; exits with 1 when something differs")
      .option("-f, --file <file>", "the same; may be repeated", collect),
    () => import("./diff.ts"),
  );

  const get = program
    .command("get")
    .addArgument(kindArgument(KIND_WORDS))
    .argument("[names...]", "ids or names; without them a list, newest first")
    .summary("list jobs, pipelines, schedules, runs, tasks, users, groups or tokens")
    .option("-s, --stage <stage>", "only in this stage; may be repeated", collectList)
    .option("-l, --label <label>", "only with this label key=value; may be repeated", collect)
    .option("--text <text>", "only with this text in the name")
    .option("--pipeline <name>", "runs of this pipeline")
    .option("--job <name>", "tasks of this job")
    .option("--run <id>", "tasks of this run")
    .option("--since <time>", "made since then: 2h, 3d, or a date and time")
    .option("--until <time>", "made before then")
    .option("--limit <number>", "how many", wholeNumber(1))
    .option("--cursor <cursor>", "go on where the page before ended")
    .option("-a, --all", "all pages")
    .option("--resolved", "of a pipeline that extends another the whole, as YAML");
  runs(get, () => import("./get.ts"));

  runs(
    program
      .command("describe")
      .addArgument(kindArgument(DESCRIBED))
      .argument("<name>", "id or name")
      .summary("show all of a job, pipeline, schedule, run or task"),
    () => import("./describe.ts"),
  );

  for (const [name, summary] of [
    ["publish", "publish a job's version: its spec is frozen, runs may use it"],
    ["deprecate", "deprecate a job's version: no new run may use it"],
  ] as const) {
    runs(
      program.command(name).argument("<job>", "name[@namespace[.domain]]:version, or id").summary(summary),
      () => import("./publish.ts"),
    );
  }

  runs(
    program
      .command("delete")
      .addArgument(kindArgument(DELETABLE))
      .argument("[names...]", "ids or names; without them what the filters say")
      .summary("delete DRAFT jobs, pipelines, schedules, ended runs or tasks")
      .option("--before <time>", "runs and tasks made before then: 30d ago, or a date and time")
      .option("--pipeline <name>", "runs of this pipeline")
      .option("--job <name>", "tasks of this job that ran alone")
      .option("-s, --stage <stage>", "only in this stage; may be repeated", collectList)
      .option("-l, --label <label>", "only with this label key=value; may be repeated", collect)
      .option("--dry-run", "say what would be deleted, delete nothing")
      .option("--yes", "do not ask before what the filters say is deleted")
      .addHelpText(
        "after",
        `
Examples:
  $ mflow delete run run-01m839maq7ecm0gr7ydnhfbej9
  $ mflow delete runs --pipeline release --before 30d
  $ mflow delete runs -l team=web --stage FAILED --yes

What has not ended is never deleted. \`mflow cleanup\` keeps to the rules of retention.`,
      ),
    () => import("./delete.ts"),
  );

  runs(
    program
      .command("cleanup")
      .summary("delete the ended runs that retention lets go")
      .description(
        "Says which ended runs the rules of retention let go, and deletes them. The last success of a pipeline, and of each of its tasks, stays.",
      )
      .option("--pipeline <name>", "only runs of this pipeline")
      .option("--job <name>", "only tasks of this job that ran alone")
      .option("--max-age <duration>", "by another rule: those that ended longer ago")
      .option("--max-runs <number>", "by another rule: all but the last so many of each", wholeNumber(1))
      .option("--dry-run", "say what would be deleted, delete nothing")
      .option("--yes", "do not ask"),
    () => import("./cleanup.ts"),
  );
}

/** The words complete in the shell; a wrong one gets a guess. */
function kindArgument(words: string[]): Argument {
  return new Argument("<kind>", `one of ${words.slice(0, 8).join(", ")}`)
    .choices(words)
    .argParser(oneOfWords(words));
}
