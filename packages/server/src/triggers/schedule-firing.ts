// What is done about one schedule whose time has come: late times are sorted out, runs are started or not, and each step
// is written down before the next. Whatever is cut off in between is found again: a run by its labels, and a run that
// waits for others to end by the state.

import { MflowError } from "@mflow/core/errors";
import { lateTimes } from "@mflow/core/late-times";
import { jitterOf, ScheduleTimes } from "@mflow/core/schedule-times";
import type { HistoryEvent } from "@mflow/core/schema/event";
import type { PipelineTask } from "@mflow/core/schema/pipeline-task";
import type { Scope } from "@mflow/core/schema/scalars";
import type { Firing, Schedule, ScheduledTime, ScheduleState } from "@mflow/core/schema/schedule";
import type { Actor, Engine } from "../engine/submit.ts";
import type { Store, StoredSchedule } from "../store/store.ts";
import { isUnfinished, pipelineScope, runRequest, unfinishedRuns, unnotedRun } from "./schedule-runs.ts";
import { currentState, type Step, withFiring, withoutWaiting, withWaiting } from "./schedule-state.ts";

export interface FiringParts {
  engine: Pick<Engine, "runPipeline" | "cancelRun">;
  store: Pick<Store, "schedules" | "runs" | "catalog">;
  /** Why a user may not run things in a scope; nothing when they may. */
  cannotRun(user: string, scope: Scope): string | undefined;
  /** Milliseconds since the epoch. */
  now(): number;
  /** Hears of every event that was written. */
  tell(events: HistoryEvent[]): void;
}

/** How many of the next times are shown. */
const SHOWN_TIMES = 5;

const text = (moment: number) => new Date(moment).toISOString();

/** The next five times of a schedule that is not paused, seen from `now`, milliseconds since the epoch. */
export function nextTimesOf({ id, spec }: Schedule, state: ScheduleState, now: number): ScheduledTime[] {
  const times = new ScheduleTimes(spec);
  const startOf = (time: number) => time + jitterOf(id, time, spec.jitter);
  const doneUntil = Date.parse(state.doneUntil);
  const first = times.after(doneUntil);
  // One whose time has come may still wait for its jitter; what is later than that is being started now.
  const from = first !== undefined && startOf(first) > now ? doneUntil : now;
  return times.next(from, SHOWN_TIMES).map((time) => ({ time: text(time), startsAt: text(startOf(time)) }));
}

/** One schedule, from when it was read until what is due of it is done. */
export class ScheduleFiring {
  readonly #parts: FiringParts;
  readonly #schedule: Schedule;
  readonly #times: ScheduleTimes;
  #state: ScheduleState;
  /** Of the stored state. */
  #revision: number;
  /** The schedule is new, or has another timing since its state was written. */
  readonly #isNew: boolean;

  constructor(parts: FiringParts, { schedule, state }: StoredSchedule) {
    this.#parts = parts;
    this.#schedule = schedule;
    this.#times = new ScheduleTimes(schedule.spec);
    this.#state = currentState(schedule, state);
    this.#revision = state?.revision ?? 0;
    this.#isNew = this.#state !== state;
  }

  get state(): ScheduleState {
    return this.#state;
  }

  get isPaused(): boolean {
    return this.#schedule.spec.paused === true || this.#state.paused !== undefined;
  }

  /** When something is to be done next, milliseconds since the epoch; a run that waits for others comes besides. */
  get dueAt(): number | undefined {
    if (this.isPaused) return undefined;
    const next = this.#times.after(Date.parse(this.#state.doneUntil));
    return next === undefined ? undefined : this.#startOf(next);
  }

  #startOf(time: number): number {
    const { id, spec } = this.#schedule;
    return time + jitterOf(id, time, spec.jitter);
  }

  /**
   * Does what is due. `isUnsure`: something may have happened that is not written down, because an earlier life or try
   * was cut off. Rejects when the store or the engine cannot now; then it can be done again.
   */
  async settle(isUnsure: boolean): Promise<void> {
    if (this.#isNew) await this.write({ state: this.#state });
    if (isUnsure) await this.#adopt();
    if (this.isPaused) return;
    if (this.#state.waiting) await this.#startWaiting();
    const { spec } = this.#schedule;
    const now = this.#parts.now();
    const late = lateTimes(this.#times, Date.parse(this.#state.doneUntil), now, spec.catchUp, (time) =>
      this.#startOf(time),
    );
    if (late.missed) {
      const { first, last, count } = late.missed;
      const isOne = first === last;
      await this.#note({
        time: text(last),
        ...(!isOne && { since: text(first), ...(count !== undefined && { count }) }),
        outcome: "MISSED",
        message: missedSentence(text(first), text(last), count),
      });
    }
    for (const time of late.run) await this.#fire(text(time));
  }

  /** Writes the state down, with what is told of it. */
  async write({ state, event }: Step): Promise<void> {
    const written = { ...state, revision: this.#revision + 1 };
    const events = await this.#parts.store.schedules.putState(written, this.#revision, event ? [event] : []);
    this.#state = written;
    this.#revision = written.revision;
    this.#parts.tell(events);
  }

  async #note(firing: Omit<Firing, "at">): Promise<void> {
    await this.write(withFiring(this.#schedule, this.#state, { ...firing, at: text(this.#parts.now()) }));
  }

  /** Writes down a run that was started and not noted. */
  async #adopt(): Promise<void> {
    const { catalog, runs } = this.#parts.store;
    const scope = await pipelineScope(catalog, this.#schedule).catch(whenGone);
    const { waiting, doneUntil } = this.#state;
    // What waits is done already but for its run.
    const before = waiting ? text(Date.parse(waiting.time) - 1) : doneUntil;
    const found = scope && (await unnotedRun(runs, this.#schedule, scope, before));
    if (!found) return;
    if (waiting?.time === found.time) this.#state = withoutWaiting(this.#state);
    await this.#note({ time: found.time, outcome: "STARTED", runId: found.run.id });
  }

  /** The time has come. */
  async #fire(time: string): Promise<void> {
    const { overlap = "SKIP" } = this.#schedule.spec;
    const others = ["SKIP", "CANCEL_RUNNING"].includes(overlap) ? await this.#unfinished() : [];
    const [other] = others;
    if (!other) return this.#start(time);
    if (overlap === "SKIP") return this.#skip(time, other.id);
    await this.#giveUpWaiting(time);
    const runIds = others.map(({ id }) => id);
    await this.write(withWaiting(this.#state, { time, runIds }));
    await this.#startWaiting();
  }

  async #unfinished(): Promise<PipelineTask[]> {
    const { catalog, runs } = this.#parts.store;
    const scope = await pipelineScope(catalog, this.#schedule).catch(whenGone);
    return scope ? unfinishedRuns(runs, this.#schedule, scope) : [];
  }

  #skip(time: string, runId: string): Promise<void> {
    const message = `run ${runId} had not ended`;
    return this.#note({ time, outcome: "SKIPPED", runId, message });
  }

  /** A run that still waits gives way to that of a later time. */
  async #giveUpWaiting(time: string): Promise<void> {
    const { waiting } = this.#state;
    if (!waiting) return;
    this.#state = withoutWaiting(this.#state);
    const message = `the runs before it had not ended when the next time came, ${time}`;
    await this.#note({ time: waiting.time, outcome: "SKIPPED", message });
  }

  /** Whether a run waits for others to end, and all of them have. */
  async isFree(): Promise<boolean> {
    const { waiting } = this.#state;
    if (!waiting || this.isPaused) return false;
    for (const runId of waiting.runIds) {
      if (await isUnfinished(this.#parts.store.runs, runId)) return false;
    }
    return true;
  }

  /** Cancels the runs in the way, and starts the one that waits when none of them is left. */
  async #startWaiting(): Promise<void> {
    const { waiting } = this.#state;
    if (!waiting) return;
    const { engine, store } = this.#parts;
    let isFree = true;
    for (const runId of waiting.runIds) {
      const run = await store.runs.run(runId);
      if (!run || !(await isUnfinished(store.runs, runId))) continue;
      const message = `the next time of schedule ${this.#schedule.name} came: ${waiting.time}`;
      if (run.status.stage !== "CANCELING")
        await engine.cancelRun(runId, { message }, this.#owner).catch(whenRefused);
      if (await isUnfinished(store.runs, runId)) isFree = false;
    }
    if (isFree) await this.#start(waiting.time);
  }

  get #owner(): Actor {
    return { name: this.#schedule.owner, operator: true };
  }

  /** Starts the run of a time, or writes down why not. */
  async #start(time: string): Promise<void> {
    const { engine, store, cannotRun } = this.#parts;
    const schedule = this.#schedule;
    const { overlap = "SKIP" } = schedule.spec;
    const { waiting, ...rest } = this.#state;
    // In one step with the outcome.
    if (waiting?.time === time) this.#state = rest;
    try {
      const scope = await pipelineScope(store.catalog, schedule);
      for (const where of [schedule, scope]) {
        const reason = cannotRun(schedule.owner, where);
        if (reason !== undefined) throw new MflowError("FORBIDDEN", takeOverSentence(schedule, reason));
      }
      // A pipeline may have a queue of its own; what is to be skipped does not wait in it.
      const queue = overlap === "ALLOW" ? undefined : overlap !== "SKIP";
      const { run } = await engine.runPipeline({
        request: runRequest(schedule, scope, { time, queue }),
        scope,
        actor: this.#owner,
        idempotencyKey: `schedule/${schedule.id}/${time}`,
      });
      await this.#note({ time, outcome: "STARTED", runId: run.id });
    } catch (error) {
      if (!(error instanceof MflowError) || error.status >= 500) throw error;
      const holder = error.details[0]?.message;
      if (error.code === "PIPELINE_IS_RUNNING" && overlap === "SKIP" && holder)
        return this.#skip(time, holder);
      await this.#note({ time, outcome: "REFUSED", message: error.message });
    }
  }
}

function missedSentence(first: string, last: string, count: number | undefined): string {
  const which = first === last ? first : `${count ?? "more than 1000"} times from ${first} to ${last}`;
  return `${which} passed while the server was down or busy`;
}

function takeOverSentence({ name, owner }: Schedule, reason: string): string {
  return `its owner ${owner} ${reason}; whoever may run the pipeline can take it over with \`mflow schedule resume ${name}\``;
}

/** Where there is no pipeline there are no runs; starting one says so. */
function whenGone(error: unknown): undefined {
  if (error instanceof MflowError && error.code === "NOT_FOUND") return undefined;
  throw error;
}

/** A run that ended by itself meanwhile need not be canceled. */
function whenRefused(error: unknown): undefined {
  if (error instanceof MflowError && error.status < 500) return undefined;
  throw error;
}
