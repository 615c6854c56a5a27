import { expect, test } from "vitest";
import { lint } from "../lint.ts";
import { parseManifests } from "../manifest.ts";
import { DEFAULT_SCOPE } from "../schema/scalars.ts";

function linted(text: string): string[] {
  const { documents, problems } = parseManifests(text);
  expect(problems).toEqual([]);
  const found = lint(documents, { scope: DEFAULT_SCOPE, findJob: () => undefined });
  return found.map(({ severity, message, path }) => `${severity} ${message} (${path})`);
}

const job = (rest: string, type = "SHELL", name = "a") =>
  `kind: Job\npublish: true\nmetadata: {name: ${name}}\nspec: {runnerType: ${type}, runnerSpec: ${type === "SHELL" ? '{steps: [{run: "true"}]}' : "{}"}, ${rest}}\n`;

const podJob = (rest: string, spec = "", name = "main") =>
  `kind: Job\npublish: true\nmetadata: {name: pod}\nspec: {runnerType: K8S_JOB, runnerSpec: {spec: {${spec}template: {spec: {containers: [{name: ${name}, image: "a:1"}]}}}}, ${rest}}\n`;

test.each([
  [
    "names are unique",
    job("artifacts: [{name: x, path: a}, {name: x, path: b}]"),
    ["error another artifact of this task is called `x` too; rename one (/spec/artifacts/1/name)"],
  ],
  [
    "paths stay in the workspace",
    job("artifacts: [{name: x, path: /etc/passwd}, {name: y, path: a/../../b}, {name: z, path: '${A}/b'}]"),
    [
      "error `/etc/passwd` is absolute; write it relative to the workspace (/spec/artifacts/0/path)",
      "error `a/../../b` leaves the workspace by `..`; write a path inside it (/spec/artifacts/1/path)",
      "error `${A}/b` holds `${`, but params are filled in the runner spec alone; write the path itself (/spec/artifacts/2/path)",
    ],
  ],
  [
    "a glob is no path",
    job("artifacts: [{name: x, path: 'dist/*.js'}]"),
    [
      "warning `dist/*.js` is taken literally: artifacts know no globs; name the folder instead (/spec/artifacts/0/path)",
    ],
  ],
  [
    "a cache has a key",
    job("cache: {key: {}, paths: [/tmp, node_modules]}"),
    [
      "error the key has neither `files` nor `prefix`, so every task would share this cache; give one (/spec/cache/key)",
      "error `/tmp` is absolute; write it relative to the workspace (/spec/cache/paths/0)",
    ],
  ],
  [
    "the same cache twice",
    job("cache: [{key: {prefix: a}, paths: [b]}, {key: {prefix: a}, paths: [b]}]"),
    ["warning another cache of this task has the same key and paths; remove one (/spec/cache/1)"],
  ],
  [
    "a FAKE job has no workspace",
    job("artifacts: [{name: x, path: a}]", "FAKE"),
    ["warning a FAKE job has no workspace: `artifacts` has no effect (/spec/artifacts)"],
  ],
  [
    "a pod keeps and fetches",
    podJob("artifacts: [{name: x, path: a}], cache: {key: {prefix: a}, paths: [b]}"),
    [],
  ],
  [
    "a pod that begins again does not",
    podJob("artifacts: [{name: x, path: a}]", "backoffLimit: 2, "),
    [
      "warning `backoffLimit: 2` makes Kubernetes run the work again, and mflow counts no attempt of it; remove it (/spec/runnerSpec/spec/backoffLimit)",
      "error a task that keeps or fetches files runs one pod, once; remove `backoffLimit`, and say `retry` on the task (/spec/artifacts)",
    ],
  ],
  [
    "names of mflow's containers are taken",
    podJob("timeout: 1m", "", "mflow-keep"),
    [
      "error `mflow-keep` is the name of a container of mflow's own; rename it (/spec/runnerSpec/spec/template/spec/containers/0/name)",
    ],
  ],
])("%s", (_rule, text, problems) => {
  expect(linted(text)).toEqual(problems);
});

const pipeline = (stages: string) =>
  `${job("artifacts: [{name: app, path: app}]", "SHELL", "make")}---
${job("visibility: GLOBAL", "SHELL", "use")}---
kind: Pipeline
metadata: {name: p}
spec:
  stages:
${stages}`;

test.each([
  [
    "of an earlier task",
    "[{name: one, job: make}, {name: two, job: use, fetch: [{from: one, name: app}]}]",
    [],
  ],
  [
    "of `stage/name`",
    "[{name: one, job: make}, {name: two, job: use, fetch: [{from: s/one, name: app}]}]",
    [],
  ],
  [
    "of no task",
    "[{name: one, job: make}, {name: two, job: use, fetch: [{from: onee, name: app}]}]",
    ["there is no task `onee` to fetch from; did you mean `one`?"],
  ],
  [
    "of a later task",
    "[{name: two, job: use, fetch: [{from: one, name: app}]}, {name: one, job: make}]",
    ["task `one` does not end before this one begins; put it into an earlier stage, or name it in `needs`"],
  ],
  [
    "of what is not kept",
    "[{name: one, job: make}, {name: two, job: use, fetch: [{from: one, name: apq}]}]",
    ["task `one` keeps no artifact `apq`; did you mean `app`?"],
  ],
  [
    "of a task that keeps nothing",
    "[{name: one, job: use}, {name: two, job: use, fetch: [{from: one, name: app, optional: true}]}]",
    ["task `one` keeps no artifact `app`; it keeps none"],
  ],
])("a fetch %s", (_rule, tasks, messages) => {
  const found = linted(pipeline(`    - {name: s, tasks: ${tasks}}\n`));
  expect(found).toEqual(messages.map((message) => expect.stringContaining(message)));
});

test.each([
  ["a parallel sibling may not have ended", "", false],
  ["what it needs has", "needs: [one], ", true],
  ["what it does not wait for may not", "needs: [other], ", false],
])("of tasks of one stage: %s", (_what, needs, isRight) => {
  const tasks = `[{name: one, job: make}, {name: other, job: use}, {name: two, job: use, ${needs}fetch: [{from: one, name: app}]}]`;
  const found = linted(pipeline(`    - {name: s, isParallel: true, tasks: ${tasks}}\n`));
  expect(found).toEqual(
    isRight ? [] : [expect.stringContaining("`one` does not end before this one begins")],
  );
});

test("a fetch of what a pod's manifest does not keep may be right: its work can send more", () => {
  const text = (kept: string) =>
    `${podJob(kept)}---\n${job("visibility: GLOBAL", "SHELL", "use")}---\nkind: Pipeline\nmetadata: {name: p}\nspec:\n  stages:\n    - {name: s, tasks: [{name: one, job: pod}, {name: two, job: use, fetch: [{from: one, name: app}]}]}\n`;
  expect(linted(text("timeout: 1m"))).toEqual([]);
  expect(linted(text("artifacts: [{name: other, path: a}]"))).toEqual([
    "warning task `one` keeps no artifact `app`; it keeps `other` (/spec/stages/0/tasks/1/fetch/0/name)",
  ]);
});
