// The message of an event: its facts as they were at that moment, sensitive values masked, long texts cut. It is
// stored and sent as it is, so nothing gets in here that a listener must not read.

import type { Context } from "../change.ts";
import type { EventRows } from "../decide/draft.ts";
import { openPeople, type People } from "../deciders.ts";
import { passesOf, waitsUntil } from "../gate.ts";
import { MASK, type Masker } from "../mask.ts";
import type { NewHistoryEvent } from "../schema/event.ts";
import type { Gate, GateStage } from "../schema/gate.ts";
import type { JobTask } from "../schema/job-task.ts";
import type { ListenerEvent } from "../schema/listener.ts";
import {
  MESSAGE_VERSION,
  type Message,
  type MessageGate,
  type MessageRun,
  type MessageTask,
} from "../schema/message.ts";
import type { PipelineTask } from "../schema/pipeline-task.ts";
import { taskMasker } from "../task-secrets.ts";
import { gateKindOf } from "./events.ts";

const MAX_PARAM_LENGTH = 1024;
const MAX_MARKDOWN_LENGTH = 8192;

/** What is needed to make messages. */
type Making = Pick<Context, "newId" | "unseal" | "isSealed"> & People;

/** The text, at most so long; a cut one ends with an ellipsis, and never within a character of two units. */
function cut(text: string, length: number): string {
  if (text.length <= length) return text;
  return `${text.slice(0, length - 1).replace(/[\uD800-\uDBFF]$/, "")}…`;
}

/** Without what is absent. */
function present<T extends object>(facts: T): T {
  return Object.fromEntries(Object.entries(facts).filter(([, value]) => value !== undefined)) as T;
}

function timesOf({ startAt, endAt }: { startAt?: string; endAt?: string }) {
  const isOver = startAt !== undefined && endAt !== undefined;
  return { startAt, endAt, durationMs: isOver ? Date.parse(endAt) - Date.parse(startAt) : undefined };
}

function runFacts({ id, name, status, triggerMode, labels = {} }: PipelineTask, mask: Masker): MessageRun {
  return present({
    id,
    name,
    stage: status.stage,
    reason: status.reason,
    message: status.message === undefined ? undefined : mask(status.message),
    ...timesOf(status),
    triggerMode,
    labels: Object.keys(labels).length > 0 ? maskedValues(labels, mask) : undefined,
  });
}

function maskedValues(values: Record<string, string>, mask: Masker): Record<string, string> {
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [name, mask(value)]));
}

function taskFacts(task: JobTask, event: NewHistoryEvent, mask: Masker): MessageTask {
  const { id, name, stageName, stageNumber, taskNumber, job, params = [], status } = task;
  const isMove = event.type === "TASK_STAGE" || event.type === "STATUS_FORCED";
  const why = isMove ? event : status;
  return present({
    id,
    name,
    stageName,
    stageNumber,
    taskNumber,
    job: { name: job.name, version: job.version },
    attempt: event.attempt ?? task.attempt,
    stage: (isMove ? event.stage : status.stage) as MessageTask["stage"],
    from: isMove ? (event.from as MessageTask["from"]) : undefined,
    reason: why.reason,
    message: why.message === undefined ? undefined : mask(why.message),
    ...timesOf(status),
    // Masked before it is cut: half a secret would not be found.
    params: params.map((param) => ({
      name: param.name,
      value: param.sensitive ? MASK : cut(mask(param.value), MAX_PARAM_LENGTH),
    })),
    steps: status.steps?.map((step) => ({ ...step, name: mask(step.name) })),
    markdownOutput:
      status.markdownOutput === undefined ? undefined : cut(mask(status.markdownOutput), MAX_MARKDOWN_LENGTH),
  });
}

/** The stage of a gate by the event that ended it; while it waits, its own. */
const STAGE_OF: Readonly<Record<string, GateStage>> = {
  PASS: "PASS",
  DENY: "DENY",
  EXPIRED: "EXPIRED",
  CLOSED: "CLOSED",
};

function gateFacts(
  kind: "AUDIT" | "CONFIRM",
  gate: Gate,
  task: JobTask,
  type: ListenerEvent,
  mask: Masker,
  context: People,
): MessageGate {
  const { reported } = task.status;
  const { name: taskName, startedBy } = task;
  const stage = STAGE_OF[type.slice(kind.length + 1)] ?? gate.stage;
  const question = {
    kind: kind === "AUDIT" ? ("audit" as const) : ("confirm" as const),
    gate,
    taskName,
    scope: task,
    startedBy,
  };
  return present({
    kind,
    stage,
    people: gate.people,
    waitsFor: stage === "WAITING" ? openPeople(question, context) : undefined,
    required: gate.required,
    passes: passesOf(gate),
    digest: gate.digest,
    openedAt: gate.openedAt,
    expiresAt: gate.expiresAt,
    endsAt: stage === "WAITING" ? waitsUntil(gate) : undefined,
    reported:
      kind === "CONFIRM" && reported
        ? present({ ...reported, message: reported.message && mask(reported.message) })
        : undefined,
    decisions: gate.decisions.map((each) =>
      present({ ...each, comment: each.comment && mask(each.comment) }),
    ),
  });
}

/** What somebody said with what they did: the comment of the decision that they have just made. */
function commentOf({ type, actor, message }: NewHistoryEvent, gate: Gate | undefined): string | undefined {
  if (type.endsWith("_WITHDRAWN")) return message;
  if (!/_(DECISION|PASS|DENY|PUSH_BACK)$/.test(type)) return undefined;
  const last = gate?.decisions.at(-1);
  return last?.user === actor ? last?.comment : undefined;
}

/**
 * The message of an event that listeners hear of as `type`; `rows` as they were then. Of a lone task there is no run,
 * of a run's own event no task.
 */
export function messageOf(
  event: NewHistoryEvent,
  type: ListenerEvent,
  { run, task }: EventRows,
  context: Making,
): Message {
  const mask: Masker = task ? taskMasker(task, context) : (text) => text;
  const kind = gateKindOf(type);
  const gate = kind && task?.[kind === "AUDIT" ? "audit" : "confirm"];
  const comment = commentOf(event, gate);
  return present<Message>({
    version: MESSAGE_VERSION,
    id: context.newId("msg"),
    type,
    at: event.at,
    domain: event.domain,
    namespace: event.namespace,
    startedBy: run?.runBy ?? task?.startedBy ?? "",
    actor: event.actor,
    comment: comment === undefined ? undefined : mask(comment),
    run: run && runFacts(run, mask),
    task: task && taskFacts(task, event, mask),
    gate: kind && gate && task && gateFacts(kind, gate, task, type, mask, context),
  });
}
