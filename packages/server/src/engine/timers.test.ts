import { beforeEach, expect, test } from "vitest";
import type { Clock } from "./clock.ts";
import { Timers } from "./timers.ts";

const DAY_MS = 24 * 3600_000;

/** A clock that goes on to its next timer, and rings it a millisecond early, as the machine's may. */
class EarlyClock implements Clock {
  #now = 0;
  readonly #set: { at: number; callback: () => void }[] = [];
  /** What was asked for, milliseconds. */
  readonly delays: number[] = [];

  now(): number {
    return this.#now;
  }

  setTimeout(callback: () => void, ms: number): () => void {
    this.delays.push(ms);
    const timer = { at: this.#now + ms, callback };
    this.#set.push(timer);
    this.#set.sort((one, other) => one.at - other.at);
    return () => {
      const place = this.#set.indexOf(timer);
      if (place >= 0) this.#set.splice(place, 1);
    };
  }

  /** The machine's clock is put forward or back; its timers go by another one. */
  put(ms: number): void {
    this.#now += ms;
    for (const timer of this.#set) timer.at += ms;
  }

  /** Rings until nothing is set. */
  ringAll(): void {
    for (let timer = this.#set.shift(); timer; timer = this.#set.shift()) {
      const early = timer.at - this.#now > 1 ? 1 : 0;
      this.#now = Math.max(this.#now, timer.at - early);
      timer.callback();
    }
  }
}

let clock: EarlyClock;
let timers: Timers;
let rung: string[];

beforeEach(() => {
  clock = new EarlyClock();
  timers = new Timers(clock);
  rung = [];
});

const note = (name: string) => () => rung.push(`${name} at ${clock.now()}`);

test("what waits for a time is not called before the clock has come to it, and once", () => {
  timers.at(100, note("a"));
  timers.at(50, note("b"));
  clock.ringAll();
  expect(rung).toEqual(["b at 50", "a at 100"]);
});

test("a time that has passed already rings at once, but not within the call", () => {
  clock.put(1000);
  timers.at(50, note("a"));
  expect(rung).toEqual([]);
  clock.ringAll();
  expect([rung, clock.delays]).toEqual([["a at 1000"], [0]]);
});

test("a time that is further away than timers go is waited for, in steps of a minute", () => {
  timers.at(60 * DAY_MS, note("a"));
  clock.ringAll();
  expect(rung).toEqual([`a at ${60 * DAY_MS}`]);
  expect(Math.max(...clock.delays)).toBe(60_000);
});

test("what is due once the clock was put forward, or the machine has slept, rings within a minute", () => {
  timers.at(DAY_MS, note("tomorrow"));
  timers.at(90_000, note("soon"));
  timers.at(50_000, note("at once"));
  timers.at(3 * DAY_MS, note("later"));
  clock.put(DAY_MS);
  clock.ringAll();
  expect(rung).toEqual([
    `at once at ${DAY_MS + 49_999}`,
    `tomorrow at ${DAY_MS + 59_999}`,
    `soon at ${DAY_MS + 59_999}`,
    `later at ${3 * DAY_MS}`,
  ]);
});

test("thousands of far times share one timer, and none is left when all of them are canceled", () => {
  const cancels = Array.from({ length: 10_000 }, (_, n) => timers.at(DAY_MS + n, note(`${n}`)));
  expect(clock.delays).toEqual([60_000]);
  for (const cancel of cancels) cancel();
  clock.ringAll();
  expect([rung, clock.now(), clock.delays]).toEqual([[], 0, [60_000]]);
});

test("a clock that is put back meanwhile is waited for; a pause is not longer for it", () => {
  timers.at(100, note("time"));
  timers.after(100, note("pause"));
  clock.put(-1000);
  clock.ringAll();
  expect(rung).toEqual(["pause at -900", "time at 100"]);
});

test("what is canceled does not ring, also when its timer has rung early or was the first of several", () => {
  const cancel = timers.at(100, note("a"));
  const cancelFar = timers.at(60 * DAY_MS, note("far"));
  timers.at(99, cancel);
  timers.at(59 * DAY_MS, cancelFar);
  timers.after(5, note("b"))();
  clock.ringAll();
  expect(rung).toEqual([]);
});

test("nothing rings once closed, and nothing is set any more", () => {
  timers.at(100, note("a"));
  timers.after(100, note("b"));
  timers.at(DAY_MS, note("far"));
  timers.close();
  timers.at(200, note("c"))();
  timers.after(200, note("d"))();
  timers.at(DAY_MS, note("e"))();
  clock.ringAll();
  expect([rung, clock.delays]).toEqual([[], [100, 100, 60_000]]);
});
