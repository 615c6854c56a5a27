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
        - { name: t, job: known, needs: [x] }
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
    "12 /spec/stages/0/tasks/0/needs",
    "14 /spec/stages/0/tasks/2/name",
    "13 /spec/stages/0/tasks/1/name",
    "13 /spec/stages/0/tasks/1/job",
    "14 /spec/stages/0/tasks/2/job",
  ]);
});

test("a document of which too little remains is told by its shape alone", () => {
  const { documents, problems } = parseManifests(
    "kind: Pipeline\nmetadata: { name: p }\nspec: { stages: 3 }\n",
  );
  expect(documents).toEqual([]);
  expect(problems).toHaveLength(1);
});
