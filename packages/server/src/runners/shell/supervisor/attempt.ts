// One attempt of a task: runs its steps one after another, keeps its log and its result until the server has
// taken them. What happens is written to the journal, so that the next supervisor can say how it ended.

import { mkdirSync, rmSync, statSync } from "node:fs";
import { isAbsolute, join, relative, resolve } from "node:path";
import { createMasker, createStreamMasker, type Masker, type StreamMasker } from "@mflow/core/mask";
import { type Failure, messageOf, outputFailure, stepFailure } from "./failure.ts";
import { type Folders, outputPath, type TaskFolder } from "./folders.ts";
import type { Journal, PlannedStep } from "./journal.ts";
import { signalOf } from "./launch.ts";
import { MARK_VARIABLE, markOf } from "./leftovers.ts";
import { OutputLimit } from "./output-limit.ts";
import { joinMarkdown, readMarkdown, readRuntimeEnvs } from "./outputs.ts";
import type {
  FromSupervisor,
  KnownAttempt,
  Ref,
  Result,
  SpoolExtent,
  StartMessage,
  StepPlan,
  StepResult,
} from "./protocol.ts";
import { keyOf } from "./protocol.ts";
import { RunningStep, type StepEnd, type StepTools } from "./running-step.ts";
import { Spool } from "./spool.ts";
import { StepOutput, type TaskLog } from "./step-output.ts";

/** The server hears of a growing log this often. */
const GREW_MS = 20;

/** What attempts have in common. */
export interface AttemptTools extends StepTools {
  folders: Folders;
  journal: Journal;
  /** Where steps write their exit status now. */
  exits(): string;
  send(message: FromSupervisor): void;
  /** Nothing of the attempt runs any more. */
  ended(attempt: Attempt): void;
  warn(message: string): void;
}

export class Attempt {
  readonly ref: Ref;
  readonly key: string;
  /** Folder of its files. */
  readonly files: string;
  startAt: string | undefined;
  result: Result | undefined;
  readonly #tools: AttemptTools;
  readonly #spool: Spool;
  readonly #steps: StepResult[] = [];
  readonly #runtimeEnvs: Record<string, string> = {};
  #markdown = "";
  #running: RunningStep | undefined;
  #stopping: { graceMs: number } | undefined;
  #announced = false;
  #keptOutput = false;
  #grewTimer: NodeJS.Timeout | undefined;

  private constructor(ref: Ref, files: string, tools: AttemptTools, takeUp: boolean) {
    this.ref = ref;
    this.key = keyOf(ref);
    this.files = files;
    this.#tools = tools;
    const open = takeUp ? Spool.takeUp : (...args: ConstructorParameters<typeof Spool>) => new Spool(...args);
    this.#spool = open(
      join(files, "spool"),
      () => this.#grew(),
      (error) => tools.warn(`the log of ${this.key} cannot be written: ${messageOf(error)}`),
    );
  }

  /** Begins the work. Throws, with nothing begun, when it cannot be written down. */
  static start(plan: StartMessage, tools: AttemptTools): Attempt {
    const attempt = new Attempt(plan.ref, join(tools.folders.attempts, keyOf(plan.ref)), tools, false);
    const folder = tools.folders.take();
    const exits = tools.exits();
    attempt.startAt = new Date().toISOString();
    try {
      tools.journal.writeNow({
        e: "start",
        ref: attempt.ref,
        startAt: attempt.startAt,
        steps: plan.steps.map(plannedStep),
        owner: plan.owner,
        files: attempt.files,
        folder: folder.path,
        exits,
      });
    } catch (error) {
      tools.folders.giveBack(folder);
      throw error;
    }
    void attempt.#run(plan, folder, exits);
    return attempt;
  }

  /** An attempt that an earlier supervisor began, with what is known of its end. */
  static found(
    ref: Ref,
    files: string,
    startAt: string,
    result: Result,
    notes: string[],
    tools: AttemptTools,
  ): Attempt {
    const attempt = new Attempt(ref, files, tools, true);
    attempt.startAt = startAt;
    attempt.#keptOutput = true;
    for (const note of notes) attempt.#spool.add(Date.now(), "mflow", "", note);
    attempt.#spool.close();
    attempt.result = result;
    return attempt;
  }

  /** Whether it has files that must be removed once it is forgotten. */
  get hasFiles(): boolean {
    return this.#keptOutput || this.extent !== undefined;
  }

  get extent(): SpoolExtent | undefined {
    return this.#spool.extent;
  }

  get known(): KnownAttempt {
    const { ref, startAt, extent: spool, result } = this;
    // Who hears this need not hear again that it runs.
    this.#announced = true;
    return { ref, startAt, spool, result };
  }

  stop(graceMs: number): void {
    if (this.#stopping || this.result) return;
    this.#stopping = { graceMs };
    this.#tools.journal.write({ e: "stop", ref: this.ref });
    this.#running?.stop(graceMs);
  }

  async #run(plan: StartMessage, folder: TaskFolder, exits: string): Promise<void> {
    let failure: Failure | undefined;
    const mask = lazy(() => createMasker(plan.secrets));
    try {
      const log = taskLog(plan, this.#spool);
      for (const [index, step] of plan.steps.entries()) {
        failure = await this.#runStep(plan, index, { folder, exits, log, mask });
        if (this.#stopping || (failure && (failure.final || !step.continueOnError))) break;
        failure = undefined;
        if (index < plan.steps.length - 1) {
          this.#tools.journal.write({ e: "step", ref: this.ref, result: this.#steps[index] as StepResult });
        }
      }
    } catch (error) {
      failure = { reason: "RUNNER_ERROR", message: messageOf(error) };
    }
    if (failure) failure.message = mask()(failure.message);
    this.#end(failure, plan, folder);
  }

  async #runStep(
    plan: StartMessage,
    index: number,
    parts: { folder: TaskFolder; exits: string; log: TaskLog; mask: () => Masker },
  ): Promise<Failure | undefined> {
    const step = plan.steps[index] as StepPlan;
    const { folder, exits, log, mask } = parts;
    const mark = markOf(this.key, index);
    const streams = new Map<string, StepOutput>();
    let end: StepEnd;
    try {
      const workspace = this.#workspace(plan, folder);
      const env: Record<string, string> = {
        ...plan.env,
        ...step.env,
        MFLOW_OUTPUT: folder.output,
        MFLOW_SUMMARY: folder.summary,
        MFLOW_WORKSPACE: workspace,
        [MARK_VARIABLE]: mark,
      };
      const cwd = workdir(workspace, step.workdir);
      const { shell, script } = step;
      this.#running = new RunningStep(
        {
          launch: { shell, script, cwd, env, mark, exits },
          timeoutMs: step.timeoutMs,
          graceMs: plan.graceMs,
          keepProcesses: step.keepProcesses,
          onOutput: (stream, bytes) => {
            const output = streams.get(stream) ?? new StepOutput(log, stream, step.name);
            streams.set(stream, output);
            output.push(bytes);
          },
          onLasting: (leader, group) => {
            this.#tools.journal.write({ e: "process", ref: this.ref, step: index, process: leader, group });
            this.#announce();
          },
        },
        this.#tools,
      );
      end = await this.#running.ended;
    } catch (error) {
      this.#steps.push({ name: step.name });
      return {
        reason: "SPAWN_ERROR",
        message: `step \`${step.name}\` cannot be started: ${messageOf(error)}`,
      };
    } finally {
      this.#running = undefined;
      for (const output of streams.values()) output.end();
    }
    this.#steps.push(stepResult(step.name, end));
    const problem = this.#takeOutputs(plan, index, folder, mask);
    return stepFailure(step, end) ?? problem;
  }

  /** Takes what the step put out. */
  #takeOutputs(
    plan: StartMessage,
    index: number,
    folder: TaskFolder,
    mask: () => Masker,
  ): Failure | undefined {
    const { folders } = this.#tools;
    const names = folders.outputs(folder);
    const { limits, owner } = plan;
    if (names.includes("summary")) {
      const markdown = mask()(readMarkdown(folder.summary, limits, owner));
      this.#markdown = joinMarkdown(this.#markdown, markdown, limits);
      rmSync(folder.summary, { recursive: true, force: true });
    }
    if (!names.includes("output")) return undefined;
    this.#keptOutput = true;
    folders.keepOutput(folder, this.files, index);
    const problem = readRuntimeEnvs(outputPath(this.files, index), this.#runtimeEnvs, limits, owner);
    return problem && outputFailure(plan.steps[index]?.name ?? "", problem);
  }

  #end(failure: Failure | undefined, plan: StartMessage, folder: TaskFolder): void {
    this.#spool.close();
    clearTimeout(this.#grewTimer);
    const result: Result = {
      stage: this.#stopping ? "CANCELED" : failure ? "FAILED" : "SUCCEEDED",
      at: new Date().toISOString(),
      startAt: this.startAt,
      steps: this.#steps,
    };
    if (failure && !this.#stopping)
      Object.assign(result, { reason: failure.reason, message: failure.message });
    if (this.#markdown !== "") result.markdownOutput = this.#markdown;
    this.#tools.journal.write({ e: "end", ref: this.ref, result: { ...result } });
    if (Object.keys(this.#runtimeEnvs).length > 0) result.runtimeEnvs = this.#runtimeEnvs;
    this.result = result;
    this.#tools.send({ type: "result", ref: this.ref, result, spool: this.extent });
    const { folders } = this.#tools;
    if (plan.steps.some(({ keepProcesses }) => keepProcesses)) void folders.remove(folder.path);
    else folders.giveBack(folder);
    this.#tools.ended(this);
  }

  #workspace({ workspace }: StartMessage, folder: TaskFolder): string {
    if (workspace.kind === "task") return folder.work;
    if (workspace.kind === "run") return this.#tools.folders.run(workspace.aggregateId);
    try {
      mkdirSync(workspace.path, { recursive: true });
    } catch (error) {
      throw new Error(`the workspace \`${workspace.path}\` cannot be made: ${messageOf(error)}`);
    }
    return workspace.path;
  }

  #announce(): void {
    if (this.#announced) return;
    this.#announced = true;
    this.#tools.send({ type: "active", ref: this.ref, startAt: this.startAt as string });
  }

  /** Tells the server soon: what a short task logs comes with its result. */
  #grew(): void {
    this.#grewTimer ??= setTimeout(() => {
      this.#grewTimer = undefined;
      this.#announce();
      this.#tools.send({ type: "grew", ref: this.ref, spool: this.extent as SpoolExtent });
    }, GREW_MS);
  }
}

function plannedStep({ name, continueOnError, keepProcesses }: StepPlan): PlannedStep {
  return { name, continueOnError, keepProcesses };
}

function taskLog(plan: StartMessage, spool: Spool): TaskLog {
  const { limits, secrets } = plan;
  const masker = (): StreamMasker => createStreamMasker(secrets);
  return { spool, limits, limit: new OutputLimit(limits, Date.now()), masker };
}

function workdir(workspace: string, folder: string | undefined): string {
  if (folder === undefined) return workspace;
  const path = resolve(workspace, folder);
  const inside = relative(workspace, path);
  if (isAbsolute(folder) || inside === ".." || inside.startsWith("../")) {
    throw new Error(`its workdir \`${folder}\` lies outside the workspace`);
  }
  let isFolder = false;
  try {
    isFolder = statSync(path).isDirectory();
  } catch {
    // It does not exist.
  }
  if (!isFolder) throw new Error(`its workdir \`${folder}\` is not a folder in the workspace`);
  return path;
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

function lazy<T>(make: () => T): () => T {
  let made: { value: T } | undefined;
  return () => {
    made ??= { value: make() };
    return made.value;
  };
}
