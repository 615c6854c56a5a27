// What the tests of app channels have in common: a message to a person about a waiting gate, and the content of it.

import type { Message } from "@mflow/core/schema/message";
import type { Outgoing } from "../channel.ts";
import type { Content } from "../content.ts";

const waitingMessage: Message = {
  version: 1,
  id: "msg-1",
  type: "AUDIT_WAITING",
  at: "2026-01-01T12:00:00.000Z",
  domain: "default",
  namespace: "default",
  startedBy: "ada",
  task: {
    id: "task-1",
    name: "prod",
    job: { name: "deploy", version: "1" },
    attempt: 2,
    stage: "PENDING",
    params: [],
  },
  gate: {
    kind: "AUDIT",
    stage: "WAITING",
    people: ["otto"],
    required: 1,
    passes: 0,
    digest: "abc",
    decisions: [],
  },
};

export const waitingContent: Content = {
  language: "en",
  tone: "WAITING",
  title: "Waiting for your audit: prod",
  facts: [{ label: "Task", value: "prod" }],
  links: [{ label: "Open the task", url: "https://mflow.example.com/tasks/task-1" }],
  buttons: [
    { verdict: "PASS", label: "Pass", url: "https://mflow.example.com/decide/x?verdict=PASS" },
    { verdict: "DENY", label: "Deny", url: "https://mflow.example.com/decide/x?verdict=DENY" },
  ],
};

/** The same card once nothing is to be decided any more. */
export const closedContent: Content = {
  language: "en",
  tone: "GOOD",
  title: "Audit passed: prod",
  facts: [{ label: "Task", value: "prod" }],
  links: [],
};

/** An attempt to tell a person of the waiting gate. */
export function outgoingOf<Settings>(
  settings: Settings,
  more: Partial<Outgoing<Settings>> = {},
): Outgoing<Settings> {
  return {
    messageId: "msg-1",
    deliveryId: "dlv-1",
    message: waitingMessage,
    content: waitingContent,
    settings,
    signal: AbortSignal.timeout(10_000),
    now: Date.UTC(2026, 0, 1, 12),
    ...more,
  };
}
