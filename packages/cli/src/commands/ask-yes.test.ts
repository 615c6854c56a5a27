import { PassThrough } from "node:stream";
import { expect, test } from "vitest";
import { askYes } from "./ask-yes.ts";

test.each([
  ["y\n", true],
  ["Yes\n", true],
  ["n\n", false],
  ["\n", false],
  ["yesterday\n", false],
  ["", false],
])("the answer %j is taken for %s", async (answer, isYes) => {
  const stdin = new PassThrough();
  const stderr = new PassThrough();
  stdin.end(answer);
  const io = { stdin, stderr } as unknown as Parameters<typeof askYes>[0];
  expect(await askYes(io, "Delete this record?")).toBe(isYes);
  expect(String(stderr.read())).toContain("Delete this record? [y/N] ");
});
