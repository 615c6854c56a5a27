// How a run goes on after something changed in it (semantics, section 5, "Advance"). First its stages, then those that
// are `finally`, in every ending.

import type { JobTask } from "../schema/job-task.ts";
import type { PipelineTask, PipelineTaskStatus } from "../schema/pipeline-task.ts";
import { isRunEnded } from "../state.ts";
import { isEnded } from "../transitions.ts";
import { isStageWanted } from "./conditions.ts";
import { beginStageClock, clearRunClock } from "./deadlines.ts";
import type { Draft } from "./draft.ts";
import { endTask, failingByCancel } from "./end.ts";
import { stopSiblings } from "./fail-fast.ts";
import { openTask } from "./open.ts";
import { windUp } from "./wind-up.ts";

/** Starts what may start now, winds a failing or canceled run up, and ends the run when nothing is left. */
export function proceed(draft: Draft): void {
  for (;;) {
    const { run } = draft;
    if (!run || run.status.stage === "PENDING" || isRunEnded(run)) return;
    if (!goOn(draft, run)) return;
  }
}

/** Takes one step; false when there is none to take now. */
function goOn(draft: Draft, run: PipelineTask): boolean {
  const { outcome, stage, failing, windingUp } = run.status;
  if (outcome) {
    if (windingUp === "FINALLY") return endWhenIdle(draft, run, outcome);
    return advance(draft, true) ?? endWhenIdle(draft, run, outcome);
  }
  const isCanceling = stage === "CANCELING";
  if (isCanceling || failing) {
    if (!isCanceling) stopSiblings(draft);
    windUp(draft, run);
    return endWhenIdle(draft, draft.run ?? run, isCanceling ? "CANCELED" : "FAILED");
  }
  return advance(draft, false) ?? endWhenIdle(draft, run, "SUCCEEDED");
}

type Outcome = NonNullable<PipelineTaskStatus["outcome"]>;

/** A `finally` stage that fails makes a run FAILED that had succeeded; one that is canceled then ends so. */
function finalOutcome({ stage, failing }: PipelineTaskStatus, outcome: Outcome): Outcome {
  if (stage === "CANCELING") return "CANCELED";
  return outcome === "SUCCEEDED" && failing ? "FAILED" : outcome;
}

/** Takes one step of the plan; false when there is none to take now, nothing when all of it is done. */
function advance(draft: Draft, isFinally: boolean): boolean | undefined {
  const step = draft.plan.next(isFinally);
  switch (step.do) {
    case "open": {
      const task = draft.task(step.taskId);
      if (isEnded(task.status.stage) || task.open) return true;
      beginStageClock(draft, task);
      openTask(draft, step.taskId);
      return true;
    }
    case "turn":
      beginStage(draft, step.stage);
      return true;
    case "wait":
      return false;
    case "end":
      return undefined;
  }
}

/** The turn of a stage has come: its tasks may start, or all that follow its order are skipped. */
function beginStage(draft: Draft, stage: number): void {
  const wanted = isStageWanted(draft, stage);
  if (wanted.isWanted) {
    if (draft.plan.graph.stage(stage).spec.when !== undefined) noteWanted(draft, stage + 1);
    draft.plan.beginStage(stage);
    return;
  }
  const { graph } = draft.plan;
  for (const node of graph.nodesOf(stage)) {
    if (!graph.node(node).isInOrder) continue;
    for (const task of draft.tasksOf(node)) {
      if (isEnded(task.status.stage)) continue;
      if (wanted.error) endTask(draft, task, "fail", { reason: "WHEN_ERROR", message: wanted.message });
      else endTask(draft, task, "skip", { reason: "WHEN_FALSE", message: wanted.message });
    }
  }
  // Its turn has come all the same, and does not come again while tasks with `needs` are left in it.
  draft.plan.beginStage(stage);
}

/** Its tasks may all wait for others still: then nothing else tells later that its `when` was true. */
function noteWanted(draft: Draft, number: number): void {
  const { wantedStages = [] } = draft.run?.status ?? {};
  if (!wantedStages.includes(number)) draft.updateRun({ wantedStages: [...wantedStages, number] });
}

/** Goes on to the `finally` stages, or ends the run; false while something of it is still open. */
function endWhenIdle(draft: Draft, run: PipelineTask, outcome: Outcome): boolean {
  if (draft.plan.open > 0) return false;
  const { status } = run;
  const hasFinally = status.windingUp !== "FINALLY" && !status.outcome;
  if (hasFinally && draft.plan.graph.stages.some(({ isFinally }) => isFinally)) {
    const canceled = outcome === "SUCCEEDED" ? canceledFinally(draft) : undefined;
    draft.updateRun({ outcome, ...(canceled && failingByCancel(canceled)) }, clearRunClock(run));
    return true;
  }
  endRun(draft, run, finalOutcome(status, outcome));
  return false;
}

/** A task of a `finally` stage that a person canceled before its turn, and that had to succeed. */
function canceledFinally(draft: Draft): JobTask | undefined {
  const { graph } = draft.plan;
  const stages = graph.stages.flatMap(({ isFinally }, stage) => (isFinally ? [stage] : []));
  const tasks = stages.flatMap((stage) => graph.nodesOf(stage)).flatMap((node) => draft.tasksOf(node));
  return tasks.find(({ status, ignoreFailed }) => status.stage === "CANCELED" && !ignoreFailed);
}

function endRun(draft: Draft, run: PipelineTask, stage: Outcome): void {
  draft.updateRun(
    { stage, endAt: draft.context.now, outcome: undefined, lock: undefined, paused: undefined },
    { wakeAt: undefined, deadlines: undefined },
  );
  draft.recordRun("RUN_STAGE", {
    stage,
    from: run.status.stage,
    reason: run.status.reason,
    message: run.status.message,
  });
  if (run.lockKey && !run.status.lock) draft.releases.push(run.lockKey);
  draft.effect("RELEASE");
}
