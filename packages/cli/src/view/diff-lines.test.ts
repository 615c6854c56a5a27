import type { DiffedDocument, FieldChangeBody } from "@mflow/core/schema/api";
import { expect, test } from "vitest";
import { makeStyle } from "../display/style.ts";
import { diffLines } from "./diff-lines.ts";

const plain = makeStyle({ color: false, unicode: true });

function site(changes: FieldChangeBody[], more: Partial<DiffedDocument> = {}): DiffedDocument {
  const place = { kind: "Pipeline", domain: "default", namespace: "default", name: "site" } as const;
  return { ...place, action: "CHANGED", changes, ...more };
}

const linesOf = (document: DiffedDocument, columns = 80) => diffLines([document], { style: plain, columns });

test("what is the same has no line, and what is new has one", () => {
  const job = { kind: "Job" as const, name: "build", version: "v2", changes: [] };
  const place = { domain: "default", namespace: "ops" };
  const cluster = { kind: "Cluster" as const, name: "prod", changes: [] };
  const documents: DiffedDocument[] = [
    site([], { action: "UNCHANGED" }),
    { ...job, ...place, action: "CREATED" },
    { ...cluster, action: "CREATED" },
  ];
  expect(diffLines(documents, { style: plain, columns: 80 })).toEqual([
    "+ job build:v2 (ops.default) is new",
    "+ cluster prod is new",
  ]);
});

test("each field has its path and its values; large ones stand below", () => {
  const changes: FieldChangeBody[] = [
    { op: "CHANGED", path: "spec.timeout", before: "90s", after: "2m" },
    { op: "CHANGED", path: "spec.with.TOKEN", before: "***", after: "***" },
    { op: "REMOVED", path: "spec.failFast", before: true },
    { op: "ADDED", path: "spec.with.NOTE", after: "" },
    { op: "CHANGED", path: "spec.stages.a.tasks.b.audit.auditors", before: ["ada"], after: ["ada", "bob"] },
    {
      op: "ADDED",
      path: "spec.stages.check",
      after: { name: "check", tasks: [{ name: "one", job: "work", labels: { a: "b" } }] },
    },
    {
      op: "CHANGED",
      path: "spec.run",
      before: "set -e\nmake a\nmake c\n",
      after: "set -e\nmake b\nmake c\n",
    },
    { op: "CHANGED", path: "spec.nextPipeline", before: "other", after: { pipeline: "other" } },
  ];
  expect(linesOf(site(changes))).toEqual([
    "~ pipeline site (default.default)",
    "  ~ spec.timeout: 90s -> 2m",
    "  ~ spec.with.TOKEN: *** -> ***",
    "  - spec.failFast: true",
    '  + spec.with.NOTE: ""',
    "  ~ spec.stages.a.tasks.b.audit.auditors: [ada] -> [ada, bob]",
    "  + spec.stages.check:",
    "    + name: check",
    "    + tasks:",
    "    +   - name: one",
    "    +     job: work",
    "    +     labels:",
    "    +       a: b",
    "  ~ spec.run:",
    "    - make a",
    "    + make b",
    "  ~ spec.nextPipeline:",
    "    - other",
    "    + pipeline: other",
  ]);
});

test("no line is longer than the terminal, and none moves its cursor", () => {
  const before = "x".repeat(60);
  const changes: FieldChangeBody[] = [
    { op: "CHANGED", path: "spec.displayName", before, after: `${before}y\u001b[2J` },
    { op: "ADDED", path: "spec.description", after: "z".repeat(100) },
  ];
  const lines = linesOf(site(changes, { refusal: `frozen ${"w".repeat(90)}` }), 50);
  expect(lines).toEqual([
    "~ pipeline site (default.default)",
    "  ~ spec.displayName:",
    `    - ${"x".repeat(43)}…`,
    `    + ${"x".repeat(43)}…`,
    `  + spec.description: ${"z".repeat(27)}…`,
    `    ! frozen ${"w".repeat(36)}…`,
  ]);
});

test("signs have colors on a terminal", () => {
  const style = makeStyle({ color: true, unicode: true });
  const [, line] = diffLines([site([{ op: "REMOVED", path: "spec.failFast", before: true }])], {
    style,
    columns: 80,
  });
  expect(line).toBe("\u001b[31m  - spec.failFast: true\u001b[39m");
});
