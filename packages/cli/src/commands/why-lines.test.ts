import type { Why } from "@mflow/core/schema/why";
import { expect, test } from "vitest";
import { makeStyle } from "../display/style.ts";
import { whyLines } from "./why-lines.ts";

const style = makeStyle({ color: false, unicode: true });

test("each cause is a sentence with the tasks that it is about, within the width", () => {
  const task = (name: string) => ({
    id: `task-${name}`,
    name,
    stageName: "build",
    stage: "PENDING" as const,
  });
  const why: Why = {
    id: "run-1",
    name: "release",
    stage: "ACTIVE",
    causes: [
      {
        kind: "AUDIT",
        sentence: "task `deploy` waits for the audit by ann, bob and cid since 2026-01-01T00:00:00.000Z",
        tasks: [task("deploy")],
        count: 1,
      },
      {
        kind: "STAGES",
        sentence: "12 tasks wait for earlier stages: `a`, `b`, `c` and 9 more",
        tasks: [task("a"), task("b")],
        count: 12,
      },
      { kind: "TURN", sentence: "waits for its turn" },
    ],
  };
  const lines = whyLines(why, { style, columns: 60 });
  expect(lines).toEqual([
    "run release (run-1) ACTIVE",
    "- task `deploy` waits for the audit by ann, bob and cid",
    "  since 2026-01-01T00:00:00.000Z",
    "    build/deploy PENDING task-deploy",
    "- 12 tasks wait for earlier stages: `a`, `b`, `c` and 9 more",
    "    build/a PENDING task-a",
    "    build/b PENDING task-b",
    "    and 10 more",
    "- waits for its turn",
  ]);
});

test("what has ended waits for nothing", () => {
  const why: Why = { id: "task-1", name: "a", stage: "SUCCEEDED", causes: [] };
  expect(whyLines(why, { style, columns: 80 })).toEqual([
    "task a (task-1) SUCCEEDED",
    "It has ended and waits for nothing.",
  ]);
});
