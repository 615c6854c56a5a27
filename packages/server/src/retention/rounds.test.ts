import { expect, test } from "vitest";
import type { Clock } from "../engine/clock.ts";
import { Rounds } from "./rounds.ts";

/** A clock that goes on when it is told to, and rings what is due. */
class HandClock implements Clock {
  #now = 0;
  readonly #alarms = new Set<{ at: number; callback: () => void }>();

  now(): number {
    return this.#now;
  }

  setTimeout(callback: () => void, ms: number): () => void {
    const alarm = { at: this.#now + ms, callback };
    this.#alarms.add(alarm);
    return () => this.#alarms.delete(alarm);
  }

  get alarms(): number {
    return this.#alarms.size;
  }

  async goOn(ms: number): Promise<void> {
    this.#now += ms;
    for (const alarm of [...this.#alarms]) {
      if (alarm.at > this.#now) continue;
      this.#alarms.delete(alarm);
      alarm.callback();
    }
    // What rang has had its turn, and what ends at once has ended.
    await new Promise((resolve) => setImmediate(resolve));
  }
}

/** One whose timers ring a moment early, as those of the machine may. */
class EarlyClock extends HandClock {
  override setTimeout(callback: () => void, ms: number): () => void {
    return super.setTimeout(callback, ms > 1 ? ms - 1 : ms);
  }
}

function rounds(
  work: (signal: AbortSignal, isWoken: boolean) => Promise<void> = async () => {},
  clock = new HandClock(),
) {
  const seen: string[] = [];
  const failed: unknown[] = [];
  const made = new Rounds({
    clock,
    everyMs: 1000,
    soonMs: 10,
    failed: (error) => failed.push(error),
    round: (signal, isWoken) => {
      seen.push(`${clock.now()}${isWoken ? " woken" : ""}`);
      return work(signal, isWoken);
    },
  });
  return { clock, seen, failed, made };
}

test("rounds come at the start, in their time, and soon after a wake", async () => {
  const { clock, seen, made } = rounds();
  made.start();
  await clock.goOn(0);
  await clock.goOn(500);
  made.wake();
  made.wake();
  await clock.goOn(9);
  await clock.goOn(1);
  await clock.goOn(490);
  expect(seen).toEqual(["0", "510 woken", "1000"]);
  await made.stop();
});

test("no round comes before its time, though timers ring early", async () => {
  const { clock, seen, made } = rounds(undefined, new EarlyClock());
  made.start();
  await clock.goOn(0);
  await clock.goOn(999);
  expect(seen).toEqual(["0"]);
  await clock.goOn(1);
  expect(seen).toEqual(["0", "1000"]);
  await made.stop();
});

test("a second start and a second stop do nothing, and it can be started again", async () => {
  const { clock, seen, made } = rounds();
  await made.stop();
  made.start();
  made.start();
  expect(clock.alarms).toBe(1);
  await clock.goOn(0);
  await made.stop();
  await made.stop();
  made.wake();
  expect(clock.alarms).toBe(0);
  await clock.goOn(5000);
  expect(seen).toEqual(["0"]);
  made.start();
  await clock.goOn(0);
  expect(seen).toEqual(["0", "5000"]);
  await made.stop();
});

test("never two at once: what wakes during a round comes after it, and a stop waits for the one under way", async () => {
  const { promise: isOver, resolve: end } = Promise.withResolvers<void>();
  const signals: AbortSignal[] = [];
  const { clock, seen, made } = rounds(async (signal) => {
    signals.push(signal);
    if (signals.length === 1) await isOver;
  });
  made.start();
  await clock.goOn(0);
  made.wake();
  await clock.goOn(100);
  expect(seen).toEqual(["0"]);
  let isStopped = false;
  const stopped = made.stop().then(() => {
    isStopped = true;
  });
  await clock.goOn(0);
  expect([signals[0]?.aborted, isStopped]).toEqual([true, false]);
  end();
  await stopped;
  expect(clock.alarms).toBe(0);
});

test("a round that fails is told, and the next one comes", async () => {
  const { clock, seen, failed, made } = rounds(async () => {
    throw new Error("no disk");
  });
  made.start();
  await clock.goOn(0);
  await clock.goOn(1000);
  expect(seen).toEqual(["0", "1000"]);
  expect(failed).toEqual([new Error("no disk"), new Error("no disk")]);
  await made.stop();
});
