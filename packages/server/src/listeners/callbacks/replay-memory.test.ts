import { expect, test } from "vitest";
import { ReplayMemory } from "./replay-memory.ts";

test("a callback is known until its time makes it refused anyway, and forgotten then", () => {
  const memory = new ReplayMemory();
  expect(memory.isFirst("a", 1000, 0)).toBe(true);
  expect(memory.isFirst("b", 2000, 500)).toBe(true);
  expect(memory.isFirst("a", 1000, 1000)).toBe(false);
  expect(memory.isFirst("a", 3000, 1001)).toBe(true);
  expect(memory.isFirst("b", 2000, 1001)).toBe(false);
});
