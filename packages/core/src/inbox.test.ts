import { expect, test } from "vitest";
import { inboxItem } from "./inbox.ts";
import type { Gate } from "./schema/gate.ts";
import type { JobTask } from "./schema/job-task.ts";

const at = (second: number) => `2026-03-01T12:00:${String(second).padStart(2, "0")}.000Z`;

const people = {
  groupMembers: (group: string) => (group === "ops" ? ["bob", "cem", "alice"] : []),
  standInOf: (user: string) => (user === "cem" ? "dan" : undefined),
  cannotDecide: () => undefined,
};

function waiting(more: Partial<Gate> = {}): JobTask {
  return {
    id: "task-1",
    domain: "default",
    namespace: "web",
    name: "prod",
    pipelineTaskId: "run-1",
    stageName: "release",
    job: { id: "job-1", name: "deploy", version: "v3" },
    runnerType: "FAKE",
    attempt: 1,
    status: { stage: "ACTIVE", reported: { stage: "SUCCEEDED", at: at(9) } },
    confirm: {
      people: ["@ops"],
      required: 2,
      allowSelf: false,
      stage: "WAITING",
      digest: "d1",
      openedAt: at(10),
      expiresAt: at(50),
      decisions: [],
      ...more,
    },
    startedBy: "alice",
    createdAt: at(0),
    updatedAt: at(10),
    revision: 3,
  };
}

test("a gate is in the inbox of those who may decide it, with how far it is and until when", () => {
  const decisions = [
    { user: "eve", verdict: "PASS", at: at(11), digest: "d1" },
    { user: "fay", verdict: "PASS", at: at(12), digest: "d1", withdrawnAt: at(13) },
  ] as Gate["decisions"];
  expect(inboxItem(waiting({ decisions }), "confirm", "bob", people)).toEqual({
    taskId: "task-1",
    name: "prod",
    stageName: "release",
    attempt: 1,
    pipelineTaskId: "run-1",
    domain: "default",
    namespace: "web",
    job: { name: "deploy", version: "v3" },
    startedBy: "alice",
    gate: "CONFIRM",
    since: at(10),
    expiresAt: at(50),
    required: 2,
    passes: 1,
    reported: { stage: "SUCCEEDED", at: at(9) },
    digest: "d1",
  });
});

test("it is also in that of who stands in, and says for whom", () => {
  expect(inboxItem(waiting(), "confirm", "dan", people)?.onBehalfOf).toBe("cem");
  expect(
    inboxItem(waiting({ people: ["dan", "cem"] }), "confirm", "dan", people)?.onBehalfOf,
  ).toBeUndefined();
});

test("who started it, who decided and who is not listed do not have it; nor has anybody once it is closed", () => {
  const decisions = [{ user: "bob", verdict: "PASS", at: at(11), digest: "d1" }] as Gate["decisions"];
  const whose = ["alice", "bob", "eve", "cem"].filter(
    (user) => inboxItem(waiting({ decisions }), "confirm", user, people) !== undefined,
  );
  expect(whose).toEqual(["cem"]);
  expect(inboxItem(waiting({ stage: "PASS" }), "confirm", "cem", people)).toBeUndefined();
  expect(inboxItem(waiting(), "audit", "cem", people)).toBeUndefined();
});
