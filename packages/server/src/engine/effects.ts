// The effect workers: what follows from a commit is done here, at least once. Effects of one task run one
// after another, so that a start and a stop of an attempt never meet. An effect that fails is given back
// with backoff; one that a crash interrupted is found again by its lease.

import type { JobTask } from "@mflow/core/schema/job-task";
import type { RunDefinition } from "@mflow/core/schema/pipeline-task";
import { type AttemptRef, RetryableStartError, type Runner, type StartRequest } from "../runners/runner.ts";
import type { Effect, Outbox } from "../store/store.ts";
import type { Clock } from "./clock.ts";

/** An effect with the rows as they were committed. */
export interface EffectWork {
  effect: Effect;
  /** Absent for what concerns a whole run. */
  task?: JobTask;
  definition: RunDefinition;
}

export interface EffectWorkersParts {
  outbox: Outbox;
  clock: Clock;
  runners: ReadonlyMap<string, Runner>;
  stopGraceMs: number;
  startRequest(task: JobTask, definition: RunDefinition): StartRequest;
  done(effectId: string): void;
  /** The runner refused the attempt for good. Resolves when that is committed. */
  startFailed(aggregateId: string, taskId: string, attempt: number, message: string): Promise<void>;
  /** Nothing of the attempt runs or ever will. Resolves when that is committed. */
  stopped(aggregateId: string, taskId: string, attempt: number): Promise<void>;
  /** A run that was the work of a task has ended. Resolves when the task knows. */
  childEnded(runId: string): Promise<void>;
  /** Starts what follows a run. Resolves when its outcome is committed. */
  startNext(runId: string, nextId: string): Promise<void>;
  /** What is older in the group is to give way to a run, or to one of its tasks. Resolves when all of it is committed. */
  giveWay(aggregateId: string, id: string): Promise<void>;
  /** An effect was given back; it is due then. */
  retryAt(dueAt: number): void;
  warn(message: string, error: unknown): void;
}

const FIRST_BACKOFF_MS = 200;
const MAX_BACKOFF_MS = 30_000;

export class EffectWorkers {
  readonly #parts: EffectWorkersParts;
  /** The last effect under way, by task or aggregate. */
  readonly #chains = new Map<string, Promise<void>>();
  /** Why the last try to start or stop an attempt went wrong, by attempt, until one goes well. */
  readonly #troubles = new Map<string, string>();
  #isClosed = false;

  constructor(parts: EffectWorkersParts) {
    this.#parts = parts;
  }

  run(work: EffectWork): void {
    const key = work.effect.taskId;
    const before = this.#chains.get(key);
    const now = before ? before.then(() => this.#perform(work)) : this.#perform(work);
    this.#chains.set(key, now);
    void now.then(() => {
      if (this.#chains.get(key) === now) this.#chains.delete(key);
    });
  }

  /** Why an attempt could not be started or stopped yet; nothing of one where no try went wrong. */
  troubleOf({ taskId, attempt }: AttemptRef): string | undefined {
    return this.#troubles.get(`${taskId}.${attempt}`);
  }

  /** From now on no runner is called: what has not begun is given back, and so is what fails now. */
  close(): void {
    this.#isClosed = true;
  }

  /** Resolves when no effect is under way. */
  async whenIdle(): Promise<void> {
    while (this.#chains.size > 0) await Promise.all(this.#chains.values());
  }

  async #perform(work: EffectWork): Promise<void> {
    const { effect } = work;
    try {
      if (this.#isClosed) throw new Error("the server is stopping");
      switch (effect.kind) {
        case "START":
          await this.#start(work);
          break;
        case "STOP":
          await this.#stop(work);
          break;
        case "CHILD_ENDED":
          await this.#parts.childEnded(effect.aggregateId);
          break;
        case "NEXT_RUN":
          await this.#parts.startNext(effect.aggregateId, effect.taskId);
          break;
        case "GIVE_WAY":
          await this.#parts.giveWay(effect.aggregateId, effect.taskId);
          break;
        case "RELEASE":
          await this.#release(work);
      }
      this.#troubles.delete(`${effect.taskId}.${effect.attempt}`);
      this.#parts.done(effect.id);
    } catch (error) {
      await this.#giveBack(effect, error);
    }
  }

  async #start({ effect, task, definition }: EffectWork): Promise<void> {
    if (!task || task.attempt !== effect.attempt || !isWanted(task)) return;
    const { aggregateId, taskId, attempt } = effect;
    try {
      const result = await this.#runnerOf(task).start(this.#parts.startRequest(task, definition));
      if (result.state === "STOPPED") await this.#parts.stopped(aggregateId, taskId, attempt);
    } catch (error) {
      // What ends because the runner is closed says nothing of the attempt.
      if (error instanceof RetryableStartError || this.#isClosed) throw error;
      const message = error instanceof Error ? error.message : String(error);
      await this.#parts.startFailed(aggregateId, taskId, attempt, message);
    }
  }

  async #stop({ effect, task }: EffectWork): Promise<void> {
    if (!task) return;
    const { aggregateId, taskId, attempt } = effect;
    const options = { graceMs: task.status.isForced ? 0 : this.#parts.stopGraceMs };
    const result = await this.#runnerOf(task).stop({ taskId, attempt }, options);
    if (result === "GONE") await this.#parts.stopped(aggregateId, taskId, attempt);
  }

  async #release({ effect, definition }: EffectWork): Promise<void> {
    const types = new Set(Object.values(definition.jobs).map((job) => job.spec.runnerType as string));
    for (const type of types) await this.#parts.runners.get(type)?.release(effect.aggregateId);
  }

  #runnerOf(task: JobTask): Runner {
    const runner = this.#parts.runners.get(task.runnerType);
    if (!runner) throw new Error(`this server has no runner ${task.runnerType}`);
    return runner;
  }

  async #giveBack(effect: Effect, error: unknown): Promise<void> {
    const backoff = Math.min(FIRST_BACKOFF_MS * 2 ** Math.min(effect.tries, 20), MAX_BACKOFF_MS);
    const dueAt = this.#parts.clock.now() + backoff;
    const message = error instanceof Error ? error.message : String(error);
    if (effect.kind === "START" || effect.kind === "STOP")
      this.#troubles.set(`${effect.taskId}.${effect.attempt}`, message);
    this.#parts.warn(`${effect.kind} of ${effect.taskId} failed; next try in ${backoff} ms`, error);
    try {
      await this.#parts.outbox.retry(effect.id, dueAt, message);
    } catch (storeError) {
      // Its lease ends by itself, and then it is found again.
      this.#parts.warn(`could not give back effect ${effect.id}`, storeError);
    }
    this.#parts.retryAt(dueAt);
  }
}

/** Whether the attempt is still to be started. One that was pushed back is PENDING until its turn comes again. */
export function isWanted(task: JobTask): boolean {
  const { stage, stopping, workGoneAt, reported } = task.status;
  return (stage === "CREATING" || stage === "ACTIVE") && !stopping && !workGoneAt && !reported;
}
