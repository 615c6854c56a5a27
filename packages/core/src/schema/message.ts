// What listeners are told: the body of a webhook, and what cards and mails are made from. Frozen with the change that
// it tells of; the same in every attempt to deliver it. Sensitive values are `***`.

import type { Static } from "typebox";
import { GateDecision, GateStage } from "./gate.ts";
import { Reported, StepStatus, TaskStage } from "./job-task.ts";
import { LISTENER_EVENTS, type ListenerEvent } from "./listener.ts";
import { RunStage, TriggerMode } from "./pipeline-task.ts";
import { closed, Labels, oneOf, Timestamp, titled } from "./scalars.ts";
import { Type } from "./type.ts";

export const MESSAGE_VERSION = 1;

const times = {
  startAt: Type.Optional(titled("When it began.", Timestamp)),
  endAt: Type.Optional(titled("When it ended.", Timestamp)),
  durationMs: Type.Optional(Type.Number({ description: "From its begin to its end, milliseconds." })),
};

const why = {
  reason: Type.Optional(Type.String({ description: "Why, as a code." })),
  message: Type.Optional(Type.String({ description: "Why, as a sentence." })),
};

export const MessageRun = closed(
  {
    id: Type.String({ description: "Id of the run." }),
    name: Type.String({ description: "Name of the pipeline." }),
    stage: RunStage,
    ...why,
    ...times,
    triggerMode: TriggerMode,
    labels: Type.Optional(Labels),
  },
  { description: "The run; none for a task that runs alone." },
);
export type MessageRun = Static<typeof MessageRun>;

export const MessageTask = closed(
  {
    id: Type.String({ description: "Id of the task." }),
    name: Type.String({ description: "Name of the task." }),
    stageName: Type.Optional(Type.String({ description: "Name of its stage." })),
    stageNumber: Type.Optional(Type.Integer({ description: "Number of its stage, from 1." })),
    taskNumber: Type.Optional(Type.Integer({ description: "From 1, within the stage." })),
    job: closed(
      {
        name: Type.String({ description: "Name of the job." }),
        version: Type.String({ description: "Version of the job." }),
      },
      { description: "The job that it runs." },
    ),
    attempt: Type.Integer({ description: "Number of the attempt, from 1." }),
    stage: TaskStage,
    from: Type.Optional(titled("The stage that it was in.", TaskStage)),
    ...why,
    ...times,
    params: Type.Array(
      closed({
        name: Type.String({ description: "Name of the param." }),
        value: Type.String({
          description: "Its value, `***` when it is sensitive, cut at 1,024 characters.",
        }),
      }),
      { description: "What it runs with." },
    ),
    steps: Type.Optional(Type.Array(StepStatus, { description: "How its steps went." })),
    markdownOutput: Type.Optional(Type.String({ description: "Its markdown, cut at 8,192 characters." })),
  },
  { description: "The task; none when the message is about the run itself." },
);
export type MessageTask = Static<typeof MessageTask>;

export const MessageGate = closed(
  {
    kind: oneOf(["AUDIT", "CONFIRM"], "`AUDIT`: before the task runs. `CONFIRM`: of its result."),
    stage: GateStage,
    people: Type.Array(Type.String(), { description: "Who is listed: user names and `@group` names." }),
    waitsFor: Type.Optional(
      Type.Array(Type.String(), {
        description: "Those of `people` by whom it can still be decided, while it waits.",
      }),
    ),
    required: Type.Integer({ description: "How many different people must pass." }),
    passes: Type.Integer({ description: "How many have." }),
    digest: Type.Optional(Type.String({ description: "Digest of what is decided on." })),
    openedAt: Type.Optional(titled("Since when it waits.", Timestamp)),
    expiresAt: Type.Optional(titled("Until when it waits.", Timestamp)),
    endsAt: Type.Optional(
      titled("Until when it can wait at most: later than `expiresAt` when it is escalated then.", Timestamp),
    ),
    reported: Type.Optional(Reported),
    decisions: Type.Array(GateDecision, { description: "In the order in which they were made." }),
  },
  { description: "The gate that the message is about." },
);
export type MessageGate = Static<typeof MessageGate>;

export const Message = closed(
  {
    version: Type.Literal(MESSAGE_VERSION, {
      description: "Of this schema; raised when a field changes its meaning.",
    }),
    id: Type.String({ description: "`msg-` and 26 characters; the same whenever it is sent." }),
    type: oneOf(Object.keys(LISTENER_EVENTS) as ListenerEvent[], "What happened."),
    at: titled("When it happened.", Timestamp),
    domain: Type.String({ description: "Domain of the task or run." }),
    namespace: Type.String({ description: "Namespace of the task or run." }),
    startedBy: Type.String({ description: "Who started the run or lone task." }),
    actor: Type.Optional(Type.String({ description: "Who did it; none for runners and timers." })),
    comment: Type.Optional(Type.String({ description: "What they said." })),
    run: Type.Optional(MessageRun),
    task: Type.Optional(MessageTask),
    gate: Type.Optional(MessageGate),
    link: Type.Optional(Type.String({ description: "Where to see it. Added when it is sent." })),
  },
  { description: "What a listener is told; the JSON body of a webhook." },
);
export type Message = Static<typeof Message>;
