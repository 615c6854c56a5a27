// Changes as plain lines for pipes and files: one line per change, each beginning with its time and what it is
// about, so that they can be searched and compared. Their form is stable; the docs describe it.

import type { JobTaskView } from "@mflow/core/schema/api";
import type { HistoryEvent } from "@mflow/core/schema/event";
import { plainLine } from "../display/width.ts";
import { gateContentLine } from "./gate-content.ts";
import { decideCommand, openGateOf, pathOf, peopleOf, untilOf } from "./watched.ts";

export interface LineOptions {
  /** How mflow was called, for the commands that lines name. */
  command: string;
  /** The task of the event, as it is now. */
  task?: JobTaskView;
}

/** The line of an event, e.g. `2026-03-01T12:00:01.000Z task build/compile ACTIVE`. */
export function changeLine(event: HistoryEvent, options: LineOptions): string {
  return plainLine([event.at, ...words(event, options)].filter(Boolean).join(" "));
}

/**
 * What is decided on at a gate, as the line after the one that says that it waits; nothing for other events, e.g.
 * `2026-03-01T12:00:01.000Z audit release/deploy content job=deploy:v3 TARGET=prod digest=0f3a...`.
 */
export function contentLine(event: HistoryEvent, task: JobTaskView | undefined): string | undefined {
  const kind =
    event.type === "AUDIT_WAITING" ? "audit" : event.type === "CONFIRM_WAITING" ? "confirm" : undefined;
  const gate = kind && task?.[kind];
  if (!kind || !gate?.digest || !task) return undefined;
  return plainLine(`${event.at} ${kind} ${pathOf(task)} content ${gateContentLine(task, { kind, gate })}`);
}

/** The task of a matrix that was not known when the run began gets its name later than others. */
function nameOf(event: HistoryEvent, task: JobTaskView | undefined): string {
  if (!task) return event.name ?? event.taskId ?? "";
  return pathOf(event.taskId === task.id && event.name !== undefined ? { ...task, name: event.name } : task);
}

function words(event: HistoryEvent, options: LineOptions): (string | undefined)[] {
  const name = nameOf(event, options.task);
  const { type, stage, reason, message, actor } = event;
  const why = [reason, message].filter(Boolean).join(": ");
  const [, subject = "", verb = ""] = /^([A-Z]+)_(.*)$/.exec(type) ?? [];
  switch (type) {
    case "RUN_STAGE":
    case "RUN_STATUS":
      return ["run", event.pipelineTaskId, event.name, stage, why];
    case "RUN_PAUSED":
    case "RUN_RESUMED":
    case "RUN_LOCK_LET_GO":
    case "RUN_LOCK_TAKEN": {
      const what = type.slice("RUN_".length).toLowerCase().replaceAll("_", "-");
      return [
        "run",
        event.pipelineTaskId,
        event.name,
        what,
        actor && `by ${actor}`,
        message && `(${message})`,
      ];
    }
    case "PIPELINE_PAUSED":
    case "PIPELINE_RESUMED":
    case "SERVER_PAUSED":
    case "SERVER_RESUMED":
      return [
        subject.toLowerCase(),
        event.name,
        verb.toLowerCase(),
        actor && `by ${actor}`,
        message && `(${message})`,
      ];
    case "LIMIT_SET":
    case "LIMIT_TAKEN_AWAY":
      return [
        "limit",
        event.name,
        `${verb.toLowerCase().replaceAll("_", " ")} by ${actor}`,
        message && `(${message})`,
      ];
    case "SCHEDULE_STARTED":
    case "SCHEDULE_SKIPPED":
    case "SCHEDULE_REFUSED":
    case "SCHEDULE_MISSED":
    case "SCHEDULE_PAUSED":
    case "SCHEDULE_RESUMED": {
      // The run that was in the way is in the message.
      const run = type === "SCHEDULE_STARTED" ? event.pipelineTaskId : undefined;
      return [
        "schedule",
        event.name,
        verb.toLowerCase(),
        run,
        actor && `by ${actor}`,
        message && `(${message})`,
      ];
    }
    case "DELETED":
      return [
        ...(event.taskId === undefined ? ["run", event.pipelineTaskId] : ["task", event.taskId]),
        event.name,
        "deleted",
        actor && `by ${actor}`,
        why && `(${why})`,
      ];
    case "TASK_STAGE":
      return ["task", name, stage, attemptOf(event), why];
    case "TASK_KEPT":
      return ["task", name, "kept", message && `(${message})`];
    case "TASK_REPORTED":
      return ["task", name, "reported", stage, why];
    case "TASK_OUTPUT":
      return ["task", name, "output", message];
    case "AUDIT_WAITING":
    case "CONFIRM_WAITING":
      return [subject.toLowerCase(), name, "WAITING", waiting(event, options)];
    case "AUDIT_DECISION":
    case "CONFIRM_DECISION":
      return [
        subject.toLowerCase(),
        name,
        "decision",
        stage,
        actor && `by ${actor}`,
        message && `(${message})`,
      ];
    case "AUDIT_PASS":
    case "AUDIT_DENY":
    case "AUDIT_CLOSED":
    case "CONFIRM_PASS":
    case "CONFIRM_DENY":
    case "CONFIRM_CLOSED":
      return [subject.toLowerCase(), name, verb];
    case "AUDIT_REMIND":
    case "AUDIT_ESCALATED":
    case "AUDIT_EXPIRED":
    case "CONFIRM_REMIND":
    case "CONFIRM_ESCALATED":
    case "CONFIRM_EXPIRED":
      return [subject.toLowerCase(), name, verb, message];
    case "AUDIT_WITHDRAWN":
    case "CONFIRM_WITHDRAWN":
    case "CONFIRM_PUSH_BACK":
      return [subject.toLowerCase(), name, verb, actor && `by ${actor}`, message && `(${message})`];
    case "TERMINAL_OPENED":
    case "TERMINAL_CLOSED":
      return ["task", name, type.toLowerCase().replace("_", "-"), actor && `by ${actor}`, why];
    case "NEXT_STARTED":
    case "NEXT_REFUSED":
      return ["run", event.pipelineTaskId, event.name, type.toLowerCase().replace("_", "-"), why];
    case "STATUS_CALL_GIVEN":
      return ["task", name, "status-call-given", actor && `to ${actor}`];
    case "JOB_STAGE":
      return ["job", name, stage, actor && `by ${actor}`];
    default:
      return ["task", name, type.toLowerCase().replace("_", "-"), stage, why];
  }
}

function attemptOf({ attempt, stage }: HistoryEvent): string | undefined {
  return attempt !== undefined && attempt > 1 && stage !== "SKIPPED" ? `(attempt ${attempt})` : undefined;
}

/** For whom a gate waits; an old event's gate may have closed since. */
function waiting(event: HistoryEvent, { task, command }: LineOptions): string | undefined {
  const open = task && openGateOf(task);
  if (!open || !event.type.startsWith(open.kind.toUpperCase())) return event.message;
  const until = untilOf(open.gate);
  return `for ${peopleOf(open.gate, task)}${until ? ` ${until}` : ""}; decide: ${decideCommand(task, open.kind, command)} | --deny -m WHY`;
}
