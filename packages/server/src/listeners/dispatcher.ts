// Sends what the outbox holds. It is woken by commits, by timers for what is due later and by people, claims per target
// what that target may take now, and notes how each attempt went. It runs beside the engine and never inside a commit:
// a target that is slow or dead costs a run nothing. What is under way is bounded; what waits, waits in the store.
//
// What moves a delivery on: an answer or its absence (settled, the lane's next is woken), its due time (timer), the
// target's breaker, rate or rest (timer), a resume or resend (`wake`), a new life of the server (`start`). A sweep
// finds what none of these did.

import type { ChannelKind } from "@mflow/core/schema/channel";
import type { DeliveryStore, DueDelivery, NewDelivery } from "../store/store.ts";
import { type AttemptResult, type Tried, trySending } from "./attempt.ts";
import type { TargetLimits } from "./channel.ts";
import type { ChannelKinds, Channels } from "./channels.ts";
import { DeliveryFigures } from "./delivery-figures.ts";
import { type DispatcherTiming, TIMING } from "./dispatcher-timing.ts";
import { outcomeOf } from "./outcome.ts";
import type { Preparation, Prepared } from "./prepare.ts";
import { Target } from "./target.ts";
import { kindOfTarget } from "./target-kind.ts";
import type { TestRecipient } from "./test-message.ts";
import { Trials } from "./trials.ts";

export interface DispatcherParts {
  store: DeliveryStore;
  channels: Channels;
  kinds: ChannelKinds;
  /** Puts together what is sent; `now`: milliseconds since the epoch. */
  prepare(delivery: DueDelivery, now: number): Promise<Preparation>;
  /** Puts a test message together. */
  prepareTest(channel: string, to: TestRecipient | undefined): Promise<Prepared>;
  newId(prefix: string): string;
  log: { warn(message: string, error?: unknown): void };
}

/** Deliveries in memory, over all targets. */
const MAX_UNDER_WAY = 256;
/** Targets of which nothing waits are forgotten when there are more. */
const MAX_IDLE_TARGETS = 1_000;
/** Longest delay that Node's timers take, milliseconds. */
const MAX_DELAY_MS = 2 ** 31 - 1;
/** Where there is no channel there is nothing to be spared. */
const NO_CHANNEL: TargetLimits = { concurrency: 4 };

/** How it went with a delivery. */
interface Outcome {
  result: AttemptResult;
  /** Absent when none was made. */
  attempt?: Tried["attempt"];
  /** Whether the target had a part in it. */
  isSent: boolean;
}

export class Dispatcher {
  readonly figures = new DeliveryFigures();
  readonly #parts: DispatcherParts;
  readonly #timing: DispatcherTiming;
  readonly #owner: string;
  readonly #targets = new Map<string, Target>();
  /** Targets that something happened to since they were looked at. */
  readonly #woken = new Set<Target>();
  /** Targets that wait for room among what is under way. */
  readonly #crowded = new Set<Target>();
  readonly #lanes = new Set<string>();
  readonly #trials = new Trials();
  readonly #underWay = new Set<Promise<void>>();
  readonly #watchers = new Set<() => void>();
  #reserved = 0;
  #isRunning = false;
  #stopping = new AbortController();
  #sweepTimer: NodeJS.Timeout | undefined;
  #lastChange: Promise<void> = Promise.resolve();

  constructor(parts: DispatcherParts, timing: Partial<DispatcherTiming> = {}) {
    this.#parts = parts;
    this.#timing = { ...TIMING, ...timing };
    this.#owner = parts.newId("server");
  }

  /** Takes up what an earlier life left; a second start does nothing. */
  start(): Promise<void> {
    return this.#inOrder(async () => {
      if (this.#isRunning) return;
      const { store } = this.#parts;
      await store.releaseAll();
      await this.#readPauses();
      this.#stopping = new AbortController();
      this.#isRunning = true;
      await this.#sweep();
    });
  }

  /** Finishes what is under way, for a while, and leaves the rest to the next life; a second stop does nothing. */
  stop(): Promise<void> {
    return this.#inOrder(async () => {
      if (!this.#isRunning) return;
      this.#isRunning = false;
      clearTimeout(this.#sweepTimer);
      for (const target of this.#targets.values()) target.cancelTimer?.();
      const timer = setTimeout(() => this.#stopping.abort(), this.#timing.stopMs);
      while (this.#underWay.size > 0) await Promise.all(this.#underWay);
      clearTimeout(timer);
      this.#targets.clear();
      this.#crowded.clear();
    });
  }

  #inOrder(change: () => Promise<void>): Promise<void> {
    const done = this.#lastChange.then(change);
    this.#lastChange = done.catch(() => undefined);
    return done;
  }

  /** They are in the store now. Costs the caller next to nothing. */
  committed(deliveries: readonly NewDelivery[]): void {
    for (const { state, target: name, lane } of deliveries) {
      if (state !== "PENDING") continue;
      const target = this.#target(name);
      target.hasDue = true;
      // One of the lane is under way: the target is looked at when that is done.
      if (!this.#lanes.has(lane)) this.#wake(target);
    }
  }

  /**
   * Somebody paused or resumed a target, changed its channel, or wants something sent to it again, and has said so to
   * the store: it is looked at anew, and tried at once when it failed too often.
   */
  wake(name: string): void {
    if (!this.#isRunning) return;
    this.#track(this.#lookAnew(name));
  }

  async #lookAnew(name: string): Promise<void> {
    const target = this.#targets.get(name);
    if (target) {
      target.restsUntil = 0;
      target.breaker.tryNow(Date.now());
    }
    try {
      await this.#readPauses();
      await this.#readDue();
    } catch (error) {
      this.#parts.log.warn("could not look for paused targets and due deliveries", error);
    }
  }

  async #readPauses(): Promise<void> {
    const paused = new Set<string>();
    for (const { target, pausedAt } of await this.#parts.store.targets()) {
      if (pausedAt !== undefined) paused.add(target);
    }
    for (const target of this.#targets.values()) target.isPaused = paused.has(target.name);
    for (const name of paused) this.#target(name).isPaused = true;
  }

  async #readDue(): Promise<void> {
    for (const { target: name, dueAt } of await this.#parts.store.due()) {
      const target = this.#target(name);
      target.later.add(dueAt);
      this.#wake(target);
    }
  }

  /**
   * Sends a test message by a stored channel, to a person where it writes to people; answers how it went. Throws
   * NOT_FOUND.
   */
  async test(channel: string, to?: TestRecipient): Promise<{ delivered: boolean } & Tried["attempt"]> {
    const prepared = await this.#parts.prepareTest(channel, to);
    const { timeoutMs } = this.#timing;
    const { result, attempt } = await trySending(prepared, { timeoutMs, stop: this.#stopping.signal });
    return { delivered: result.state === "DELIVERED", ...attempt };
  }

  /** Until when a target is left alone because it failed too often, RFC 3339. */
  openUntil(name: string): string | undefined {
    const until = this.#targets.get(name)?.breaker.openUntil;
    return until === undefined ? undefined : new Date(until).toISOString();
  }

  /** The targets that are left alone now because they failed too often. */
  failing(): string[] {
    const now = Date.now();
    const isOpen = ({ breaker }: Target) => now < (breaker.openUntil ?? 0);
    return [...this.#targets.values()].filter(isOpen).map(({ name }) => name);
  }

  /** Of which kind a target is; undefined when nothing can be sent to one of this name. */
  kindOf(name: string): ChannelKind | undefined {
    return kindOfTarget(name, this.#parts);
  }

  /** Whether something waits or is under way, but for targets that are paused. */
  busy(): boolean {
    if (this.#underWay.size > 0 || this.#woken.size > 0) return true;
    for (const target of this.#targets.values()) if (target.isBusy) return true;
    return false;
  }

  /** Calls back when it is not `busy` any more. */
  subscribe(watcher: () => void): () => void {
    this.#watchers.add(watcher);
    return () => this.#watchers.delete(watcher);
  }

  #tellWatchers(): void {
    if (this.#watchers.size === 0 || this.busy()) return;
    for (const watcher of this.#watchers) watcher();
  }

  #target(name: string): Target {
    let target = this.#targets.get(name);
    if (!target) {
      target = new Target(name, this.#timing);
      this.#targets.set(name, target);
    }
    return target;
  }

  /** Looks at the target soon: not within the commit that woke it, and once for all that happens at this moment. */
  #wake(target: Target): void {
    if (!this.#isRunning) return;
    if (this.#woken.size === 0) setImmediate(() => this.#lookAtWoken());
    this.#woken.add(target);
  }

  #lookAtWoken(): void {
    const woken = [...this.#woken];
    this.#woken.clear();
    for (const target of woken) this.#look(target);
    this.#tellWatchers();
  }

  /** Sends what may be sent now, or sets the timer for when something may. */
  #look(target: Target): void {
    target.cancelTimer?.();
    target.cancelTimer = undefined;
    if (!this.#isRunning || target.isClaiming) return;
    const now = Date.now();
    const turn = target.turn(now);
    if (turn === "wait") return;
    if ("lookAt" in turn) {
      const timer = setTimeout(() => this.#look(target), Math.min(turn.lookAt - now, MAX_DELAY_MS));
      target.cancelTimer = () => clearTimeout(timer);
      return;
    }
    const room = MAX_UNDER_WAY - this.#reserved;
    if (room <= 0) this.#crowded.add(target);
    else this.#track(this.#claim(target, Math.min(turn.send, room)));
  }

  #track(work: Promise<void>): void {
    const tracked = work.finally(() => {
      this.#underWay.delete(tracked);
      this.#tellWatchers();
    });
    this.#underWay.add(tracked);
  }

  /** Claims what is due of a target and sets off with it. */
  async #claim(target: Target, atMost: number): Promise<void> {
    target.isClaiming = true;
    this.#reserved += atMost;
    let claimed: DueDelivery[] = [];
    // What comes from here on may be missed by the claim.
    target.hasDue = false;
    try {
      // Before it is known how much the target takes, one shows the way.
      const limit = (await this.#isLimitedAnew(target)) ? 1 : atMost;
      const now = Date.now();
      const lease = { owner: this.#owner, until: now + this.#timing.leaseMs };
      claimed = await this.#parts.store.claim(target.name, lease, now, limit);
      if (claimed.length === limit) target.hasDue = true;
      if (!this.#isRunning) {
        const ids = claimed.splice(0).map(({ id }) => id);
        await this.#parts.store.release(ids, now);
      }
    } catch (error) {
      this.#parts.log.warn(`could not look for due deliveries to ${target.name}`, error);
      target.later.add(Date.now() + this.#timing.pauseMs);
    }
    this.#giveRoom(atMost - claimed.length);
    target.isClaiming = false;
    target.took(claimed.length);
    for (const delivery of claimed) this.#track(this.#deliver(target, delivery));
    this.#wake(target);
  }

  /** So many more may be under way: those that waited for it come first. */
  #giveRoom(count: number): void {
    if (count === 0) return;
    this.#reserved -= count;
    const crowded = [...this.#crowded];
    this.#crowded.clear();
    // Who still finds none waits on, in the same order.
    for (const target of crowded) this.#wake(target);
  }

  /** Looks up how much the target takes, for channels change; whether it is news. */
  async #isLimitedAnew(target: Target): Promise<boolean> {
    const kind = this.kindOf(target.name);
    // Code that cannot be loaded is said by each attempt.
    const channel = kind && (await this.#parts.kinds.get(kind).catch(() => undefined));
    return target.limit(channel?.limits ?? NO_CHANNEL, Date.now());
  }

  async #deliver(target: Target, delivery: DueDelivery): Promise<void> {
    this.#lanes.add(delivery.lane);
    try {
      await this.#settle(target, delivery, await this.#try(target, delivery));
    } catch (error) {
      this.#parts.log.warn(`could not note how delivery ${delivery.id} went`, error);
      // Its lease ends by itself, and then it is sent again.
      target.later.add(Date.now() + this.#timing.leaseMs);
    } finally {
      this.#lanes.delete(delivery.lane);
      target.underWay--;
      this.#giveRoom(1);
      this.#wake(target);
    }
  }

  async #try(target: Target, delivery: DueDelivery): Promise<Outcome> {
    const now = Date.now();
    let prepared: Preparation;
    try {
      prepared = await this.#parts.prepare(delivery, now);
    } catch (error) {
      // Ours to mend, not the target's: it is tried again like everything else.
      this.#parts.log.warn(`could not prepare delivery ${delivery.id}`, error);
      const text = `it could not be prepared: ${error instanceof Error ? error.message : String(error)}`;
      const attempt = { at: new Date(now).toISOString(), durationMs: Date.now() - now, error: text };
      return { result: { state: "RETRY", error: text }, attempt, isSent: false };
    }
    if ("done" in prepared) return { result: { state: "DELIVERED" }, isSent: false };
    if ("dead" in prepared) return { result: { state: "DEAD", error: prepared.dead }, isSent: false };
    const { timeoutMs } = this.#timing;
    const { updated } = this.#trials.of(delivery.id);
    const before = updated.size;
    const tried = await trySending(prepared, { timeoutMs, stop: this.#stopping.signal, updated });
    target.tookMore(updated.size - before - 1);
    return { ...tried, isSent: true };
  }

  async #settle(target: Target, delivery: DueDelivery, { result, attempt, isSent }: Outcome): Promise<void> {
    const { store } = this.#parts;
    const now = Date.now();
    if (result.state === "ABORTED") return store.release([delivery.id], now);
    if (attempt) this.figures.attempted(delivery.kind);
    if (isSent) target.heard(result, delivery.message.id, now);
    const trial = this.#trials.of(delivery.id);
    trial.tries++;
    if (result.state === "RETRY") trial.failures++;
    const { since } = delivery;
    const { restsUntil } = target;
    const outcome = outcomeOf(result, { ...trial, since, restsUntil, now, plan: this.#timing.retry });
    if (outcome.state !== "PENDING") this.#trials.forget(delivery.id);
    if (outcome.state === "DELIVERED" && isSent)
      this.figures.delivered(delivery.kind, (now - delivery.createdAt) / 1000);
    if (outcome.state === "DEAD") this.figures.dead(delivery.kind);
    if (outcome.state === "PENDING") target.later.add(outcome.dueAt);
    const next = await store.settle(delivery.id, outcome, attempt, now);
    if (!next) return;
    const woken = this.#target(next.target);
    woken.later.add(next.dueAt);
    if (woken !== target) this.#wake(woken);
  }

  /** Finds what nothing woke, and forgets targets that nothing waits for. */
  async #sweep(): Promise<void> {
    if (!this.#isRunning) return;
    const life = this.#stopping;
    try {
      await this.#readDue();
    } catch (error) {
      this.#parts.log.warn("could not look for due deliveries", error);
    }
    if (this.#targets.size > MAX_IDLE_TARGETS) {
      const now = Date.now();
      for (const [name, target] of this.#targets) if (target.isForgettable(now)) this.#targets.delete(name);
    }
    if (this.#isRunning && life === this.#stopping)
      this.#sweepTimer = setTimeout(() => void this.#sweep(), this.#timing.sweepMs);
  }
}
