// History: one event for everything that changed, in commit order; what `events` streams.

import { type Static, Type } from "typebox";
import { closed, oneOf, Timestamp } from "./scalars.ts";

export const EVENT_TYPES = [
  "RUN_STAGE",
  "TASK_STAGE",
  "TASK_REPORTED",
  "TASK_OUTPUT",
  "TASK_STATUS",
  "AUDIT_WAITING",
  "AUDIT_DECISION",
  "AUDIT_PASS",
  "AUDIT_DENY",
  "AUDIT_CLOSED",
  "CONFIRM_WAITING",
  "CONFIRM_DECISION",
  "CONFIRM_PASS",
  "CONFIRM_DENY",
  "CONFIRM_CLOSED",
  "LATE_REPORT",
  "STATUS_FORCED",
  "JOB_STAGE",
] as const;
export const EventType = oneOf(EVENT_TYPES);
export type EventType = Static<typeof EventType>;

/** An event before the store gave it its place in the stream. */
export const NewHistoryEvent = closed({
  type: EventType,
  at: Timestamp,
  domain: Type.String(),
  namespace: Type.String(),
  pipelineTaskId: Type.Optional(Type.String()),
  taskId: Type.Optional(Type.String()),
  name: Type.Optional(Type.String({ description: "Name of the task, pipeline or job." })),
  attempt: Type.Optional(Type.Integer()),
  stage: Type.Optional(Type.String()),
  from: Type.Optional(Type.String()),
  reason: Type.Optional(Type.String()),
  message: Type.Optional(Type.String()),
  actor: Type.Optional(Type.String()),
});
export type NewHistoryEvent = Static<typeof NewHistoryEvent>;

export const HistoryEvent = closed({
  seq: Type.Integer({ description: "Place in the stream, in commit order." }),
  ...NewHistoryEvent.properties,
});
export type HistoryEvent = Static<typeof HistoryEvent>;
