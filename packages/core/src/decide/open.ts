// A task's turn: skip it, ask its auditors, or start it (semantics, section 3, runJob).

import { MflowError } from "../errors.ts";
import { gateWakeAt, needsDecision, openGate } from "../gate.ts";
import type { JobTask } from "../schema/job-task.ts";
import { isEnded } from "../transitions.ts";
import { isWanted } from "./conditions.ts";
import type { Draft } from "./draft.ts";
import { endTask } from "./end.ts";
import { expandTask, isUnexpanded } from "./expand.ts";
import { freezeTask, taskDigest, taskSpecOf } from "./freeze.ts";
import { recordGate } from "./gate-records.ts";
import { wantLock } from "./turn.ts";

/** Opens a task whose turn has come. It may have ended when this returns. */
export function openTask(draft: Draft, id: string): void {
  const pending = draft.task(id);
  const begun = { attempt: pending.attempt + 1, ...(draft.run && { open: true }) };
  const task = draft.updateTask(pending, begun);
  const { skipRun, matrix } = taskSpecOf(draft.definition, task);
  if (skipRun) {
    endTask(draft, task, "skip", { message: "skip run" });
    return;
  }
  if (task.rollback?.skip) {
    endTask(draft, task, "skip", task.rollback.skip);
    return;
  }
  if (draft.run?.status.expiredStages?.includes(task.stageNumber ?? 0)) {
    endTask(draft, task, "skip", { reason: "STAGE_TIMEOUT", message: "the time of its stage is over" });
    return;
  }
  let ready: JobTask;
  try {
    if (!passes(draft, task)) return;
    if (matrix?.fromEnv !== undefined && isUnexpanded(draft, task)) {
      expandTask(draft, task, matrix.fromEnv);
      // Its values are known now, and its condition may ask for them.
      if (isEnded(draft.task(id).status.stage) || !passes(draft, draft.task(id))) return;
    }
    ready = freeze(draft, draft.task(id));
  } catch (error) {
    if (!(error instanceof MflowError)) throw error;
    const reason = error.code === "CONDITION_FAILED" ? "WHEN_ERROR" : "START_ERROR";
    endTask(draft, task, "fail", { reason, message: error.message });
    return;
  }
  if (needsDecision(ready.audit)) openAudit(draft, ready, ready.audit);
  else startTask(draft, ready);
}

/** Whether its condition lets the task run; else it is SKIPPED now. */
function passes(draft: Draft, task: JobTask): boolean {
  const wanted = isWanted(draft, task);
  if (wanted.isWanted) return true;
  endTask(draft, task, "skip", { reason: "WHEN_FALSE", message: wanted.message });
  return false;
}

/** Fixes what the task will run with. */
function freeze(draft: Draft, task: JobTask): JobTask {
  return draft.updateTask(task, freezeTask(draft, task, draft.context));
}

function openAudit(draft: Draft, task: JobTask, audit: NonNullable<JobTask["audit"]>): void {
  const digest = taskDigest(draft.definition, task, draft.context);
  const gate = openGate(audit, digest, draft.context.nowMs);
  const opened = draft.updateTask(task, { audit: gate, wakeAt: gateWakeAt(gate) });
  draft.recordTask("AUDIT_WAITING", opened, { message: `waits for ${audit.people.join(", ")}` });
  recordGate(draft, opened, "audit", { act: "OPEN" });
}

/** Starts a task that may run: at once when all that it needs is free, else it waits in line. */
export function startTask(draft: Draft, task: JobTask): void {
  const cancelsOlder = task.group !== undefined && task.group !== draft.run?.group;
  if (cancelsOlder && taskSpecOf(draft.definition, task).concurrency?.cancelInProgress)
    draft.effect("GIVE_WAY", task);
  if (draft.mayStart(task)) {
    handOver(draft, task);
    return;
  }
  // One whose backoff is over is SCHEDULING already.
  if (task.status.stage === "PENDING") draft.moveTask(task, "wait", { waitingSince: draft.context.now });
  else draft.updateStatus(task, { waitingSince: draft.context.now });
  wantLock(draft);
}

/** Hands the task to the runner. */
export function handOver(draft: Draft, task: JobTask): void {
  const created = withChild(draft, draft.moveTask(task, "start"));
  draft.effect("START", created);
  if (created.timeoutMs !== undefined) {
    draft.updateTask(created, { wakeAt: draft.timeIn(created.timeoutMs) });
  }
}

/** The run that a PIPELINE task waits for has its id before it starts: however often it is tried, there is one per attempt. */
function withChild(draft: Draft, task: JobTask): JobTask {
  if (task.runnerType !== "PIPELINE") return task;
  return draft.updateStatus(task, { child: { runId: draft.context.newId("run") } });
}
