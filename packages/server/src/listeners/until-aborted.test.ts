import { expect, test } from "vitest";
import { untilAborted } from "./until-aborted.ts";

test("work that ends in time is what it came to", async () => {
  const { signal } = new AbortController();
  expect(await untilAborted(Promise.resolve(7), signal)).toBe(7);
  await expect(untilAborted(Promise.reject(new Error("broken")), signal)).rejects.toThrow("broken");
});

test("work that does not end holds up nobody, whenever the signal came", async () => {
  const stop = new AbortController();
  const endless = new Promise<never>(() => {});
  const waiting = untilAborted(endless, stop.signal);
  stop.abort(new Error("late"));
  await expect(waiting).rejects.toThrow("late");
  await expect(untilAborted(endless, stop.signal)).rejects.toThrow("late");
});
