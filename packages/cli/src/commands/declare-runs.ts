// The commands that start, watch and decide on runs.

import { type Command, Option } from "commander";
import type { Runs } from "../program.ts";
import { collect, priority, wholeNumber } from "./collect.ts";

export function declareRunCommands(program: Command, runs: Runs): void {
  program.commandsGroup("Runs:");

  const run = program
    .command("run")
    .argument("[pipeline]", "a stored pipeline; with -f, one of the files")
    .summary("run a pipeline or a job, and watch it")
    .description("Runs a pipeline or a job and watches it to its end.")
    .option(
      "-f, --file <file>",
      "manifests laid over the stored ones for this run; `-` is stdin",
      collect,
      [],
    )
    .option("--job <ref>", "run this job alone: name[@namespace[.domain]][:version]")
    .option("--task <id>", "run an ended task again, as a new attempt")
    .option("-p, --param <param>", "[stage/task:]NAME=VALUE; without =VALUE from the environment", collect)
    .option("-l, --label <label>", "label of the run: key=value", collect)
    .option("--add-auditor <name>", "[stage/task:]user or @group that may audit too", collect)
    .option("--sequence-label-key <key>", "at most one run at a time per value of this label")
    .option("--queue", "wait in line while another run of the pipeline is under way")
    .option("--no-queue", "be refused then, also when the pipeline has a queue")
    .option("--priority <number>", "-1000 to 1000; higher goes first among those who wait", priority)
    .option("-w, --watch", "watch the run to its end (the default)")
    .addOption(new Option("-d, --detach", "start the run, print its id and leave").conflicts("watch"))
    .addOption(new Option("--dry-run", "show what would run, run nothing").conflicts(["watch", "detach"]))
    .option("--idempotency-key <key>", "the same key and request start one run in 24 hours")
    .option("--allow-root-steps", "let a server that is started here run SHELL steps as root")
    .option("--shell-user <name>", "let a server that is started here run SHELL steps as this user")
    .addHelpText(
      "after",
      `
Examples:
  $ mflow run -f pipeline.yaml -p VERSION=1.4.0
  $ mflow run release -p deploy/prod:REPLICAS=3 --label team=web
  $ mflow run --job backup:v2 --detach

Without a server one is started in the background on the data folder; it ends
when nothing has run for a minute. In a pipe each change is one line. Ctrl-C
asks whether to cancel the run or to detach from it; in a pipe it detaches.`,
    );
  runs(run, () => import("./run.ts"));

  const rerun = program
    .command("rerun")
    .argument("<run>", "a run that has ended")
    .summary("run an ended run again: what failed, all, or from a task on")
    .description(
      "Makes a new run of what the run was asked to do, and watches it. Tasks that succeeded are kept unless something says otherwise.",
    )
    .option("--failed", "what failed or did not run (the default when the run did not succeed)")
    .addOption(
      new Option("--all", "everything (the default when it succeeded)").conflicts(["failed", "from"]),
    )
    .addOption(new Option("--from <task>", "[stage/]task, and all after it").conflicts(["failed"]))
    .option("-p, --param <param>", "[stage/task:]NAME=VALUE instead of the old run's", collect);
  watchOptions(rerun).addHelpText(
    "after",
    `
Examples:
  $ mflow rerun run-01m839vp4gr439zn7c9j8z2tk1
  $ mflow rerun run-01m839vp4gr439zn7c9j8z2tk1 --from deploy -p REPLICAS=3
  $ mflow rerun run-01m839vp4gr439zn7c9j8z2tk1 --all --dry-run

With -o json or yaml a dry run shows too what each task would run with.`,
  );
  runs(rerun, () => import("./rerun.ts"));

  const rollback = program
    .command("rollback")
    .argument("[run]", "a run that has ended")
    .summary("bring tasks back to what they ran when they last succeeded")
    .description(
      "Makes a new run in mode ROLLBACK, and watches it: tasks whose job allows it run again what they ran when they last succeeded before that run; the others are skipped.",
    )
    .option(
      "--pipeline <name>",
      "instead of a run: the last run of this pipeline that ran something and is no rollback",
    )
    .option("-p, --param <param>", "[stage/task:]NAME=VALUE instead of the last success's", collect);
  watchOptions(rollback).addHelpText(
    "after",
    `
Examples:
  $ mflow rollback --pipeline release --dry-run
  $ mflow rollback run-01m839vp4gr439zn7c9j8z2tk1`,
  );
  runs(rollback, () => import("./rollback.ts"));

  runs(
    program
      .command("watch")
      .argument("<id>", "a run, or a task that runs alone")
      .summary("watch a run to its end"),
    () => import("./watch.ts"),
  );

  runs(
    program
      .command("why")
      .argument("<id>", "a run, a task, or a pipeline for its unfinished runs")
      .summary("say why a run or task waits")
      .description(
        "Says every cause for which a run or task has not ended; of a run what its tasks wait for, grouped.",
      ),
    () => import("./why.ts"),
  );

  const logs = program
    .command("logs")
    .argument("<id>", "a task, or a run for the logs of all its tasks")
    .summary("print logs")
    .option("-f, --follow", "go on until the log ends")
    .option("--step <name>", "only lines of this step")
    .option("--attempt <number>", "attempt (default: the newest that has a log)", wholeNumber(1))
    .option("--tail <lines>", "only the last so many lines", wholeNumber(1))
    .option("--search <text>", "only lines with this text, case ignored")
    .option("-t, --timestamps", "begin each line with its time");
  runs(logs, () => import("./logs.ts"));

  const debug = program
    .command("debug")
    .argument("<task>", "a task of a K8S_JOB job")
    .argument("[command...]", "program and arguments, after `--` (default: a shell)")
    .summary("open a terminal in a task's container")
    .description(
      "Opens a terminal in the running container of a K8S_JOB task or, when it has ended, in a copy of its pod that is removed with the session. Ends with the exit code of its program.",
    )
    .option("-c, --container <name>", "the container (default: the first one)")
    .addHelpText(
      "after",
      `
Examples:
  $ mflow debug task-01m839vdegbxzhfe6bmyfsy0k3
  $ mflow debug task-01m839vdegbxzhfe6bmyfsy0k3 -c main -- ls -l /workspace
  $ echo 'env | sort' | mflow debug task-01m839vdegbxzhfe6bmyfsy0k3

What a session started ends with it. Who opened one is in \`mflow events\`.`,
    );
  runs(debug, () => import("./debug.ts"));

  runs(
    program
      .command("cancel")
      .argument("[id...]", "runs or tasks")
      .summary("cancel runs, stages of them, or tasks")
      .option("-m, --message <text>", "why")
      .option("--stage <name>", "only the tasks of this stage of the run")
      .option(
        "--queue <pipeline>",
        "all runs of this pipeline that wait in line; those that have begun go on",
      )
      .option(
        "--force",
        "at once: what runs has no time to end by itself; of a run that is being canceled also its `finally` stages",
      ),
    () => import("./cancel.ts"),
  );

  const statusCall = program
    .command("status-call")
    .argument("<task>", "a task that waits for a status call")
    .argument("[stage]", "SUCCEEDED, FAILED, CANCELED or ACTIVE: make the call now")
    .summary("end a task that waits for somebody outside")
    .description(
      "Makes the status call of a MANUAL task, or of one whose job has `manualUpdateStatus`. Without a stage it prints the call as a command, with the task's update token, for a system outside.",
    )
    .option("-m, --message <text>", "one sentence for people")
    .option("-e, --env <env>", "put out a runtime env before: NAME=VALUE", collect)
    .addHelpText(
      "after",
      `
Examples:
  $ mflow status-call task-01m839vdegbxzhfe6bmyfsy0k3 SUCCEEDED -m 'the ticket is closed' -e TICKET=42
  $ mflow status-call task-01m839vdegbxzhfe6bmyfsy0k3 | ssh ops@outside 'cat > end-it.sh'

The token is good for this attempt alone. Who fetched it is in \`mflow events\`.`,
    );
  runs(statusCall, () => import("./status-call.ts"));

  const events = program
    .command("events")
    .summary("print what changed")
    .option("-f, --follow", "go on with what changes from now on")
    .option("--run <id>", "only of this run")
    .option("--task <id>", "only of this task")
    .option("--after <seq>", "only after this place in the stream", wholeNumber(0))
    .option("--tail <events>", "the last so many (default: 50, of a run or task all)", wholeNumber(1))
    .addOption(
      new Option("--archive", "the old ones that are no longer in the stream").conflicts(["follow", "tail"]),
    );
  runs(events, () => import("./events.ts"));
}

/** What all commands say that make a run of another one. */
function watchOptions(command: Command): Command {
  return command
    .option("--queue", "wait in line while another run of the pipeline is under way")
    .option("--no-queue", "be refused then, also when the pipeline has a queue")
    .option("-w, --watch", "watch the run to its end (the default)")
    .addOption(new Option("-d, --detach", "start the run, print its id and leave").conflicts("watch"))
    .addOption(
      new Option("--dry-run", "show what becomes of each task and why, run nothing").conflicts([
        "watch",
        "detach",
      ]),
    )
    .option("--idempotency-key <key>", "the same key and request start one run in 24 hours")
    .option("--allow-root-steps", "let a server that is started here run SHELL steps as root")
    .option("--shell-user <name>", "let a server that is started here run SHELL steps as this user");
}
