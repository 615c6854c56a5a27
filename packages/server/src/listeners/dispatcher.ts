// Sends what the outbox holds. It is woken by commits, by timers for what is due later and by people, claims per target
// what that target may take now, and notes how each attempt went. It runs beside the engine and never inside a commit:
// a target that is slow or dead costs a run nothing. What is under way is bounded; what waits, waits in the store.
//
// What moves a delivery on: an answer or its absence (settled, the lane's next is woken), its due time (timer), the
// target's breaker, rate or rest (timer), a resume or resend (`wake`), a new life of the server (`start`). A sweep
// finds what none of these did.

import type { ChannelKind } from "@mflow/core/schema/channel";
import type { DeliveryOutcome, DeliveryStore, DueDelivery, NewDelivery } from "../store/store.ts";
import { type AttemptResult, type Tried, trySending } from "./attempt.ts";
import type { TargetLimits } from "./channel.ts";
import type { ChannelKinds, Channels } from "./channels.ts";
import { BREAKER } from "./circuit-breaker.ts";
import { DeliveryFigures } from "./delivery-figures.ts";
import { targetOfChannel } from "./hub.ts";
import type { Preparation, Prepared } from "./prepare.ts";
import { nextTry, RETRY_PLAN, type RetryPlan } from "./retry-plan.ts";
import { Target, type TargetTiming } from "./target.ts";
import type { TestRecipient } from "./test-message.ts";

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

export interface DispatcherTiming extends TargetTiming {
  /** Of an attempt. */
  timeoutMs: number;
  /** How long a claimed delivery is ours. */
  leaseMs: number;
  /** How long a stop waits for what is under way. */
  stopMs: number;
  sweepMs: number;
  /** After the store refused something. */
  pauseMs: number;
  retry: RetryPlan;
}

const TIMING: DispatcherTiming = {
  timeoutMs: 10_000,
  leaseMs: 60_000,
  stopMs: 3_000,
  sweepMs: 30_000,
  pauseMs: 1_000,
  retry: RETRY_PLAN,
  breaker: BREAKER,
  firstRestMs: 1_000,
};

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

/** What becomes of a delivery after an attempt. */
function outcomeOf(
  { tries, since }: DueDelivery,
  result: Exclude<AttemptResult, { state: "ABORTED" }>,
  { plan, restsUntil, now }: { plan: RetryPlan; restsUntil: number; now: number },
): DeliveryOutcome {
  if (result.state === "DELIVERED" || result.state === "DEAD") return result;
  const { error } = result;
  // A limit is no failure: the message waits, however long that takes.
  if (result.state === "LIMITED") return { state: "PENDING", dueAt: restsUntil, error };
  const dueAt = nextTry(plan, { tries: tries + 1, since, now, atLeastMs: result.retryAfterMs });
  return dueAt === undefined ? { state: "DEAD", error } : { state: "PENDING", dueAt, error };
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
   * Somebody paused or resumed a target, or wants something sent again, and has said so to the store: it is looked at
   * anew, and targets that failed too often are tried at once.
   */
  wake(): void {
    if (!this.#isRunning) return;
    this.#track(this.#lookAnew());
  }

  async #lookAnew(): Promise<void> {
    const now = Date.now();
    for (const target of this.#targets.values()) {
      target.restsUntil = 0;
      target.breaker.tryNow(now);
    }
    try {
      await this.#readPauses();
      await this.#readDue();
    } catch (error) {
      this.#parts.log.warn("could not look for paused targets and due deliveries", error);
    }
  }

  async #readPauses(): Promise<void> {
    for (const { target: name, pausedAt } of await this.#parts.store.targets()) {
      const isPaused = pausedAt !== undefined;
      if (isPaused || this.#targets.has(name)) this.#target(name).isPaused = isPaused;
    }
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

  /** As its name tells it; undefined when its channel is gone. */
  #kindOf(name: string): ChannelKind | undefined {
    const { channels } = this.#parts;
    for (const [channel, kind] of channels.kinds()) if (targetOfChannel(channel) === name) return kind;
    const [word = ""] = name.split(" ", 1);
    return name.startsWith("channel:") || !this.#parts.kinds.has(word) ? undefined : word;
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
    // Before it is known how much the target takes, one shows the way.
    const limit = target.hasLimits ? atMost : 1;
    // What comes from here on may be missed by the claim.
    target.hasDue = false;
    try {
      await this.#limit(target);
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
    this.#reserved -= atMost - claimed.length;
    target.isClaiming = false;
    target.took(claimed.length);
    for (const delivery of claimed) this.#track(this.#deliver(target, delivery));
    this.#wake(target);
  }

  async #limit(target: Target): Promise<void> {
    if (target.hasLimits) return;
    const kind = this.#kindOf(target.name);
    // Code that cannot be loaded is said by each attempt.
    const channel = kind && (await this.#parts.kinds.get(kind).catch(() => undefined));
    target.limit(channel?.limits ?? NO_CHANNEL, Date.now());
  }

  async #deliver(target: Target, delivery: DueDelivery): Promise<void> {
    this.#lanes.add(delivery.lane);
    try {
      await this.#settle(target, delivery, await this.#try(delivery));
    } catch (error) {
      // Its lease ends by itself, and then the sweep finds it.
      this.#parts.log.warn(`could not note how delivery ${delivery.id} went`, error);
    } finally {
      this.#lanes.delete(delivery.lane);
      target.underWay--;
      this.#reserved--;
      this.#wake(target);
      const [crowded] = this.#crowded;
      if (crowded) {
        this.#crowded.delete(crowded);
        this.#wake(crowded);
      }
    }
  }

  async #try(delivery: DueDelivery): Promise<Outcome> {
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
    const tried = await trySending(prepared, { timeoutMs, stop: this.#stopping.signal });
    return { ...tried, isSent: true };
  }

  async #settle(target: Target, delivery: DueDelivery, { result, attempt, isSent }: Outcome): Promise<void> {
    const { store } = this.#parts;
    const now = Date.now();
    if (result.state === "ABORTED") return store.release([delivery.id], now);
    if (attempt) this.figures.attempted(delivery.kind);
    if (isSent) target.heard(result, delivery.message.id, now);
    const outcome = outcomeOf(delivery, result, {
      plan: this.#timing.retry,
      restsUntil: target.restsUntil,
      now,
    });
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
