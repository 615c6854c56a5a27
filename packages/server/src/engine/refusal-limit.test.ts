import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { RefusalLimit } from "./refusal-limit.ts";

let told: (string | number)[];
const overflow = { began: () => told.push("began"), ended: (count: number) => told.push(count) };
const take = (limit: RefusalLimit, who: string) => limit.take(who, Date.now(), overflow);

beforeEach(() => {
  vi.useFakeTimers({ now: Date.UTC(2026, 0, 1) });
  told = [];
});
afterEach(() => vi.useRealTimers());

test("the first of each minute are taken, of each who tries; the others are counted at its end", () => {
  const limit = new RefusalLimit(2);
  expect([1, 2, 3, 4, 5].map(() => take(limit, "ann"))).toEqual([true, true, false, false, false]);
  expect([take(limit, "bob"), told]).toEqual([true, ["began"]]);
  vi.advanceTimersByTime(60_000);
  expect([told, take(limit, "ann")]).toEqual([["began", 3], true]);
});

test("those whose minute is over are forgotten", () => {
  const limit = new RefusalLimit(2);
  for (let index = 0; index < 100; index++) take(limit, `person-${index}`);
  vi.advanceTimersByTime(60_000);
  take(limit, "ann");
  expect(limit.size).toBe(1);
});
