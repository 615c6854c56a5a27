// The commands for what tasks keep: artifacts and caches.

import type { Command } from "commander";
import type { Runs } from "../program.ts";
import { wholeNumber } from "./collect.ts";

export function declareFileCommands(program: Command, runs: Runs): void {
  program.commandsGroup("Artifacts and caches:");

  const artifacts = program.command("artifacts").summary("list, download and delete what tasks kept");
  const load = () => import("./artifacts.ts");
  runs(
    artifacts
      .command("list", { isDefault: true })
      .argument("<id>", "a task, or a run for those of all its tasks")
      .summary("list artifacts"),
    load,
  );
  const attempt = "of this attempt (default: the newest that kept it)";
  runs(
    artifacts
      .command("get")
      .argument("<task>", "the task that kept it")
      .argument("<name>", "the artifact")
      .summary("download an artifact; a folder comes as a .tar.gz")
      .option("--to <file>", "where to write it, `-` for stdout (default: its own name, here)")
      .option("--attempt <number>", attempt, wholeNumber(1))
      .addHelpText(
        "after",
        `
Examples:
  $ mflow artifacts list run-01m839vdegbxzhfe6bmyfsy0k3
  $ mflow artifacts get task-01m839vdegbxzhfe6bmyfsy0k4 report --to report.html
  $ mflow artifacts get task-01m839vdegbxzhfe6bmyfsy0k4 site --to - | tar xz`,
      ),
    load,
  );
  runs(
    artifacts
      .command("delete")
      .argument("<task>", "the task that kept it")
      .argument("<name>", "the artifact")
      .summary("delete an artifact")
      .option("--attempt <number>", attempt, wholeNumber(1)),
    load,
  );

  const cache = program.command("cache").summary("list and delete caches");
  const loadCache = () => import("./cache.ts");
  runs(
    cache.command("list", { isDefault: true }).summary("list caches, the last used ones first"),
    loadCache,
  );
  runs(
    cache
      .command("delete")
      .argument("[keys...]", "keys of caches")
      .summary("delete caches of the namespace")
      .option("-a, --all", "all of them"),
    loadCache,
  );
}
