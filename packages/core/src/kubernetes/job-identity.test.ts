import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  jobNameOf,
  labelsOf,
  labelValue,
  secretNameOf,
  selectorOf,
  workspaceClaimOf,
} from "./job-identity.ts";

const TASK = "task-01jb8h3x7c5f3wz9v0y2m4k6n8";
const LABEL = /^[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?$/;
const DNS_LABEL = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/;

describe("the value of a label", () => {
  test.each([
    ["a safe text", "deploy_prod.v1-a", "deploy_prod.v1-a"],
    ["63 characters", "x".repeat(63), "x".repeat(63)],
    ["unsafe characters", "Deploy to prod!", "Deploy-to-prod-7500897769"],
    ["an unsafe end", "build-", "build-072dfd35b9"],
    ["64 characters", "x".repeat(64), `${"x".repeat(52)}-7ce100971f`],
    ["nothing that is safe", "部署", "3ca7718593"],
    ["nothing", "", "e3b0c44298"],
  ])("of %s", (_what, text, value) => {
    expect(labelValue(text)).toBe(value);
  });

  test("is always one that Kubernetes takes, and another one for another text", () => {
    const text = fc.oneof(
      fc.string({ unit: "binary", maxLength: 100 }),
      fc.string({ minLength: 50, maxLength: 100 }),
    );
    fc.assert(
      fc.property(text, text, (one, other) => {
        expect(labelValue(one)).toMatch(LABEL);
        expect(labelValue(one).length).toBeLessThanOrEqual(63);
        expect(labelValue(one) === labelValue(other)).toBe(one === other);
      }),
    );
  });
});

describe("the name of a Job", () => {
  test.each([
    ["a task's id", TASK, 2, `${TASK}-2`],
    ["an id that is no DNS label", "Task_1", 1, "task-1-eea8835c16-1"],
    ["an id that is too long", "t".repeat(60), 12, `${"t".repeat(38)}-4409108038-12`],
  ])("of %s", (_what, taskId, attempt, name) => {
    expect(jobNameOf(taskId, attempt)).toBe(name);
  });

  test("is always a DNS label that leaves room for the pods' suffixes, and another one for another attempt", () => {
    const id = fc.string({ maxLength: 80 });
    const attempt = fc.integer({ min: 1, max: 100_000 });
    fc.assert(
      fc.property(id, attempt, id, attempt, (one, first, other, second) => {
        const name = jobNameOf(one, first);
        expect(name).toMatch(DNS_LABEL);
        expect(name.length).toBeLessThanOrEqual(52);
        expect(name === jobNameOf(other, second)).toBe(one === other && first === second);
      }),
    );
  });

  test("is the name of its Secret too", () => {
    expect(secretNameOf(TASK, 2)).toBe(jobNameOf(TASK, 2));
  });
});

test("the claim of a workspace is named by the run", () => {
  expect(workspaceClaimOf("run-01jb8h3x7c5f3wz9v0y2m4k6n8")).toBe("run-01jb8h3x7c5f3wz9v0y2m4k6n8-workspace");
  expect(workspaceClaimOf("Run 1")).toMatch(/^run-1-[0-9a-f]{10}-workspace$/);
});

test("the selector finds what one installation made", () => {
  expect(selectorOf("0123456789abcdefghij")).toBe(
    "app.kubernetes.io/managed-by=mflow,mflow.dev/installation=0123456789abcdefghij",
  );
});

test("the labels tell whose an object is", () => {
  const identity = {
    ...{ taskId: TASK, attempt: 3, name: "deploy_web", job: "deploy", domain: "shop", namespace: "prod" },
    installation: "0123456789abcdefghij",
  };
  const alone = {
    "app.kubernetes.io/managed-by": "mflow",
    "mflow.dev/installation": "0123456789abcdefghij",
    "mflow.dev/task-id": TASK,
    "mflow.dev/attempt": "3",
    "mflow.dev/task": "deploy_web",
    "mflow.dev/job": "deploy",
    "mflow.dev/domain": "shop",
    "mflow.dev/namespace": "prod",
  };
  expect(labelsOf(identity)).toEqual(alone);
  expect(labelsOf({ ...identity, pipelineTaskId: "run-1", name: "a_" })).toEqual({
    ...alone,
    "mflow.dev/run-id": "run-1",
    "mflow.dev/task": labelValue("a_"),
  });
});
