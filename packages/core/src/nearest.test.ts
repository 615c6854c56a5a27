import { expect, test } from "vitest";
import { didYouMean, nearest } from "./nearest.ts";

const keys = ["name", "job", "tasks", "stages", "runParams", "ignoreFailed"];

test.each([
  ["taks", "tasks"],
  ["Tasks", "tasks"],
  ["stage", "stages"],
  ["runparams", "runParams"],
  ["run_params", "runParams"],
  ["ignoreFailure", "ignoreFailed"],
  ["jbo", "job"],
  ["nmae", "name"],
])("takes `%s` for a typing error of `%s`", (word, meant) => {
  expect(nearest(word, keys)).toBe(meant);
});

test.each(["", "xyz", "timeout", "a".repeat(5000)])(
  "finds nothing near a word that is far from all",
  (word) => {
    expect(nearest(word, keys)).toBeUndefined();
  },
);

test("writes the question that a message ends with, and nothing when nothing is near", () => {
  expect(didYouMean("taks", keys)).toBe("; did you mean `tasks`?");
  expect(didYouMean("unknown", keys)).toBe("");
});

test("prefers the first of two candidates that are equally near", () => {
  expect(nearest("build-c", ["build-a", "build-b"])).toBe("build-a");
});
