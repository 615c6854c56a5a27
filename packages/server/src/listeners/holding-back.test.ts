// What holds a target's messages back: the breaker, the rate, the plan of retries, and the times that are remembered.

import { expect, test } from "vitest";
import { CircuitBreaker } from "./circuit-breaker.ts";
import { DueTimes } from "./due-times.ts";
import { outcomeOf } from "./outcome.ts";
import { retryAfterMs } from "./retry-after.ts";
import { nextTry, RETRY_PLAN } from "./retry-plan.ts";
import { Target } from "./target.ts";
import { TokenBucket } from "./token-bucket.ts";
import { Trials } from "./trials.ts";

const BREAKER = { failures: 3, firstOpenMs: 100, longestOpenMs: 350, random: () => 0.5 };

test("the breaker opens after failures of several messages in a row, and an answer closes it", () => {
  const breaker = new CircuitBreaker(BREAKER);
  for (let time = 0; time < 10; time++) breaker.failed("a", time);
  breaker.failed("b", 10);
  expect(breaker.openUntil).toBeUndefined();
  breaker.answered();
  breaker.failed("c", 11);
  breaker.failed("d", 12);
  expect(breaker.openUntil).toBeUndefined();
  breaker.failed("e", 13);
  expect([breaker.openUntil, breaker.allows(112, 0), breaker.allows(113, 0), breaker.allows(113, 1)]).toEqual(
    [113, 0, 1, 0],
  );
  breaker.answered();
  expect([breaker.openUntil, breaker.allows(114, 5)]).toEqual([undefined, Number.POSITIVE_INFINITY]);
});

test("each probe that fails opens it for twice as long, up to a limit; what was under way before does not", () => {
  const breaker = new CircuitBreaker(BREAKER);
  for (const id of ["a", "b", "c", "d", "e", "f"]) breaker.failed(id, 0);
  const opened = [breaker.openUntil];
  for (let probes = 0; probes < 4; probes++) {
    const now = breaker.openUntil ?? 0;
    breaker.failed("a", now);
    opened.push((breaker.openUntil ?? 0) - now);
  }
  expect(opened).toEqual([100, 200, 350, 350, 350]);
  breaker.tryNow(700);
  expect(breaker.allows(700, 0)).toBe(1);
});

test("a bucket gives its messages at once, then one by one at its rate, and never more than it holds", () => {
  const bucket = new TokenBucket({ messages: 20, perMs: 60_000 }, 0);
  expect(bucket.available(0)).toBe(20);
  bucket.take(20);
  expect([bucket.available(0), bucket.nextAt(0), bucket.available(2_999), bucket.available(3_000)]).toEqual([
    0, 3_000, 0, 1,
  ]);
  bucket.take(1);
  expect([bucket.available(33_000), bucket.available(10_000_000)]).toEqual([10, 20]);
});

test("a message is tried about a hundred times in a day, ever more seldom, the last time when the day is over", () => {
  const since = 1_000_000;
  const end = since + RETRY_PLAN.giveUpAfterMs;
  const waits: number[] = [];
  let now = since;
  for (let tries = 1; ; tries++) {
    const at = nextTry({ ...RETRY_PLAN, random: () => 1 }, { tries, failures: tries, since, now });
    if (at === undefined) break;
    waits.push(at - now);
    now = at;
  }
  expect(waits.slice(0, 6)).toEqual([2_000, 4_000, 8_000, 16_000, 32_000, 64_000]);
  expect(Math.max(...waits)).toBe(15 * 60_000);
  expect(now).toBe(end);
  expect(waits.length).toBeGreaterThan(90);
  expect(waits.length).toBeLessThan(120);
});

test("half of a wait is left to chance, and it is never shorter than the place asked for", () => {
  const plan = (random: number, atLeastMs?: number) =>
    nextTry({ ...RETRY_PLAN, random: () => random }, { tries: 3, failures: 3, since: 0, now: 0, atLeastMs });
  expect([plan(0), plan(1), plan(0, 60_000)]).toEqual([4_000, 8_000, 60_000]);
});

test("a message whose target was paused beyond its time still gets some tries", () => {
  const late = { since: 0, now: RETRY_PLAN.giveUpAfterMs * 2 };
  const tried = [1, 4, 5].map(
    (tries) => nextTry(RETRY_PLAN, { tries, failures: tries, ...late }) !== undefined,
  );
  expect(tried).toEqual([true, true, false]);
});

test("attempts that came too early for a place make the pauses no longer", () => {
  const plan = { ...RETRY_PLAN, random: () => 1 };
  expect(nextTry(plan, { tries: 30, failures: 1, since: 0, now: 0 })).toBe(2_000);
});

test("a message that a place never takes waits for its day, and then is given up", () => {
  const limited = { state: "LIMITED" as const, error: "429" };
  const day = RETRY_PLAN.giveUpAfterMs;
  const after = (now: number, tries: number) =>
    outcomeOf(limited, { plan: RETRY_PLAN, tries, failures: 0, since: 0, restsUntil: now + 60_000, now });
  const waits = (dueAt: number) => ({ state: "PENDING", dueAt, error: "429" });
  expect([after(day - 1, 500), after(day, 500), after(day, 4)]).toEqual([
    waits(day + 59_999),
    { state: "DEAD", error: "429" },
    waits(day + 60_000),
  ]);
});

test("a target is not kept in memory for a breaker whose time is over", () => {
  const target = new Target("t", { breaker: BREAKER, firstRestMs: 100 });
  for (const id of ["a", "b", "c"]) target.breaker.failed(id, 0);
  expect([target.isForgettable(99), target.isForgettable(100)]).toEqual([false, true]);
});

test("what is remembered of deliveries that fail is bounded, and the oldest goes first", () => {
  const trials = new Trials();
  for (let n = 0; n <= 10_000; n++) trials.of(`dlv-${n}`).tries = 7;
  expect(["dlv-0", "dlv-2", "dlv-10000"].map((id) => trials.of(id).tries)).toEqual([0, 7, 7]);
  trials.forget("dlv-2");
  expect(trials.of("dlv-2").tries).toBe(0);
});

test("Retry-After is understood in seconds and as a date, within an hour, and ignored when it is neither", () => {
  const now = Date.parse("2026-01-31T12:00:00Z");
  const headers = [
    "0",
    "30",
    "999999",
    "Sat, 31 Jan 2026 12:00:05 GMT",
    "Sat, 31 Jan 2026 11:00:00 GMT",
    "soon",
  ];
  expect([undefined, ...headers].map((header) => retryAfterMs(header, now))).toEqual([
    ...[undefined, 0, 30_000, 3_600_000, 5_000, 0, undefined],
  ]);
});

test("a target that asks to be let alone for no time at all is let alone longer and longer", () => {
  const target = new Target("t", { breaker: BREAKER, firstRestMs: 100 });
  const limited = { state: "LIMITED", error: "too many" } as const;
  const rests = [0, 0, 0, 50, 5000].map((retryAfterMs) => {
    target.heard({ ...limited, retryAfterMs }, "m", 1000);
    return target.restsUntil - 1000;
  });
  expect(rests).toEqual([100, 200, 400, 800, 5000]);
});

test("due times are taken in order, and the earliest are kept when there are many", () => {
  const times = new DueTimes();
  for (let time = 1000; time > 0; time--) times.add(time);
  times.add(1);
  expect(times.first).toBe(1);
  expect([times.take(0), times.take(10), times.first]).toEqual([false, true, 11]);
  expect([times.take(1000), times.first]).toEqual([true, undefined]);
});

test("a target says what may be sent now, and when to look again", () => {
  const target = new Target("t", { breaker: BREAKER, firstRestMs: 100 });
  target.limit({ concurrency: 2, rate: { messages: 3, perMs: 300 } }, 0);
  expect(target.turn(0)).toBe("wait");
  target.later.add(50);
  expect([target.turn(49), target.isBusy]).toEqual([{ lookAt: 50 }, true]);
  expect(target.turn(50)).toEqual({ send: 2 });
  target.took(2);
  expect(target.turn(51)).toBe("wait");
  target.underWay = 0;
  expect(target.turn(51)).toEqual({ send: 1 });
  target.took(1);
  target.underWay = 0;
  expect(target.turn(60)).toEqual({ lookAt: 150 });
  target.heard({ state: "LIMITED", error: "too many" }, "m", 100);
  target.heard({ state: "LIMITED", error: "too many" }, "m", 300);
  expect(target.turn(400)).toEqual({ lookAt: 500 });
  for (const id of ["a", "b", "c"]) target.breaker.failed(id, 450);
  expect(target.turn(520)).toEqual({ lookAt: 550 });
  expect(target.turn(550)).toEqual({ send: 1 });
  target.isPaused = true;
  expect([target.turn(1_000), target.isBusy]).toEqual(["wait", false]);
});
