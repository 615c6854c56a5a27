// One attempt of a task: its work, and its log and result until the server has taken them. What happens is
// written to the journal, so that the next supervisor can say how it ended.

import { join } from "node:path";
import { type Failure, messageOf } from "./failure.ts";
import type { Folders, TaskFolder } from "./folders.ts";
import type { Journal, JournalEvent, PlannedKeep, PlannedStep } from "./journal.ts";
import type { Launcher } from "./launchers.ts";
import {
  type FromSupervisor,
  type Given,
  type KnownAttempt,
  keyOf,
  type Ref,
  type Result,
  type SpoolExtent,
  type StartMessage,
  type StepPlan,
  type Want,
} from "./protocol.ts";
import type { StepTools } from "./running-step.ts";
import { Spool } from "./spool.ts";
import { TaskRun } from "./task-run.ts";

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
  ended(): void;
  warn(message: string): void;
}

/** An attempt that an earlier supervisor began, with what is known of its end. */
export interface FoundAttempt {
  ref: Ref;
  files: string;
  startAt: string;
  result: Result;
  /** Its log, when that is in no spool. */
  log?: string;
  /** A line to add to its log. */
  note?: string;
}

/** What an attempt has got when it begins. */
interface Begun {
  folder: TaskFolder;
  launcher: Launcher;
  exits: string;
}

export class Attempt {
  readonly ref: Ref;
  /** Folder of its files. */
  readonly files: string;
  readonly #startAt: string;
  readonly #tools: AttemptTools;
  readonly #spool: Spool;
  /** Absent once it has ended. */
  #run: TaskRun | undefined;
  #stopping = false;
  #result: Result | undefined;
  /** Its log, when it has ended without a spool. */
  #log: string | undefined;
  /** Its files may be more than a spool. */
  #hasOutputs = false;
  #announced = false;
  #grewTimer: NodeJS.Timeout | undefined;
  /** Files that it waits for. */
  #asked: { want: Want; answer(given: Given): void } | undefined;

  private constructor(ref: Ref, files: string, startAt: string, tools: AttemptTools) {
    this.ref = ref;
    this.files = files;
    this.#startAt = startAt;
    this.#tools = tools;
    this.#spool = new Spool(
      join(files, "spool"),
      () => this.#grew(),
      (error) => tools.warn(`the log of ${keyOf(ref)} cannot be written: ${messageOf(error)}`),
    );
  }

  /** Begins the work. Throws, with nothing begun, when it cannot be written down. */
  static start(plan: StartMessage, tools: AttemptTools): Attempt {
    const { folders, journal, launchers } = tools;
    const files = join(folders.attempts, keyOf(plan.ref));
    const attempt = new Attempt(plan.ref, files, new Date().toISOString(), tools);
    const folder = folders.take();
    let launcher: Launcher | undefined;
    try {
      launcher = launchers.take();
      const begun = { folder, launcher, exits: tools.exits() };
      const run = attempt.#makeRun(plan, begun);
      journal.writeNow(attempt.#begun(plan, begun, run));
      attempt.#begin(plan, folder, run);
    } catch (error) {
      folders.giveBack(folder);
      if (launcher) launchers.giveBack(launcher);
      throw error;
    }
    return attempt;
  }

  static found(found: FoundAttempt, tools: AttemptTools): Attempt {
    const attempt = new Attempt(found.ref, found.files, found.startAt, tools);
    attempt.#hasOutputs = true;
    attempt.#result = found.result;
    attempt.#log = found.log;
    attempt.#spool.takeUp();
    if (found.note !== undefined) attempt.#spool.add(Date.now(), "mflow", "", found.note);
    attempt.#spool.close();
    return attempt;
  }

  get hasEnded(): boolean {
    return this.#result !== undefined;
  }

  /** Whether it has files that must be removed once it is forgotten. */
  get hasFiles(): boolean {
    return this.#hasOutputs || this.#spool.extent !== undefined;
  }

  /** All that a server must know that has just come. */
  get known(): KnownAttempt {
    // Who hears this need not hear again that it runs.
    this.#announced = true;
    const { extent } = this.#spool;
    const known = {
      ref: this.ref,
      startAt: this.#startAt,
      spool: extent,
      result: this.#result,
      log: this.#log,
    };
    return this.#asked ? { ...known, want: this.#asked.want } : known;
  }

  /** The server's answer to what it asked for; one that comes twice is ignored. */
  given(given: Given): void {
    const asked = this.#asked;
    if (!asked || (given.kind !== asked.want.kind && given.kind !== "failure")) return;
    this.#asked = undefined;
    asked.answer(given);
  }

  stop(graceMs: number): void {
    if (this.#result) return;
    if (!this.#stopping) this.#tools.journal.write({ e: "stop", ref: this.ref });
    this.#stopping = true;
    this.#run?.stop(graceMs);
    // Whoever waits for the server has not to wait any more.
    if (this.#asked) this.given({ kind: "failure", message: "it was stopped" });
  }

  #begun(plan: StartMessage, { folder, launcher, exits }: Begun, run: TaskRun): JournalEvent {
    return {
      ...plannedKeep(plan, run),
      e: "start",
      ref: this.ref,
      startAt: this.#startAt,
      steps: plan.steps.map(plannedStep),
      owner: plan.owner,
      files: this.files,
      folder: folder.path,
      exits,
      leader: launcher.identity,
    };
  }

  #makeRun(plan: StartMessage, begun: Begun): TaskRun {
    const { ref } = this;
    const { folders, journal, launchers, cgroups } = this.#tools;
    return new TaskRun(plan, {
      ...begun,
      folders,
      launchers,
      cgroups,
      files: this.files,
      spool: this.#spool,
      onLasting: (group) => {
        if (group !== undefined) journal.write({ e: "group", ref, group });
        this.#announce();
      },
      // Before it begins: whatever comes after this moment must find the step that runs.
      onStep: (result, leader) => journal.writeAtOnce({ e: "step", ref, result, leader }),
      ask: (want) => this.#ask(want),
    });
  }

  #ask(want: Want): Promise<Given> {
    return new Promise((answer) => {
      this.#asked = { want, answer };
      this.#tools.send({ type: "want", ref: this.ref, want });
    });
  }

  #begin(plan: StartMessage, folder: TaskFolder, run: TaskRun): void {
    const { folders } = this.#tools;
    // Packed files may be there although none of them is kept.
    this.#hasOutputs = plan.files !== undefined;
    this.#run = run;
    void run
      .run()
      .catch((error): Failure => ({ reason: "RUNNER_ERROR", message: messageOf(error) }))
      .then((failure) => {
        this.#end(run, failure);
        // What a step keeps may still use the folder, so no other task gets it.
        if (plan.steps.some(({ keepProcesses }) => keepProcesses)) void folders.remove(folder.path);
        else folders.giveBack(folder);
        this.#tools.ended();
      });
  }

  #end(run: TaskRun, failure: Failure | undefined): void {
    const { ref } = this;
    this.#run = undefined;
    this.#log = this.#spool.takeHeld();
    this.#spool.close();
    clearTimeout(this.#grewTimer);
    const result: Result = {
      stage: this.#stopping ? "CANCELED" : failure ? "FAILED" : "SUCCEEDED",
      at: new Date().toISOString(),
      startAt: this.#startAt,
      steps: run.steps,
    };
    if (failure && !this.#stopping) {
      result.reason = failure.reason;
      result.message = failure.message;
    }
    if (run.markdown !== "") result.markdownOutput = run.markdown;
    if (run.kept && !this.#stopping) result.kept = run.kept;
    const { outputs } = run;
    this.#tools.journal.write({ e: "end", ref, result: { ...result }, outputs, log: this.#log });
    if (Object.keys(run.runtimeEnvs).length > 0) result.runtimeEnvs = run.runtimeEnvs;
    this.#hasOutputs ||= outputs.length > 0;
    this.#result = result;
    this.#tools.send({ type: "result", ref, result, spool: this.#spool.extent, log: this.#log });
  }

  #announce(): void {
    if (this.#announced) return;
    this.#announced = true;
    this.#tools.send({ type: "active", ref: this.ref, startAt: this.#startAt });
  }

  /** Tells the server soon, and not of each write. */
  #grew(): void {
    this.#grewTimer ??= setTimeout(() => {
      this.#grewTimer = undefined;
      this.#announce();
      this.#tools.send({ type: "grew", ref: this.ref, spool: this.#spool.extent as SpoolExtent });
    }, GREW_MS);
  }
}

/** What the next supervisor needs to know to pack what the attempt keeps; its caches are not worth it. */
function plannedKeep({ files }: StartMessage, run: TaskRun): { keep?: PlannedKeep } {
  if (!files || files.artifacts.length === 0) return {};
  try {
    return { keep: { workspace: run.workspace(), artifacts: files.artifacts, limit: files.limit } };
  } catch {
    // The attempt will fail for it.
    return {};
  }
}

function plannedStep({ name, continueOnError, keepProcesses }: StepPlan): PlannedStep {
  return { name, continueOnError, keepProcesses };
}
