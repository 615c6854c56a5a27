// History: one event for everything that changed, in commit order; what `events` streams.

import type { Static } from "typebox";
import { closed, oneOf, Timestamp, titled } from "./scalars.ts";
import { Type } from "./type.ts";

export const EVENT_TYPES = [
  "RUN_STAGE",
  "RUN_PAUSED",
  "RUN_RESUMED",
  "RUN_LOCK_LET_GO",
  "RUN_LOCK_TAKEN",
  "RUN_STATUS",
  "TASK_STAGE",
  "TASK_REPORTED",
  "TASK_OUTPUT",
  "TASK_STATUS",
  "AUDIT_WAITING",
  "AUDIT_DECISION",
  "AUDIT_PASS",
  "AUDIT_DENY",
  "AUDIT_CLOSED",
  "AUDIT_EXPIRED",
  "AUDIT_REMIND",
  "AUDIT_ESCALATED",
  "AUDIT_WITHDRAWN",
  "CONFIRM_WAITING",
  "CONFIRM_DECISION",
  "CONFIRM_PASS",
  "CONFIRM_DENY",
  "CONFIRM_CLOSED",
  "CONFIRM_EXPIRED",
  "CONFIRM_REMIND",
  "CONFIRM_ESCALATED",
  "CONFIRM_WITHDRAWN",
  "CONFIRM_PUSH_BACK",
  "LATE_REPORT",
  "STATUS_FORCED",
  "DELETED",
  "JOB_STAGE",
  "PIPELINE_PAUSED",
  "PIPELINE_RESUMED",
  "SERVER_PAUSED",
  "SERVER_RESUMED",
  "LIMIT_SET",
  "TERMINAL_OPENED",
  "TERMINAL_CLOSED",
  "SCHEDULE_STARTED",
  "SCHEDULE_SKIPPED",
  "SCHEDULE_REFUSED",
  "SCHEDULE_MISSED",
  "SCHEDULE_PAUSED",
  "SCHEDULE_RESUMED",
] as const;
export const EventType = oneOf(EVENT_TYPES, "What happened.");
export type EventType = Static<typeof EventType>;

/** What each type tells, for the reference. */
export const EVENT_MEANINGS: Readonly<Record<EventType, string>> = {
  RUN_STAGE: "A run is in another stage.",
  RUN_PAUSED: "A person paused a run: nothing new of it starts; `message` says why.",
  RUN_RESUMED: "A person let a paused run go on.",
  RUN_LOCK_LET_GO: "A run with `holdLock: false` waits for people alone, and let its sequence lock go.",
  RUN_LOCK_TAKEN: "A run has its sequence lock again.",
  RUN_STATUS:
    "Something else in a run's status changed: that it is canceled at once, that a timeout is over.",
  TASK_STAGE: "A task is in another stage.",
  TASK_REPORTED: "The work of a task ended, and its result waits for the confirm.",
  TASK_OUTPUT: "A task put out runtime envs (`message` names them) or markdown.",
  TASK_STATUS: "Something else in a task's status changed: a message, a detail, that it is being stopped.",
  AUDIT_WAITING: "An audit waits for decisions.",
  AUDIT_DECISION: "A person decided on an audit; `stage` is the verdict.",
  AUDIT_PASS: "An audit is passed: enough people have.",
  AUDIT_DENY: "An audit is denied.",
  AUDIT_CLOSED: "A task ended before its audit was decided.",
  AUDIT_EXPIRED: "Nobody decided an audit in time.",
  AUDIT_REMIND: "Those who have not decided an audit are reminded.",
  AUDIT_ESCALATED: "Nobody decided an audit in time: others are asked too.",
  AUDIT_WITHDRAWN: "A person took back their decision on an audit.",
  CONFIRM_WAITING: "A confirm waits for decisions.",
  CONFIRM_DECISION: "A person decided on a confirm; `stage` is the verdict.",
  CONFIRM_PASS: "A confirm is passed: enough people have.",
  CONFIRM_DENY: "A confirm is denied.",
  CONFIRM_CLOSED: "A task ended before its confirm was decided.",
  CONFIRM_EXPIRED: "Nobody decided a confirm in time.",
  CONFIRM_REMIND: "Those who have not decided a confirm are reminded.",
  CONFIRM_ESCALATED: "Nobody decided a confirm in time: others are asked too.",
  CONFIRM_WITHDRAWN: "A person took back their decision on a confirm.",
  CONFIRM_PUSH_BACK: "A person pushed a result back: an earlier task runs again.",
  LATE_REPORT: "A runner said something of an attempt that has ended; it was ignored.",
  DELETED:
    "An ended run, or a task that ran alone, was deleted with its logs; its history stays. `reason` is RETENTION when a " +
    "rule let it go, which `message` names.",
  STATUS_FORCED: "An operator set a task's stage with `forceUpdateStatus`.",
  JOB_STAGE: "A job was published or deprecated.",
  PIPELINE_PAUSED: "A person paused a pipeline: nothing new of its runs starts, and new runs wait.",
  PIPELINE_RESUMED: "A person let a paused pipeline go on.",
  SERVER_PAUSED: "An admin drains the server: nothing new starts, and new runs wait; `message` says why.",
  SERVER_RESUMED: "An admin let a drained server go on.",
  LIMIT_SET: "An admin set or took away a limit; `name` and `message` say which.",
  TERMINAL_OPENED: "A person opened a terminal in the work of a task; `message` says in which container.",
  TERMINAL_CLOSED: "A terminal has ended; `message` says how, and in which container.",
  SCHEDULE_STARTED: "A schedule started a run; `name` is the schedule.",
  SCHEDULE_SKIPPED: "A time of a schedule passed without a run, because an earlier one had not ended.",
  SCHEDULE_REFUSED: "A schedule could not start its run; `message` says why.",
  SCHEDULE_MISSED: "Times of a schedule passed while nobody could start its runs; `message` says which.",
  SCHEDULE_PAUSED: "A person paused a schedule.",
  SCHEDULE_RESUMED: "A person resumed a schedule; its runs have their rights from now on.",
};

/** An event before the store gave it its place in the stream. */
export const NewHistoryEvent = closed({
  type: EventType,
  at: titled("When it was decided.", Timestamp),
  domain: Type.String({ description: "Domain of what changed." }),
  namespace: Type.String({ description: "Namespace of what changed." }),
  pipelineTaskId: Type.Optional(Type.String({ description: "The run." })),
  taskId: Type.Optional(Type.String({ description: "The task." })),
  name: Type.Optional(Type.String({ description: "Name of the task, pipeline or job." })),
  attempt: Type.Optional(Type.Integer({ description: "Attempt of the task." })),
  stage: Type.Optional(Type.String({ description: "The stage that it is in now." })),
  from: Type.Optional(Type.String({ description: "The stage that it was in." })),
  reason: Type.Optional(Type.String({ description: "Why, as a code." })),
  message: Type.Optional(Type.String({ description: "Why, as a sentence." })),
  actor: Type.Optional(Type.String({ description: "Who did it; none for runners and timers." })),
});
export type NewHistoryEvent = Static<typeof NewHistoryEvent>;

export const HistoryEvent = closed(
  {
    seq: Type.Integer({ description: "Place in the stream, in commit order." }),
    ...NewHistoryEvent.properties,
  },
  { description: "Something that changed." },
);
export type HistoryEvent = Static<typeof HistoryEvent>;
