// The work of an attempt: its steps one after another, each with what it puts out, until one fails for good
// or the work is stopped.

import { mkdirSync, rmSync, statSync } from "node:fs";
import { isAbsolute, relative, resolve } from "node:path";
import { createMasker, createStreamMasker, type Masker } from "@mflow/core/mask";
import { type Failure, messageOf, outputFailure, stepFailure, unreadableFailure } from "./failure.ts";
import { type Folders, outputPath, type TaskFolder } from "./folders.ts";
import { signalOf } from "./launch.ts";
import type { Launcher } from "./launchers.ts";
import { MARK_VARIABLE, markOf } from "./leftovers.ts";
import { OutputLimit } from "./output-limit.ts";
import { joinMarkdown, type OutputProblem, readMarkdown, readRuntimeEnvs } from "./outputs.ts";
import type { ProcessIdentity } from "./process-identity.ts";
import {
  type Given,
  type Kept,
  keyOf,
  type StartMessage,
  type StepPlan,
  type StepResult,
  type Want,
} from "./protocol.ts";
import { RunningStep, type StepEnd, type StepTools } from "./running-step.ts";
import type { Spool } from "./spool.ts";
import { StepOutput, type TaskLog } from "./step-output.ts";
import { TaskFiles } from "./task-files.ts";

export interface TaskRunParts extends StepTools {
  folders: Folders;
  /** The folder that the task has to itself. */
  folder: TaskFolder;
  /** The folder of the attempt's files. */
  files: string;
  /** Where the steps leave their exit status. */
  exits: string;
  spool: Spool;
  /** The launcher of the first step. */
  launcher: Launcher;
  /** A step runs for a while; `group`: the cgroup that it will be in. */
  onLasting(group: string | undefined): void;
  /** A step has ended, and the next one is about to begin in the process group of `leader`. */
  onStep(result: StepResult, leader: ProcessIdentity): void;
  /** Asks the server for files; rejects when the work is stopped. */
  ask(want: Want): Promise<Given>;
}

export class TaskRun {
  readonly steps: StepResult[] = [];
  readonly runtimeEnvs: Record<string, string> = {};
  markdown = "";
  /** Indexes of the steps whose runtime envs are among the files of the attempt. */
  readonly outputs: number[] = [];
  /** What it keeps; absent when it does nothing with files. */
  kept: Kept | undefined;
  readonly #plan: StartMessage;
  readonly #parts: TaskRunParts;
  readonly #log: TaskLog;
  #masker: Masker | undefined;
  #running: RunningStep | undefined;
  #stopping = false;
  readonly #stopped = new AbortController();

  constructor(plan: StartMessage, parts: TaskRunParts) {
    const { limits, secrets } = plan;
    this.#plan = plan;
    this.#parts = parts;
    this.#log = {
      spool: parts.spool,
      limits,
      limit: new OutputLimit(limits, Date.now()),
      masker: () => createStreamMasker(secrets),
    };
  }

  /** Begins at once; resolves when nothing of it runs any more, with the failure if there is one. */
  async run(): Promise<Failure | undefined> {
    if (!this.#plan.files) return this.#runSteps();
    const { launcher, launchers, onLasting } = this.#parts;
    let files: TaskFiles;
    try {
      files = this.#files();
    } catch (error) {
      launchers.giveBack(launcher);
      return { reason: "SPAWN_ERROR", message: messageOf(error) };
    }
    onLasting(undefined);
    const missing = await files.prepare();
    if (missing || this.#stopping) {
      launchers.giveBack(launcher);
      return this.#stopping ? undefined : missing;
    }
    const failure = await this.#runSteps();
    if (this.#stopping) return undefined;
    const collected = await files.collect(failure === undefined);
    if (this.#stopping) return undefined;
    this.kept = collected.kept;
    return failure ?? collected.failure;
  }

  #files(): TaskFiles {
    const { files: plan, owner } = this.#plan;
    if (!plan) throw new Error("it does nothing with files");
    const { files, spool, ask } = this.#parts;
    const note = (text: string) => void spool.add(Date.now(), "mflow", "", text);
    const workspace = this.workspace();
    return new TaskFiles({ plan, workspace, owner, files, note, ask, signal: this.#stopped.signal });
  }

  async #runSteps(): Promise<Failure | undefined> {
    const { launchers, onStep } = this.#parts;
    let { launcher } = this.#parts;
    for (const [index, step] of this.#plan.steps.entries()) {
      if (index > 0) {
        launcher = launchers.take();
        onStep(this.steps[index - 1] as StepResult, launcher.identity);
      }
      const failure = await this.#runStep(step, index, launcher);
      if (this.#stopping) return undefined;
      if (failure && (failure.final || !step.continueOnError)) {
        return { ...failure, message: this.#mask(failure.message) };
      }
    }
    return undefined;
  }

  /** No further step begins, and the present one is ended. */
  stop(graceMs: number): void {
    this.#stopping = true;
    this.#stopped.abort();
    this.#running?.stop(graceMs);
  }

  async #runStep(step: StepPlan, index: number, launcher: Launcher): Promise<Failure | undefined> {
    const streams = new Map<string, StepOutput>();
    let end: StepEnd;
    try {
      this.#running = this.#start(step, index, launcher, streams);
      end = await this.#running.ended;
    } catch (error) {
      this.steps.push({ name: step.name });
      return {
        reason: "SPAWN_ERROR",
        message: `step \`${step.name}\` cannot be started: ${messageOf(error)}`,
      };
    } finally {
      this.#running = undefined;
      for (const output of streams.values()) output.end();
    }
    this.steps.push(stepResult(step.name, end));
    const problem = this.#takeOutputs(step, index);
    return stepFailure(step, end) ?? problem;
  }

  /** Throws when the step cannot be started; the launcher is given back then. */
  #start(step: StepPlan, index: number, launcher: Launcher, streams: Map<string, StepOutput>): RunningStep {
    const plan = this.#plan;
    const parts = this.#parts;
    const { folder } = parts;
    let workspace: string;
    let cwd: string;
    try {
      workspace = this.workspace();
      cwd = workdir(workspace, step.workdir);
    } catch (error) {
      parts.launchers.giveBack(launcher);
      throw error;
    }
    const mark = markOf(keyOf(plan.ref), index);
    const env: Record<string, string> = {
      ...plan.env,
      ...step.env,
      MFLOW_OUTPUT: folder.output,
      MFLOW_SUMMARY: folder.summary,
      MFLOW_WORKSPACE: workspace,
      [MARK_VARIABLE]: mark,
    };
    const { shell, script, timeoutMs, keepProcesses } = step;
    return new RunningStep(
      {
        launcher,
        launch: { shell, script, cwd, env, mark, exits: parts.exits },
        timeoutMs,
        graceMs: plan.graceMs,
        keepProcesses,
        onOutput: (stream, bytes) => {
          const output = streams.get(stream) ?? new StepOutput(this.#log, stream, step.name);
          streams.set(stream, output);
          output.push(bytes);
        },
        onLasting: parts.onLasting,
      },
      parts,
    );
  }

  /** Where its steps work; made at first use. Throws a sentence when it cannot be. */
  workspace(): string {
    const { workspace } = this.#plan;
    if (workspace.kind === "task") return this.#parts.folder.work;
    if (workspace.kind === "run") return this.#parts.folders.run(workspace.aggregateId);
    const { path } = workspace;
    if (isFolder(path)) return path;
    // With more rights than the steps' user nothing is made that he could not make himself.
    if (this.#plan.owner) throw new Error(`its workspace \`${path}\` is no folder; make it before`);
    try {
      mkdirSync(path, { recursive: true });
    } catch (error) {
      throw new Error(`its workspace \`${path}\` cannot be made: ${messageOf(error)}`);
    }
    return path;
  }

  /** Takes what a step put out; says what is wrong with it. */
  #takeOutputs({ name }: StepPlan, index: number): Failure | undefined {
    try {
      const problem = this.#readOutputs(index);
      return problem && outputFailure(name, problem);
    } catch (error) {
      return unreadableFailure(name, error);
    }
  }

  #readOutputs(index: number): OutputProblem | undefined {
    const { folders, folder, files } = this.#parts;
    const { limits, owner } = this.#plan;
    const names = folders.outputs(folder);
    if (names.includes("summary")) {
      const markdown = this.#mask(readMarkdown(folder.summary, limits, owner));
      this.markdown = joinMarkdown(this.markdown, markdown, limits);
      rmSync(folder.summary, { recursive: true, force: true });
    }
    if (!names.includes("output")) return undefined;
    this.outputs.push(index);
    folders.keepOutput(folder, files, index);
    return readRuntimeEnvs(outputPath(files, index), this.runtimeEnvs, limits, owner);
  }

  #mask(text: string): string {
    this.#masker ??= createMasker(this.#plan.secrets);
    return this.#masker(text);
  }
}

/** Where a step works. Throws a sentence when it cannot work there. */
function workdir(workspace: string, folder: string | undefined): string {
  if (folder === undefined) return workspace;
  const path = resolve(workspace, folder);
  const inside = relative(workspace, path);
  if (isAbsolute(folder) || inside === ".." || inside.startsWith("../")) {
    throw new Error(`its workdir \`${folder}\` lies outside the workspace`);
  }
  if (!isFolder(path)) throw new Error(`its workdir \`${folder}\` is not a folder in the workspace`);
  return path;
}

function isFolder(path: string): boolean {
  try {
    return statSync(path).isDirectory();
  } catch {
    return false;
  }
}

function stepResult(name: string, end: StepEnd): StepResult {
  const result: StepResult = {
    name,
    startAt: new Date(end.startAt).toISOString(),
    endAt: new Date(end.endAt).toISOString(),
    durationMs: end.endAt - end.startAt,
  };
  if (end.exitCode !== undefined) result.exitCode = end.exitCode;
  const signal = end.signal ?? signalOf(end.exitCode ?? 0);
  if (signal !== undefined) result.signal = signal;
  if (end.timedOut) result.timedOut = true;
  if (end.peakMemoryBytes !== undefined) result.peakMemoryBytes = end.peakMemoryBytes;
  if (end.peakMemorySource !== undefined) result.peakMemorySource = end.peakMemorySource;
  return result;
}
