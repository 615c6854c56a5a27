// A run's turn: to begin, after it waited in line, or to have the sequence lock back that it let go while it waited for
// people (`holdLock: false`).

import type { JobTask } from "../schema/job-task.ts";
import { beginRunClock } from "./deadlines.ts";
import type { Draft } from "./draft.ts";

/** What the engine kept for the run is its own from now on; nothing happens when it is not its turn any more. */
export function takeTurn(draft: Draft): void {
  const { run, context } = draft;
  if (!run || !context.admission.isGranted(run.id)) return;
  const { stage, lock } = run.status;
  if (stage === "PENDING") {
    claimLock(draft);
    draft.updateRun({ stage: "ACTIVE", startAt: context.now, message: undefined });
    draft.recordRun("RUN_STAGE", { stage: "ACTIVE", from: "PENDING" });
    beginRunClock(draft);
  } else if (lock?.state === "WANTED") {
    claimLock(draft);
    draft.updateRun({ lock: undefined });
    draft.recordRun("RUN_LOCK_TAKEN");
  }
}

function claimLock(draft: Draft): void {
  if (draft.run?.lockKey) draft.claims.push(draft.run.lockKey);
}

/**
 * With `holdLock: false`: once all that is open in the run waits for people, another run may have the lock. Looking for
 * that costs as much as the run is wide, and only where it is asked for.
 */
export function letLockGo(draft: Draft): void {
  const { run, definition } = draft;
  if (!run?.lockKey || definition.pipeline?.holdLock !== false) return;
  if (run.status.stage !== "ACTIVE" || run.status.lock || draft.plan.open === 0) return;
  if (!draft.allTasks().every((task) => !task.open || waitsForPeople(task))) return;
  draft.releases.push(run.lockKey);
  draft.updateRun({ lock: { state: "LET_GO", since: draft.context.now } });
  draft.recordRun("RUN_LOCK_LET_GO");
}

function waitsForPeople({ status, audit, confirm }: JobTask): boolean {
  if (status.reported) return confirm?.stage === "WAITING";
  return status.stage === "PENDING" && audit?.stage === "WAITING";
}

/** A task is to start, and its run has let its lock go: the run gets in line for it. */
export function wantLock(draft: Draft): void {
  if (draft.run?.status.lock?.state !== "LET_GO") return;
  draft.updateRun({ lock: { state: "WANTED", since: draft.context.now } });
}
