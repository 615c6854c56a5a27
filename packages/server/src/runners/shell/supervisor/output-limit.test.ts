// How much a task may log.

import { expect, test } from "vitest";
import { OutputLimit } from "./output-limit.ts";

test("a second's worth may come at once, then as much as time goes by", () => {
  const limit = new OutputLimit({ bytesPerTask: 1e9, bytesPerSecond: 1000 }, 0);
  limit.stored(1000);
  expect(limit.dropReason(0, false)).toBe("RATE");
  expect(limit.dropReason(1, false)).toBeUndefined();
  limit.stored(500);
  expect(limit.dropReason(400, true)).toBe("RATE");
  expect(limit.dropReason(1200, true)).toBeUndefined();
});

test("who drops begins again only when half a second's worth may come", () => {
  const limit = new OutputLimit({ bytesPerTask: 1e9, bytesPerSecond: 1000 }, 0);
  limit.stored(1000);
  expect([100, 400, 500].map((now) => limit.dropReason(now, true))).toEqual(["RATE", "RATE", "RATE"]);
  expect(limit.dropReason(501, true)).toBeUndefined();
});

test("what is over the size of a task is dropped for good", () => {
  const limit = new OutputLimit({ bytesPerTask: 1500, bytesPerSecond: 1000 }, 0);
  limit.stored(900);
  expect(limit.dropReason(0, false)).toBeUndefined();
  limit.stored(600);
  expect(limit.dropReason(1e9, false)).toBe("SIZE");
});

test("a clock that is set back gives nothing and takes nothing", () => {
  const limit = new OutputLimit({ bytesPerTask: 1e9, bytesPerSecond: 1000 }, 10_000);
  limit.stored(1000);
  expect(limit.dropReason(5000, false)).toBe("RATE");
  expect(limit.dropReason(5001, false)).toBeUndefined();
});
