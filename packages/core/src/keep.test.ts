import { expect, test } from "vitest";
import { fetchSources, keepOf } from "./keep.ts";
import { pathProblem, plainPath } from "./workspace-path.ts";

test("what a task says of files is laid over what its job says", () => {
  const job = {
    artifacts: [
      { name: "app", path: "a" },
      { name: "log", path: "l" },
    ],
    fetch: [{ from: "x", name: "n" }],
    cache: { key: { prefix: "job" }, paths: ["p"] },
  };
  expect(keepOf(job, {})).toEqual({ artifacts: job.artifacts, fetch: job.fetch, caches: [job.cache] });
  const task = {
    artifacts: [{ name: "app", path: "other" }],
    fetch: [{ from: "y", name: "m" }],
    cache: [{ key: { prefix: "task" }, paths: ["p"] }],
  };
  expect(keepOf(job, task)).toEqual({
    artifacts: [
      { name: "log", path: "l" },
      { name: "app", path: "other" },
    ],
    fetch: [
      { from: "x", name: "n" },
      { from: "y", name: "m" },
    ],
    caches: task.cache,
  });
  expect(keepOf({}, {})).toEqual({ artifacts: [], fetch: [], caches: [] });
});

test.each([
  ["build", ["build"]],
  ["one/build", ["build"]],
  ["two/build", []],
  ["test", ["test (linux, 18)", "test (mac, 18)"]],
  ["two/test", ["test (linux, 18)", "test (mac, 18)"]],
  ["test (mac, 18)", ["test (mac, 18)"]],
  ["tes", []],
])("a fetch from `%s` is from %j", (from, names) => {
  const tasks = [
    { name: "build", stageName: "one" },
    { name: "test (linux, 18)", stageName: "two" },
    { name: "test (mac, 18)", stageName: "two" },
    { name: "testing (mac)", stageName: "two" },
  ];
  expect(fetchSources(from, tasks).map(({ name }) => name)).toEqual(names);
});

test.each(["/a", "C:\\a", "~/a", "a/../b", "..", "a\\b", "${A}", "a\nb"])("the path %j is wrong", (path) => {
  expect(pathProblem(path)).toEqual(expect.any(String));
});

test.each([
  ["./a//b/", "a/b"],
  [".", "."],
  ["./", "."],
  ["a/..b", "a/..b"],
])("the path %j is right, and plainly %j", (path, plain) => {
  expect(pathProblem(path)).toBeUndefined();
  expect(plainPath(path)).toBe(plain);
});
