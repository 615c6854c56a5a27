// What a watcher sees: a run with its tasks, or a task that runs alone, and the facts that views ask of it.

import { passesOf } from "@mflow/core/gate";
import type { JobTaskView, RunView } from "@mflow/core/schema/api";
import type { NextRun } from "@mflow/core/schema/chain";
import type { Gate, GateDecision } from "@mflow/core/schema/gate";
import { undecidedNames } from "@mflow/core/waiting";

export interface Watched {
  /** Absent for a task that runs alone. */
  run?: RunView;
  tasks: JobTaskView[];
}

export interface OpenGate {
  kind: "audit" | "confirm";
  gate: Gate;
}

/** The gate that a task waits at. */
export function openGateOf(task: JobTaskView): OpenGate | undefined {
  if (task.audit?.stage === "WAITING") return { kind: "audit", gate: task.audit };
  if (task.confirm?.stage === "WAITING") return { kind: "confirm", gate: task.confirm };
  return undefined;
}

const ENDED = new Set(["SUCCEEDED", "FAILED", "CANCELED", "SKIPPED"]);

/** Whether a run or task of this stage has ended. */
export function isEnded(stage: string): boolean {
  return ENDED.has(stage);
}

/** Id, name, stage and times of the whole. */
export function headOf(watched: Watched) {
  const { run, tasks } = watched;
  if (run)
    return { id: run.id, name: run.name, startedBy: run.runBy, createdAt: run.createdAt, ...run.status };
  const [task] = tasks;
  if (!task) throw new Error("a watched task is missing");
  const { id, name, startedBy, createdAt } = task;
  return { id, name, startedBy, createdAt, ...task.status };
}

export interface WatchedStage {
  /** Empty for a task that runs alone. */
  name: string;
  tasks: JobTaskView[];
}

/** The tasks by stage, in the pipeline's order. */
export function stagesOf(watched: Watched): WatchedStage[] {
  const stages: WatchedStage[] = [];
  for (const task of watched.tasks) {
    const name = task.stageName ?? "";
    const last = stages.at(-1);
    if (last && last.name === name && last.tasks[0]?.stageNumber === task.stageNumber) last.tasks.push(task);
    else stages.push({ name, tasks: [task] });
  }
  return stages;
}

/** `stage/task`, or the name of a task that runs alone. */
export function pathOf(task: { stageName?: string; name: string }): string {
  return task.stageName ? `${task.stageName}/${task.name}` : task.name;
}

/** Milliseconds that something took or has taken until now; nothing when it has not started. */
export function elapsed(status: { startAt?: string; endAt?: string }, now: number): number | undefined {
  if (!status.startAt) return undefined;
  return Math.max(0, (status.endAt ? Date.parse(status.endAt) : now) - Date.parse(status.startAt));
}

/**
 * Who can decide, and how far it is: `alice, @ops (0 of 2)`; once it is escalated, others too. While it waits, those who
 * still can; of a gate that is over all who were listed.
 */
export function peopleOf(gate: Gate, { startedBy }: Pick<JobTaskView, "startedBy">): string {
  const people = gate.stage === "WAITING" ? undecidedNames(gate, startedBy) : gate.people;
  return `${people.join(", ") || "nobody"} (${passesOf(gate)} of ${gate.required})`;
}

/** Until when a waiting gate waits, and that it was escalated; empty for one that waits for ever. */
export function untilOf({ expiresAt, escalatedAt }: Gate): string {
  return [expiresAt && `until ${expiresAt}`, escalatedAt && "escalated"].filter(Boolean).join(", ");
}

/** What became of the pipeline that follows a run. */
export function nextText({ pipeline, runId, code, message }: NextRun): string {
  if (runId !== undefined) return `${runId} of ${pipeline}`;
  return code === undefined ? `${pipeline} is just being started` : `${pipeline} was not started: ${message}`;
}

/** `2026-03-01T12:00:00.000Z PASS by bob for cem: as ever`, and when it was taken back. */
export function decisionText(decision: GateDecision): string {
  const { at, verdict, user, onBehalfOf, comment, pushBackTo, withdrawnAt } = decision;
  const what = pushBackTo === undefined ? verdict : `${verdict} to ${pushBackTo}`;
  const who = onBehalfOf === undefined ? user : `${user} for ${onBehalfOf}, who was away`;
  const back = withdrawnAt === undefined ? "" : ` (taken back ${withdrawnAt})`;
  return `${at} ${what} by ${who}${back}${comment ? `: ${comment}` : ""}`;
}

/** The commands that decide a gate. `command` is how mflow was called, e.g. `mflow --data DIR`. */
export function decideCommand(task: JobTaskView, kind: OpenGate["kind"], command: string): string {
  return `${command} ${kind} ${task.id} --pass`;
}

/** What follows the command instead of `--pass` to deny. */
export const DENY_INSTEAD = "or: --deny -m WHY";
