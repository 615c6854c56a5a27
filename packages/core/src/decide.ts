// The pure heart: what a change does to a run or a lone task. `decide` reads the state and the context,
// changes nothing, and answers with the new rows and what follows, or with a rejection. One file per kind of
// change stands in decide/.

import type { Change, Context } from "./change.ts";
import { cancelRun, cancelStage, cancelTask } from "./decide/cancel.ts";
import { beginRunClock, wakeRun } from "./decide/deadlines.ts";
import { decideOn } from "./decide/decisions.ts";
import { Draft } from "./decide/draft.ts";
import { followEnd, noteNextRun } from "./decide/follow-end.ts";
import { giveUp } from "./decide/give-up.ts";
import { giveWay } from "./decide/give-way.ts";
import { openTask } from "./decide/open.ts";
import { updateOutput } from "./decide/output.ts";
import { pauseRun, resumeRun } from "./decide/pause.ts";
import { proceed } from "./decide/proceed.ts";
import { applyReport } from "./decide/report.ts";
import { createLoneTask, prepareRerun } from "./decide/run-job.ts";
import { createRunOf, recordKept } from "./decide/run-of.ts";
import { createRun } from "./decide/run-pipeline.ts";
import { updateStatus } from "./decide/status.ts";
import { startFailed, stopped, taskTurn, wake } from "./decide/timers.ts";
import { letLockGo, takeTurn } from "./decide/turn.ts";
import { withdraw } from "./decide/withdraw.ts";
import { MflowError } from "./errors.ts";
import { noticesOf } from "./listeners/notices.ts";
import { checkRevision } from "./revision.ts";
import type { JobTask } from "./schema/job-task.ts";
import type { Outcome, RunState } from "./state.ts";

type Creation = Extract<Change, { type: "runPipeline" | "runJob" }>;

/** The state that a run or lone task begins with, for `decideNew` and for dry runs; throws the refusal. */
export function createState(change: Creation, context: Context): RunState {
  if (change.type === "runJob") return createLoneTask(change, context);
  return change.madeOf ? createRunOf(change, change.madeOf, context) : createRun(change, context);
}

/** Starts a run or lone task that `createState` made. */
export function decideNew(state: RunState, context: Context): Outcome {
  return rejecting(() => {
    const draft = new Draft(state, context, true);
    const { run } = state;
    if (run) {
      const { stage } = run.status;
      if (stage === "ACTIVE" && run.lockKey) draft.claims.push(run.lockKey);
      draft.recordRun("RUN_STAGE", { stage });
      recordKept(draft);
      if (draft.definition.pipeline?.concurrency?.cancelInProgress) draft.effect("GIVE_WAY");
      if (stage === "ACTIVE") beginRunClock(draft);
      proceed(draft);
      letLockGo(draft);
    } else {
      openTask(draft, state.id);
    }
    followEnd(draft, undefined);
    draft.notices.push(...noticesOf(draft));
    return draft.decision();
  });
}

/** Decides a change of an existing run or lone task. */
export function decide(
  state: RunState,
  change: Exclude<Change, { type: "runPipeline" }>,
  context: Context,
): Outcome {
  return rejecting(() => {
    const draft = new Draft(state, context);
    apply(draft, change);
    if (draft.isChanged) {
      proceed(draft);
      letLockGo(draft);
    }
    followEnd(draft, state.run);
    draft.notices.push(...noticesOf(draft));
    return draft.decision();
  });
}

function apply(draft: Draft, change: Exclude<Change, { type: "runPipeline" }>): void {
  switch (change.type) {
    case "runJob": {
      const task = requireTask(draft, change.request.id ?? draft.id);
      if (prepareRerun(draft, task)) openTask(draft, task.id);
      return;
    }
    case "report":
      applyReport(draft, requireTask(draft, change.report.taskId), change.report);
      return;
    case "updateStatus":
      updateStatus(draft, requireTask(draft, change.taskId), change);
      return;
    case "updateOutput":
      updateOutput(draft, requireTask(draft, change.taskId), change);
      return;
    case "audit":
    case "confirm":
      decideOn(draft, change.type, requireRevision(draft, change), change.request);
      return;
    case "withdraw":
      withdraw(draft, change.gate, requireRevision(draft, change), change.request);
      return;
    case "cancelTask":
      cancelTask(draft, requireRevision(draft, change), change.request);
      return;
    case "cancelRun":
      checkRunRevision(draft, change);
      if (change.onlyWaiting && draft.run?.status.stage !== "PENDING") return;
      cancelRun(draft, change.request);
      return;
    case "cancelStage":
      checkRunRevision(draft, change);
      cancelStage(draft, change.stage, change.request);
      return;
    case "pauseRun":
      checkRunRevision(draft, change);
      pauseRun(draft, change.request);
      return;
    case "resumeRun":
      checkRunRevision(draft, change);
      resumeRun(draft);
      return;
    case "giveWay":
      giveWay(draft, change);
      return;
    case "giveUp":
      giveUp(draft, change.taskId);
      return;
    case "runTurn":
      takeTurn(draft);
      return;
    case "wakeRun":
      wakeRun(draft);
      return;
    case "taskTurn":
      taskTurn(draft, requireTask(draft, change.taskId));
      return;
    case "wake":
      wake(draft, requireTask(draft, change.taskId));
      return;
    case "startFailed":
      startFailed(draft, requireTask(draft, change.taskId), change.attempt, change.message);
      return;
    case "stopped":
      stopped(draft, requireTask(draft, change.taskId), change.attempt);
      return;
    case "nextRun":
      noteNextRun(draft, change.outcome);
      return;
  }
}

function requireTask(draft: Draft, id: string): JobTask {
  const task = draft.findTask(id);
  if (!task) throw new MflowError("NOT_FOUND", `no task ${id}`);
  return task;
}

function requireRevision(draft: Draft, change: { taskId: string; ifRevision?: readonly number[] }): JobTask {
  const task = requireTask(draft, change.taskId);
  checkRevision(`Task ${task.id}`, task.revision, change.ifRevision);
  return task;
}

function checkRunRevision({ id, run }: Draft, { ifRevision }: { ifRevision?: readonly number[] }): void {
  if (run) checkRevision(`Run ${id}`, run.revision, ifRevision);
}

/** Refusals thrown on the way become the outcome; anything else is a defect and goes on. */
function rejecting(decideIt: () => Outcome): Outcome {
  try {
    return decideIt();
  } catch (error) {
    if (error instanceof MflowError) return { rejection: error };
    throw error;
  }
}
