// The service that fires schedules: one timer for all of them, set to the next time that is due. What a schedule has
// done is in the store; here is only when it is to be looked at next, so that a restart begins where the last life ended.
// What reads the calendar is loaded with the first schedule.

import { MflowError } from "@mflow/core/errors";
import type { HistoryEvent } from "@mflow/core/schema/event";
import type { Schedule, ScheduleView } from "@mflow/core/schema/schedule";
import { type Clock, systemClock } from "../engine/clock.ts";
import type { Actor, Engine, RunPipelineResult } from "../engine/submit.ts";
import type { CatalogChange, StoredSchedule } from "../store/store.ts";
import type { FiringParts, ScheduleFiring } from "./schedule-firing.ts";
import { pipelineScope, runRequest } from "./schedule-runs.ts";
import { currentState, paused, resumed, withFiring } from "./schedule-state.ts";

/** The timer is set to no longer than this, milliseconds: the machine's clock may be put forward meanwhile. */
const LONGEST_SLEEP_MS = 60_000;
/** What the store or the engine could not do is tried again after this, milliseconds. */
const RETRY_MS = 5_000;

export interface SchedulesOptions extends Pick<FiringParts, "store" | "cannotRun"> {
  engine: Pick<Engine, "runPipeline" | "cancelRun" | "subscribe">;
  clock?: Clock;
  log: { warn(message: string, error?: unknown): void };
}

/** When a schedule is looked at next. */
interface Entry {
  /** Milliseconds since the epoch; absent when nothing is to come. */
  dueAt: number | undefined;
  /** Something may have happened that is not written down. */
  isUnsure: boolean;
  /** Runs whose end it waits for. */
  waitsFor: readonly string[];
}

export class Schedules {
  readonly #options: SchedulesOptions;
  readonly #clock: Clock;
  readonly #entries = new Map<string, Entry>();
  /** What is done about a schedule, one after another. */
  readonly #work = new Map<string, Promise<unknown>>();
  readonly #listeners = new Set<(event: HistoryEvent) => void>();
  readonly #watchers = new Set<() => void>();
  #isRunning = false;
  #cancelTimer: () => void = () => {};
  #unsubscribe: () => void = () => {};

  constructor(options: SchedulesOptions) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
  }

  /** Takes up what the last life left. A second start does nothing. The engine runs before. */
  async start(): Promise<void> {
    if (this.#isRunning) return;
    this.#isRunning = true;
    this.#unsubscribe = this.#options.engine.subscribe((event) => this.#heard(event));
    for (const stored of await this.#options.store.schedules.all()) await this.#take(stored);
    // Stopped meanwhile.
    if (!this.#isRunning) return this.#entries.clear();
    for (const [id, { waitsFor }] of this.#entries) if (waitsFor.length > 0) this.#settleSoon(id);
    this.#arm();
  }

  /** Fires nothing from now on, and waits for what is under way. A second stop does nothing. */
  async stop(): Promise<void> {
    this.#isRunning = false;
    this.#cancelTimer();
    this.#unsubscribe();
    await this.settled();
    this.#entries.clear();
  }

  /** Resolves when nothing is under way; the timer may still be set. */
  async settled(): Promise<void> {
    while (this.#work.size > 0) await Promise.allSettled(this.#work.values());
  }

  /** Whether something is to come, for a server that ends when idle. */
  busy(): boolean {
    if (this.#work.size > 0) return true;
    return [...this.#entries.values()].some(
      ({ dueAt, waitsFor }) => dueAt !== undefined || waitsFor.length > 0,
    );
  }

  /** Calls back for every event of a schedule; the answer unsubscribes. */
  subscribe(listener: (event: HistoryEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Calls back whenever `busy` may have changed; the answer ends that. */
  watch(watcher: () => void): () => void {
    this.#watchers.add(watcher);
    return () => this.#watchers.delete(watcher);
  }

  /** Is told of what was written in the catalogue. */
  written(changes: readonly CatalogChange[]): void {
    for (const change of changes) {
      if ("remove" in change) {
        if (change.remove === "schedule") this.#forget(change.id);
      } else if (change.put === "schedule") this.#settleSoon(change.schedule.id);
    }
  }

  /** What a schedule has done, and when it is due next. */
  async view(schedule: Schedule): Promise<ScheduleView> {
    const state = currentState(schedule, (await this.#options.store.schedules.find(schedule.id))?.state);
    const isPaused = state.paused !== undefined || schedule.spec.paused === true;
    const { nextTimesOf } = await import("./schedule-firing.ts");
    const nextTimes = isPaused ? [] : nextTimesOf(schedule, state, this.#clock.now());
    const isEnded = !isPaused && nextTimes.length === 0;
    return {
      ...schedule,
      status: {
        stage: isPaused ? "PAUSED" : isEnded ? "ENDED" : "ACTIVE",
        ...(state.paused && { paused: state.paused }),
        nextTimes,
        ...(state.waiting && { waiting: state.waiting }),
        firings: state.firings,
      },
    };
  }

  /** Nothing starts until it is resumed. Rejects with CONFLICT when it is paused already. */
  async pause(schedule: Schedule, by: string, message?: string): Promise<void> {
    await this.#change(schedule.id, async (firing) => {
      const before = firing.state.paused;
      if (before)
        throw new MflowError("CONFLICT", `Schedule ${schedule.name} is paused by ${before.by} already.`);
      const at = this.#time();
      await firing.write(
        paused(schedule, firing.state, { by, at, ...(message !== undefined && { message }) }),
      );
    });
  }

  /** What passed meanwhile is not caught up with. Rejects with CONFLICT when its manifest pauses it. */
  async resume(schedule: Schedule, by: string): Promise<void> {
    this.refuseManifestPause(schedule);
    await this.#change(schedule.id, (firing) =>
      firing.write(resumed(schedule, firing.state, by, this.#time())),
    );
    // A run that waited for others may have its turn by now.
    this.#settleSoon(schedule.id);
  }

  /** Throws CONFLICT when the manifest of a schedule pauses it: then nobody else resumes it. */
  refuseManifestPause({ name, spec }: Schedule): void {
    if (!spec.paused) return;
    const message = `The manifest of schedule ${name} says \`paused: true\`; apply one that does not.`;
    throw new MflowError("CONFLICT", message);
  }

  /** Starts a run now, with the rights of who asks. Rejects as the engine does. */
  async trigger(
    schedule: Schedule,
    actor: Actor,
    { queue, idempotencyKey }: { queue?: boolean | undefined; idempotencyKey?: string | undefined } = {},
  ): Promise<RunPipelineResult> {
    const { engine, store } = this.#options;
    const scope = await pipelineScope(store.catalog, schedule);
    const waits = queue ?? (schedule.spec.overlap === "QUEUE" || undefined);
    const request = runRequest(schedule, scope, { queue: waits });
    const result = await engine.runPipeline({
      request,
      scope,
      actor,
      ...(idempotencyKey !== undefined && { idempotencyKey }),
    });
    if (result.repeated) return result;
    await this.#change(schedule.id, async (firing) => {
      const at = this.#time();
      const made = { time: at, at, outcome: "STARTED" as const, runId: result.run.id, by: actor.name };
      await firing.write(withFiring(schedule, firing.state, made, { isByHand: true }));
    });
    return result;
  }

  #time(): string {
    return new Date(this.#clock.now()).toISOString();
  }

  async #firingOf(stored: StoredSchedule): Promise<ScheduleFiring> {
    const { ScheduleFiring } = await import("./schedule-firing.ts");
    const { engine, store, cannotRun } = this.#options;
    const tell = (events: HistoryEvent[]) => {
      for (const event of events) for (const listener of this.#listeners) listener(event);
    };
    return new ScheduleFiring({ engine, store, cannotRun, now: () => this.#clock.now(), tell }, stored);
  }

  /** A schedule that cannot be read, e.g. because the platform lost its time zone, holds up no other. */
  async #take(stored: StoredSchedule): Promise<void> {
    try {
      this.#note(stored.schedule.id, await this.#firingOf(stored), true);
    } catch (error) {
      this.#options.log.warn(`schedule ${stored.schedule.name} cannot be read and starts nothing`, error);
    }
  }

  /** Notes when a schedule is to be looked at next. */
  #note(id: string, firing: ScheduleFiring, isUnsure: boolean): void {
    // While it is paused nothing comes of their end; whoever resumes it looks whether they have ended.
    const waitsFor = firing.isPaused ? [] : (firing.state.waiting?.runIds ?? []);
    this.#entries.set(id, { dueAt: firing.dueAt, isUnsure, waitsFor });
  }

  #forget(id: string): void {
    this.#entries.delete(id);
    this.#arm();
  }

  /** Does something about a schedule after what is under way about it. */
  #inOrder<T>(id: string, work: () => Promise<T>): Promise<T> {
    const before = this.#work.get(id) ?? Promise.resolve();
    const done = before.then(work, work);
    const settled = done
      .catch(() => undefined)
      .finally(() => {
        if (this.#work.get(id) !== settled) return;
        this.#work.delete(id);
        for (const watcher of this.#watchers) watcher();
      });
    this.#work.set(id, settled);
    return done;
  }

  /** A change that somebody asked for. */
  #change(id: string, work: (firing: ScheduleFiring) => Promise<void>): Promise<void> {
    return this.#inOrder(id, async () => {
      const stored = await this.#options.store.schedules.find(id);
      if (!stored) throw new MflowError("NOT_FOUND", `There is no schedule ${id}.`);
      const firing = await this.#firingOf(stored);
      await work(firing);
      if (!this.#isRunning) return;
      this.#note(id, firing, this.#entries.get(id)?.isUnsure ?? true);
      this.#arm();
    });
  }

  #settleSoon(id: string): void {
    if (!this.#isRunning) return;
    this.#inOrder(id, () => this.#settle(id)).catch((error: unknown) =>
      this.#options.log.warn(`schedule ${id} failed`, error),
    );
  }

  async #settle(id: string): Promise<void> {
    if (!this.#isRunning) return;
    const stored = await this.#options.store.schedules.find(id);
    if (!stored) return this.#forget(id);
    const firing = await this.#firingOf(stored);
    try {
      await firing.settle(this.#entries.get(id)?.isUnsure ?? true);
      this.#note(id, firing, false);
      // What ended after it was looked at, and before its end was listened for, is not told again.
      if (await firing.isFree()) this.#settleSoon(id);
    } catch (error) {
      // Deleted or changed meanwhile, or the store is busy: it is looked at again, and what happened is found.
      this.#options.log.warn(`could not do what is due of schedule ${stored.schedule.name}`, error);
      this.#entries.set(id, { dueAt: this.#clock.now() + RETRY_MS, isUnsure: true, waitsFor: [] });
    }
    this.#arm();
  }

  #heard({ type, pipelineTaskId = "" }: HistoryEvent): void {
    if (type !== "RUN_STAGE" && type !== "DELETED") return;
    for (const [id, { waitsFor }] of this.#entries)
      if (waitsFor.includes(pipelineTaskId)) this.#settleSoon(id);
  }

  /** Sets the one timer to the first that is due. */
  #arm(): void {
    this.#cancelTimer();
    for (const watcher of this.#watchers) watcher();
    if (!this.#isRunning) return;
    const dueTimes = [...this.#entries.values()].flatMap(({ dueAt }) => dueAt ?? []);
    if (dueTimes.length === 0) return;
    const delay = dueTimes.reduce((a, b) => Math.min(a, b)) - this.#clock.now();
    this.#cancelTimer = this.#clock.setTimeout(
      () => this.#ring(),
      Math.min(Math.max(delay, 0), LONGEST_SLEEP_MS),
    );
  }

  #ring(): void {
    const now = this.#clock.now();
    for (const [id, entry] of this.#entries) {
      if (entry.dueAt === undefined || entry.dueAt > now) continue;
      // It is noted again when it is done.
      this.#entries.set(id, { ...entry, dueAt: undefined });
      this.#settleSoon(id);
    }
    this.#arm();
  }
}
