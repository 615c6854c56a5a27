// Ids of one process.

import { expect, test } from "vitest";
import { newId } from "./new-id.ts";

test("ids that are made one after another sort so, and none comes twice", () => {
  const ids = Array.from({ length: 20_000 }, () => newId("run"));
  expect([...ids].sort()).toEqual(ids);
  expect(new Set(ids).size).toBe(ids.length);
});
