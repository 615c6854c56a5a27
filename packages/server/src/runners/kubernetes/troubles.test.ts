// How long what keeps work from beginning is borne.

import type { Observation } from "@mflow/core/kubernetes/observe";
import { expect, test } from "vitest";
import { Troubles } from "./troubles.ts";

const placement = { jobName: "task-1", creationGraceMs: 1000 };
const seen = (reason?: string, message = "why", heals?: boolean): Observation =>
  ({
    stage: "CREATING",
    steps: [],
    ...(reason !== undefined && { trouble: { reason, message, ...(heals !== undefined && { heals }) } }),
  }) as Observation;
const works = { stage: "ACTIVE", steps: [] } as unknown as Observation;

test("the same trouble counts from when it was first seen, also when the cluster is silent about it between two tries", () => {
  const troubles = new Troubles(0);
  expect(troubles.look(seen("IMAGE_PULL"), placement, 100)).toEqual({
    ...{ reason: "IMAGE_PULL", message: "why", until: 1100 },
  });
  expect(troubles.look(seen(), placement, 200)).toBeUndefined();
  expect(troubles.look(seen("IMAGE_PULL"), placement, 300)?.until).toBe(1100);
  expect(troubles.look(seen("QUOTA"), placement, 400)?.until).toBe(1400);
});

test("work that runs ends a trouble, and so does one that heals by itself", () => {
  const troubles = new Troubles(0);
  const untilOf = (now: number) => troubles.look(seen("IMAGE_PULL"), placement, now)?.until;
  expect(untilOf(100)).toBe(1100);
  expect(troubles.look(works, placement, 200)).toBeUndefined();
  expect(untilOf(300)).toBe(1300);
  expect(troubles.look(seen("NO_NODE", "why", true), placement, 400)).toBeUndefined();
  expect(untilOf(500)).toBe(1500);
});

test("our own Secret may be missing for a while after the Job was made, and no other", () => {
  const troubles = new Troubles(0);
  const missing = (name: string) => seen("CONFIG_MISSING", `secret "${name}" not found`);
  expect(troubles.look(missing("task-1"), placement, 14_999)).toBeUndefined();
  expect(troubles.look(missing("other"), placement, 14_999)?.until).toBe(15_999);
  expect(troubles.look(missing("task-1"), placement, 15_000)?.until).toBe(15_999);
});
