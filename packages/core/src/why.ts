// "Why is it waiting?" of a task: every cause as a sentence and as facts, from the run's state and from who counts places
// in line.

import { passesOf } from "./gate.ts";
import type { Gate } from "./schema/gate.ts";
import type { JobTask } from "./schema/job-task.ts";
import type { Why, WhyCause } from "./schema/why.ts";
import type { RunState } from "./state.ts";
import { isEnded } from "./transitions.ts";
import { undecidedNames, waitingReason } from "./waiting.ts";
import { planCauses } from "./why-plan.ts";

/** A place in line before something that has to be held, as whoever counts tells it. */
export interface PlaceInLine {
  /** What is in the way: `slots`, `group/...`, `sequence/...`, or what is paused. */
  key: string;
  /** One sentence with the facts, without a full stop. */
  sentence: string;
  /** At most so many may hold it; absent for a pause. */
  limit?: number;
  /** How many hold it, and the ids of some of them. */
  held: number;
  holders: readonly string[];
  /** How many wait before this one. */
  place: number;
  /** RFC 3339. */
  since?: string;
  /** It is closed altogether: who paused it, since when and why. */
  closure?: { by?: string; at: string; message?: string };
}

/** What is not in the rows. */
export interface WhyFacts {
  /** The place in line of a run or task; nothing when it stands in none. */
  placeOf?(id: string): PlaceInLine | undefined;
  /** What the runner says that an attempt waits for, one sentence. */
  runnerWait?(task: JobTask): string | undefined;
  /** Why the runner could not stop an attempt yet. */
  runnerTrouble?(task: JobTask): string | undefined;
}

/** Why a task does not go on. A task that runs has the cause RUNS; one that has ended has none. */
export function whyTask(state: RunState, task: JobTask, facts: WhyFacts): Why {
  const { id, name, status } = task;
  return { id, name, stage: status.stage, causes: taskCauses(state, task, facts) };
}

/** The causes alone. */
export function taskCauses(state: RunState, task: JobTask, facts: WhyFacts): WhyCause[] {
  const { stage } = task.status;
  if (isEnded(stage)) return [];
  if (stage === "PENDING") return pendingCauses(state, task, facts);
  if (stage === "SCHEDULING")
    return [task.status.retryAt === undefined ? lineCause(task, facts) : retryCause(task)];
  return [workCause(task, facts)];
}

function pendingCauses(state: RunState, task: JobTask, facts: WhyFacts): WhyCause[] {
  if (task.audit?.stage === "WAITING") return [gateCause(task, "AUDIT", task.audit)];
  const place = facts.placeOf?.(state.id);
  const isHeldBack = state.run?.status.stage === "PENDING" && place;
  if (isHeldBack) return [placeCause(place, `its run ${place.sentence}`)];
  if (state.progress && !task.open) return planCauses(state, state.progress, task);
  return [{ kind: "TURN", sentence: "its turn has come; it starts now" }];
}

function lineCause(task: JobTask, facts: WhyFacts): WhyCause {
  const place = facts.placeOf?.(task.id);
  return place
    ? placeCause(place)
    : { kind: "IN_LINE", sentence: waitingReason(task) ?? "waits for its turn" };
}

/** A place in line as a cause. */
export function placeCause(place: PlaceInLine, sentence = place.sentence): WhyCause {
  const { key, limit, held, holders, place: before, since, closure } = place;
  const cause: WhyCause = { kind: "IN_LINE", sentence, key, held, holders: [...holders], place: before };
  if (limit !== undefined) cause.limit = limit;
  if (since !== undefined) cause.since = since;
  if (!closure) return cause;
  if (closure.by !== undefined) cause.by = closure.by;
  if (closure.message !== undefined) cause.message = closure.message;
  return { ...cause, since: closure.at };
}

function retryCause({ attempt, status, pastAttempts = [] }: JobTask): WhyCause {
  const last = pastAttempts.at(-1);
  const { reason, message } = last?.status ?? status;
  const after = message ?? reason;
  const why = after === undefined ? "" : `, after: ${after}`;
  const sentence = `waits until ${status.retryAt} for attempt ${attempt}${why}`;
  const cause: WhyCause = { kind: "RETRY", sentence, attempt };
  if (reason !== undefined) cause.reason = reason;
  if (message !== undefined) cause.message = message;
  if (status.retryAt !== undefined) cause.until = status.retryAt;
  return cause;
}

function gateCause(task: JobTask, kind: "AUDIT" | "CONFIRM", gate: Gate): WhyCause {
  const cause: WhyCause = {
    kind,
    sentence: waitingReason(task) ?? "waits for people",
    people: undecidedNames(gate, task.startedBy),
    passed: passesOf(gate),
    required: gate.required,
  };
  if (gate.openedAt !== undefined) cause.since = gate.openedAt;
  if (gate.expiresAt !== undefined) cause.until = gate.expiresAt;
  return cause;
}

/** Of a task that was handed to its runner. */
function workCause(task: JobTask, facts: WhyFacts): WhyCause {
  const { stage, reported, stopping, workGoneAt, message, canceledBy } = task.status;
  const sentence = waitingReason(task);
  if (stage === "CANCELING" || stopping) {
    const cause: WhyCause = { kind: "STOPPING", sentence: sentence ?? "waits for its work to stop" };
    cause.stopping = stage === "CANCELING" ? "CANCEL" : "TIMEOUT";
    if (canceledBy !== undefined) cause.by = canceledBy;
    if (message !== undefined) cause.message = message;
    if (stage === "CANCELING") cause.sentence = cancelSentence(cause);
    const trouble = facts.runnerTrouble?.(task);
    if (trouble !== undefined) cause.sentence += `, which went wrong and is tried again: ${trouble}`;
    const held = trouble === undefined ? facts.runnerWait?.(task) : undefined;
    if (held !== undefined) cause.sentence += `: ${held}`;
    return cause;
  }
  if (stage === "ACTIVE" && reported && task.confirm) return gateCause(task, "CONFIRM", task.confirm);
  if (workGoneAt !== undefined) return statusCallCause(task, workGoneAt);
  if (stage === "CREATING") return creatingCause(task, facts.runnerWait?.(task));
  const waits = stage === "ACTIVE" ? facts.runnerWait?.(task) : undefined;
  if (waits !== undefined) return { ...runsCause(task), kind: "FILES", sentence: waits };
  const { child } = task.status;
  if (task.runnerType === "PIPELINE" && child) return childCause(task, child.runId, facts);
  return task.runnerType === "MANUAL" ? outsideCause(task) : runsCause(task);
}

/** Of a task whose work is another run: the run, and what that waits for itself. */
function childCause(task: JobTask, runId: string, facts: WhyFacts): WhyCause {
  const place = facts.placeOf?.(runId);
  const sentence = waitingReason(task, place?.sentence) ?? "waits for its run";
  return { ...(place ? placeCause(place) : runsCause(task)), kind: "CHILD_RUN", sentence, runId };
}

/** Of a task that waits for somebody outside. */
function outsideCause(task: JobTask): WhyCause {
  const cause: WhyCause = { ...runsCause(task), kind: "STATUS_CALL" };
  cause.sentence = waitingReason(task) ?? "waits for a status call";
  if (task.status.message !== undefined) cause.message = task.status.message;
  return cause;
}

function cancelSentence({ by, message }: WhyCause): string {
  const who = by === undefined ? "" : ` by ${by}`;
  return `was canceled${who}${message === undefined ? "" : ` (${message})`}; waits for its work to stop`;
}

function statusCallCause({ wakeAt }: JobTask, since: string): WhyCause {
  const until = wakeAt === undefined ? "" : ` until ${wakeAt}`;
  const sentence = `its work has ended at ${since}; waits for its status call${until}`;
  return { kind: "STATUS_CALL", sentence, since, ...(wakeAt !== undefined && { until: wakeAt }) };
}

function creatingCause(task: JobTask, waits: string | undefined): WhyCause {
  const { message } = task.status;
  const said = waits ?? message;
  const sentence = waits ?? waitingReason(task) ?? "is being created";
  const cause: WhyCause = { kind: "CREATING", sentence };
  if (said !== undefined) cause.message = said;
  if (task.wakeAt !== undefined) cause.until = task.wakeAt;
  return cause;
}

function runsCause({ status, wakeAt, manualUpdateStatus }: JobTask): WhyCause {
  const { startAt } = status;
  const since = startAt === undefined ? "" : ` since ${startAt}`;
  const until = wakeAt === undefined ? "" : `, until ${wakeAt} at the latest`;
  const how = manualUpdateStatus ? "; a status call says when it ends" : "";
  const cause: WhyCause = { kind: "RUNS", sentence: `runs${since}${until}${how}` };
  if (startAt !== undefined) cause.since = startAt;
  if (wakeAt !== undefined) cause.until = wakeAt;
  return cause;
}
