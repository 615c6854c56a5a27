import { expect, test } from "vitest";
import { lint } from "./lint.ts";
import { parseManifests } from "./manifest.ts";
import { DEFAULT_SCOPE } from "./schema/scalars.ts";

const text = `kind: Job
metadata: { name: known }
spec: { runnerType: FAKE, runnerSpec: {} }
---
kind: Pipeline
metadata: { nme: x }
spec:
  stages:
    - name: a
      maxParallel: many
      tasks:
        - { name: t, job: known, approval: x }
        - { name: t, job: unknown }
        - { job: unknown }
`;

test("errors of shape and of sense are told at once, each once", () => {
  const { documents, problems } = parseManifests(text, { file: "p.yaml" });
  const findings = lint(documents, { scope: DEFAULT_SCOPE, findJob: () => undefined });
  const all = [...problems, ...findings].filter((problem) => problem.severity === "error");
  expect(all.map(({ line, path }) => `${line} ${path}`)).toEqual([
    "6 /metadata/name",
    "6 /metadata/nme",
    "10 /spec/stages/0/maxParallel",
    "12 /spec/stages/0/tasks/0/approval",
    "14 /spec/stages/0/tasks/2/name",
    "13 /spec/stages/0/tasks/1/name",
    "13 /spec/stages/0/tasks/1/job",
    "14 /spec/stages/0/tasks/2/job",
  ]);
});

test("a stage without tasks does not hide what is wrong with the others", () => {
  const stages = `kind: Pipeline
metadata: { name: p }
spec:
  stages:
    - { name: a, tasks: [{ name: t, job: unknown }] }
    - { name: a, tasks: [] }
    - { name: c }
`;
  const { documents, problems } = parseManifests(stages, { file: "p.yaml" });
  const findings = lint(documents, { scope: DEFAULT_SCOPE, findJob: () => undefined });
  const all = [...problems, ...findings].filter((problem) => problem.severity === "error");
  expect(all.map(({ line, path }) => `${line} ${path}`)).toEqual([
    "6 /spec/stages/1/tasks",
    "7 /spec/stages/2/tasks",
    "5 /spec/stages/0/tasks/0/job",
    "6 /spec/stages/1/name",
  ]);
});

test("what is wrong as a whole is told by its shape alone", () => {
  const { documents, problems } = parseManifests(
    "kind: Pipeline\nmetadata: { name: p }\nspec: { stages: 3 }\n",
  );
  expect(problems).toHaveLength(1);
  expect(lint(documents, { scope: DEFAULT_SCOPE })).toEqual([]);
  const noSpec = parseManifests("kind: Job\nmetadata: { name: p }\n");
  expect([noSpec.documents, noSpec.problems.length]).toEqual([[], 1]);
});
