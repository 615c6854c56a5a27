// A run's turn: to begin, after it waited in line, or to have the sequence lock back that it let go while it waited for
// people (`holdLock: false`).

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

/** A task is to start, and its run has let its lock go: the run gets in line for it. */
export function wantLock(draft: Draft): void {
  if (draft.run?.status.lock?.state !== "LET_GO") return;
  draft.updateRun({ lock: { state: "WANTED", since: draft.context.now } });
}
