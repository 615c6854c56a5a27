// The `timeout` of runs and of stages: when it is over, what has not ended is stopped (semantics, section 3).

import { formatDuration, parseDuration } from "../duration.ts";
import type { JobTask } from "../schema/job-task.ts";
import type { PipelineTask } from "../schema/pipeline-task.ts";
import { isRunEnded } from "../state.ts";
import { isEnded } from "../transitions.ts";
import type { Draft } from "./draft.ts";
import { endTask } from "./end.ts";
import { isFinallyTask, stageOf } from "./freeze.ts";

type Deadlines = NonNullable<PipelineTask["deadlines"]>;

/** With the first alarm of those deadlines. */
function withAlarm(deadlines: Deadlines): Pick<PipelineTask, "deadlines" | "wakeAt"> {
  const times = [deadlines.run, ...Object.values(deadlines.stages ?? {})].filter(
    (time) => time !== undefined,
  );
  if (times.length === 0) return { deadlines: undefined, wakeAt: undefined };
  const [wakeAt] = times.toSorted();
  return { deadlines, ...(wakeAt !== undefined && { wakeAt }) };
}

/** The time of a run that begins now is measured from now on. */
export function beginRunClock(draft: Draft): void {
  const timeout = draft.definition.pipeline?.timeout;
  if (timeout === undefined) return;
  draft.updateRun({}, withAlarm({ run: draft.timeIn(parseDuration(timeout)) }));
}

/** The time of the task's stage is measured from its first task on. */
export function beginStageClock(draft: Draft, task: JobTask): void {
  const timeout = stageOf(draft.definition, task)?.timeout;
  const { run } = draft;
  const number = String(task.stageNumber);
  if (timeout === undefined || !run || run.deadlines?.stages?.[number] !== undefined) return;
  if (run.status.expiredStages?.includes(task.stageNumber ?? 0)) return;
  const stages = { ...run.deadlines?.stages, [number]: draft.timeIn(parseDuration(timeout)) };
  draft.updateRun({}, withAlarm({ ...run.deadlines, stages }));
}

/** Tasks of these stages, by number, run again: their time is measured anew, also when it was over. */
export function restartStageClocks(draft: Draft, again: ReadonlySet<number>): void {
  const { run } = draft;
  if (!run) return;
  const { deadlines, status } = run;
  const stages = Object.entries(deadlines?.stages ?? {}).filter(([number]) => !again.has(Number(number)));
  const expired = status.expiredStages?.filter((number) => !again.has(number));
  const expiredStages = expired?.length ? expired : undefined;
  draft.updateRun({ expiredStages }, withAlarm({ ...deadlines, stages: Object.fromEntries(stages) }));
}

/** What a run changes when its `finally` stages begin: its own time is not measured any more. */
export function clearRunClock({ deadlines = {} }: PipelineTask): Pick<PipelineTask, "deadlines" | "wakeAt"> {
  const { run: _run, ...rest } = deadlines;
  return withAlarm(rest);
}

/** The run's alarm rings: its own time or that of a stage is over. */
export function wakeRun(draft: Draft): void {
  const { run, context } = draft;
  if (!run || isRunEnded(run) || run.wakeAt === undefined || Date.parse(run.wakeAt) > context.nowMs) return;
  const { deadlines = {} } = run;
  const isOver = (time: string | undefined) => time !== undefined && Date.parse(time) <= context.nowMs;
  const over = Object.keys(deadlines.stages ?? {}).filter((number) => isOver(deadlines.stages?.[number]));
  const stages = Object.fromEntries(
    Object.entries(deadlines.stages ?? {}).filter(([number]) => !over.includes(number)),
  );
  const left = isOver(deadlines.run) ? { stages } : { ...deadlines, stages };
  draft.updateRun({}, withAlarm(left));
  for (const number of over) expireStage(draft, Number(number), deadlines.stages?.[number]);
  if (isOver(deadlines.run)) expireRun(draft, deadlines.run);
}

function expireRun(draft: Draft, dueAt: string | undefined): void {
  const { run } = draft;
  if (!run || run.status.outcome || run.status.stage !== "ACTIVE") return;
  const timeout = formatDuration(parseDuration(draft.definition.pipeline?.timeout ?? "0s"));
  const message = `the run timed out after ${timeout}`;
  if (!run.status.failing) draft.updateRun({ failing: true, reason: "TIMEOUT", message });
  draft.recordRun("RUN_STATUS", { stage: "ACTIVE", reason: "TIMEOUT", message });
  for (const task of draft.allTasks())
    if (!isFinallyTask(draft.definition, task)) timeOut(draft, task, message, dueAt);
}

function expireStage(draft: Draft, number: number, dueAt: string | undefined): void {
  const { run } = draft;
  const stage = draft.definition.pipeline?.stages[number - 1];
  if (!run || !stage) return;
  const message = `stage \`${stage.name}\` timed out after ${formatDuration(parseDuration(stage.timeout ?? "0s"))}`;
  const tasks = draft.plan.graph.nodesOf(number - 1).flatMap((node) => draft.tasksOf(node));
  if (tasks.every((task) => isEnded(task.status.stage))) return;
  draft.updateRun({ expiredStages: [...(run.status.expiredStages ?? []), number] });
  if (!stage.ignoreFailed && run.status.stage === "ACTIVE" && !run.status.failing) {
    draft.updateRun({ failing: true, reason: "TIMEOUT", message });
  }
  draft.recordRun("RUN_STATUS", { stage: run.status.stage, reason: "TIMEOUT", message });
  for (const task of tasks) timeOut(draft, task, message, dueAt);
}

/** What runs is stopped, and what waits for people or its next try ends now; what has not begun is left to the plan. */
function timeOut(draft: Draft, given: JobTask, message: string, dueAt: string | undefined): void {
  const task = draft.task(given.id);
  const { stage, stopping, reported, workGoneAt } = task.status;
  if (!task.open || isEnded(stage) || stopping) return;
  if (stage === "PENDING" || stage === "SCHEDULING" || reported || workGoneAt) {
    endTask(draft, task, "fail", { reason: "TIMEOUT", message });
    return;
  }
  const stopped = draft.updateTask(task, {
    wakeAt: undefined,
    status: { ...task.status, stopping: "TIMEOUT", dueAt, message },
  });
  draft.recordTask("TASK_STATUS", stopped, { stage, reason: "TIMEOUT", message });
  draft.effect("STOP", stopped);
}
