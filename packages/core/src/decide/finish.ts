// The work of an attempt is over: it is tried again, waits for its confirm, or the task ends.

import { gateWakeAt, needsDecision, openGate } from "../gate.ts";
import type { JobTask, JobTaskStatus, Reported } from "../schema/job-task.ts";
import type { Draft } from "./draft.ts";
import { endTask } from "./end.ts";
import { taskDigest } from "./freeze.ts";
import { recordGate } from "./gate-records.ts";
import { tryAgain } from "./retry.ts";

/** The attempt did not succeed, and nobody has to confirm that: it is tried again, or the task is FAILED. */
export function failAttempt(draft: Draft, task: JobTask, why: Partial<JobTaskStatus>): void {
  if (!tryAgain(draft, task, why)) endTask(draft, task, "fail", why);
}

/** A result of the work: final at once, or held until its checkers decided. */
export function finishTask(draft: Draft, task: JobTask, result: Reported): void {
  const { stage, at, ...why } = result;
  if (stage === "FAILED" && tryAgain(draft, task, { ...why, endAt: at })) return;
  if (needsDecision(task.confirm)) {
    holdForConfirm(draft, task, task.confirm, result);
    return;
  }
  endTask(draft, task, stage === "SUCCEEDED" ? "succeed" : "fail", { ...why, endAt: at });
}

function holdForConfirm(
  draft: Draft,
  task: JobTask,
  confirm: NonNullable<JobTask["confirm"]>,
  reported: Reported,
) {
  const over = { endAt: reported.at, stopping: undefined, dueAt: undefined };
  const held = draft.moveTask(task, "hold", { reported, ...over });
  const digest = taskDigest(draft.definition, held, draft.context, reported);
  const opened = openGate(confirm, digest, draft.context.nowMs);
  const waiting = draft.updateTask(held, { confirm: opened, wakeAt: gateWakeAt(opened) });
  draft.recordTask("TASK_REPORTED", waiting, { stage: reported.stage, reason: reported.reason });
  draft.recordTask("CONFIRM_WAITING", waiting, { message: `waits for ${confirm.people.join(", ")}` });
  recordGate(draft, waiting, "confirm", { act: "OPEN" });
}
