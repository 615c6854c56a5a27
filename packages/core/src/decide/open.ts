// A task's turn: skip it, ask its auditors, or start it (semantics, section 3, runJob).

import { MflowError } from "../errors.ts";
import { gateWakeAt, needsDecision, openGate } from "../gate.ts";
import type { JobTask } from "../schema/job-task.ts";
import type { Draft } from "./draft.ts";
import { endTask } from "./end.ts";
import { freezeTask, taskDigest, taskSpecOf } from "./freeze.ts";
import { recordGate } from "./gate-records.ts";
import { wantLock } from "./turn.ts";

/** Opens a task whose turn has come. It may have ended when this returns. */
export function openTask(draft: Draft, id: string): void {
  const pending = draft.task(id);
  const task = draft.updateTask(pending, { attempt: pending.attempt + 1 });
  if (taskSpecOf(draft.definition, task).skipRun) {
    endTask(draft, task, "skip", { message: "skip run" });
    return;
  }
  let ready: JobTask;
  try {
    ready = freeze(draft, task);
  } catch (error) {
    if (!(error instanceof MflowError)) throw error;
    endTask(draft, task, "fail", { reason: "START_ERROR", message: error.message });
    return;
  }
  if (needsDecision(ready.audit)) openAudit(draft, ready, ready.audit);
  else startTask(draft, ready);
}

/** Fixes what the task will run with. */
export function freeze(draft: Draft, task: JobTask): JobTask {
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
  if (draft.mayStart(task)) {
    handOver(draft, task);
    return;
  }
  draft.moveTask(task, "wait", { waitingSince: draft.context.now });
  wantLock(draft);
}

/** Hands the task to the runner. */
export function handOver(draft: Draft, task: JobTask): void {
  const created = draft.moveTask(task, "start", { waitingSince: undefined });
  draft.effect("START", created);
  if (created.timeoutMs !== undefined) {
    draft.updateTask(created, { wakeAt: draft.timeIn(created.timeoutMs) });
  }
}
