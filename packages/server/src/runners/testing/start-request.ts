// Start requests for the tests of runners.

import { randomInt } from "node:crypto";
import type { StartRequest } from "../runner.ts";

const DIGITS = "0123456789abcdefghjkmnpqrstvwxyz";

/** A fresh id of a task. */
export function freshTaskId(): string {
  return `task-${Array.from({ length: 26 }, () => DIGITS[randomInt(32)]).join("")}`;
}

export function startRequest(
  spec: Record<string, unknown>,
  changes: Partial<StartRequest> = {},
): StartRequest {
  return {
    taskId: freshTaskId(),
    attempt: 1,
    name: "a-task",
    domain: "default",
    namespace: "default",
    spec,
    job: "a-job",
    env: {},
    secretEnv: [],
    runnerParams: {},
    secrets: [],
    labels: {},
    manualUpdateStatus: false,
    ...changes,
  };
}
