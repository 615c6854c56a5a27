// PUSH_BACK: a checker lets an earlier task, or this one, run again with feedback, and with it all that comes after it
// (semantics, section 4). See docs/decisions/19-what-a-push-back-runs-again.md.

import { MflowError } from "../errors.ts";
import { DEFAULT_MAX_PUSH_BACKS, type GateKind } from "../gate.ts";
import { didYouMean } from "../nearest.ts";
import { nodeOf } from "../plan/progress.ts";
import { quoted } from "../quoted.ts";
import type { GateDecision } from "../schema/gate.ts";
import type { JobTask } from "../schema/job-task.ts";
import type { PipelineTask } from "../schema/pipeline-task.ts";
import type { DecideRequest } from "../schema/request.ts";
import { isAtWork, isEnded } from "../transitions.ts";
import { restartStageClocks } from "./deadlines.ts";
import type { Draft } from "./draft.ts";
import { isFinallyTask, taskSpecOf } from "./freeze.ts";
import { hasBegun, resetTask } from "./new-attempt.ts";
import { openTask } from "./open.ts";

/** What a push back runs again. */
export interface PushBack {
  target: JobTask;
  /** In the pipeline's order. */
  again: JobTask[];
}

/** What the request would run again; throws PUSH_BACK_REFUSED, or BAD_REQUEST when it names no task. */
export function planPushBack(draft: Draft, kind: GateKind, task: JobTask, request: DecideRequest): PushBack {
  if (kind === "audit") throw refused("an audit is passed or denied; only a confirm pushes a result back");
  const most = task.confirm?.maxPushBacks ?? DEFAULT_MAX_PUSH_BACKS;
  if ((task.pushBacks ?? 0) >= most) {
    const times = most === 1 ? "once" : `${most} times`;
    const rule =
      most === 0
        ? `\`maxPushBacks: 0\` of the confirm of task \`${task.name}\` forbids to push its result back`
        : `the result of task \`${task.name}\` was pushed back ${times}, which is \`maxPushBacks\``;
    throw refused(`${rule}; pass or deny it`);
  }
  const { run } = draft;
  if (run && isWindingUp(draft, run, task)) {
    const how = run.status.stage === "CANCELING" ? "being canceled" : "failing";
    throw refused(`run ${run.id} is ${how}, and nothing more starts; pass or deny the result`);
  }
  const target = findTarget(draft, task, request.pushBackTo);
  const again = run ? tasksAgain(draft, target) : [task];
  const busy = again.find(({ status }) => isAtWork(status.stage) && !status.reported);
  if (busy) {
    throw refused(
      `task \`${busy.name}\` would run again and is ${busy.status.stage}; wait for its end, or cancel the run`,
    );
  }
  return { target, again };
}

/** Whether nothing more of its kind starts: `finally` stages go on in a run that is failing. */
function isWindingUp({ definition }: Draft, { status }: PipelineTask, task: JobTask): boolean {
  if (status.stage === "CANCELING") return true;
  return status.failing === true && !isFinallyTask(definition, task);
}

/** The task that the request names: itself or an earlier one. */
function findTarget(draft: Draft, task: JobTask, name: string | undefined): JobTask {
  const earlier = earlierTasks(draft, task);
  const names = earlier.map((each) => nameOf(each, earlier));
  if (name === undefined) {
    const message = `a PUSH_BACK names the task that runs again in \`pushBackTo\`: ${names.join(", ")}`;
    throw new MflowError("BAD_REQUEST", message);
  }
  const meant = earlier.filter((each) => each.name === name || `${each.stageName}/${each.name}` === name);
  if (meant.length > 1) {
    const full = meant.map((each) => `\`${each.stageName}/${each.name}\``).join(" or ");
    throw refused(`more than one task is called \`${name}\`; write ${full}`);
  }
  const [target] = meant;
  if (target) return target;
  const isThere = draft.allTasks().some((each) => each.name === name);
  const rule = `${quoted(name)} is neither task \`${task.name}\` nor one before it`;
  const hint = isThere ? "" : didYouMean(name, names);
  throw refused(`${rule}; these may run again: ${names.join(", ")}${hint}`);
}

/** The tasks that have ended before this one began, and itself; once a `finally` stage runs, what came before it stays. */
function earlierTasks(draft: Draft, task: JobTask): JobTask[] {
  if (!draft.run) return [task];
  const { graph } = draft.plan;
  const own = nodeOf(graph, task);
  const isFinally = (node: number) => graph.stage(graph.node(node).stage).isFinally;
  const before = [...graph.ancestors(own)].filter((node) => isFinally(node) === isFinally(own));
  return [...before.sort((a, b) => a - b).flatMap((node) => draft.tasksOf(node)), task];
}

/** The name by which a task can be told from the others. */
function nameOf(task: JobTask, others: readonly JobTask[]): string {
  const isUnique = others.every((other) => other === task || other.name !== task.name);
  return isUnique ? task.name : `${task.stageName}/${task.name}`;
}

/** The target and all that comes after it. What has not begun need not be undone; what was canceled before that stays so. */
function tasksAgain(draft: Draft, target: JobTask): JobTask[] {
  const { graph } = draft.plan;
  const after = [...graph.descendants(nodeOf(graph, target))].sort((a, b) => a - b);
  const isUndone = (each: JobTask) =>
    each.open || (isEnded(each.status.stage) && (each.status.stage !== "CANCELED" || hasBegun(each)));
  return [target, ...after.flatMap((node) => draft.tasksOf(node)).filter(isUndone)];
}

/** Resets what runs again, and brings the run back to the target. `task` is the one whose result is pushed back. */
export function pushBack(draft: Draft, task: JobTask, plan: PushBack, decision: GateDecision): void {
  const { target, again } = plan;
  const { user, comment = "" } = decision;
  const message = `pushed back to \`${target.name}\` by ${user}: ${comment}`;
  draft.recordTask("CONFIRM_PUSH_BACK", task, { message: `back to \`${target.name}\`: ${comment}` });
  for (const { id } of again) {
    const change: Partial<JobTask> = {};
    if (id === target.id) change.feedback = comment;
    if (id === task.id) change.pushBacks = (task.pushBacks ?? 0) + 1;
    resetTask(draft, unexpanded(draft, draft.task(id), target), "pushBack", change, {
      reason: "PUSHED_BACK",
      message,
    });
  }
  const stages = new Set(again.flatMap(({ stageNumber }) => stageNumber ?? []));
  restartStageClocks(draft, stages);
  forgetWanted(draft, stages);
  draft.startOver();
  if (!draft.run) openTask(draft, target.id);
}

/** Of a stage in which tasks run again, those that still stand tell whether its turn had come; else its `when` is asked anew. */
function forgetWanted(draft: Draft, again: ReadonlySet<number>): void {
  const before = draft.run?.status.wantedStages;
  if (!before) return;
  const wanted = before.filter((number) => !again.has(number));
  draft.updateRun({ wantedStages: wanted.length > 0 ? wanted : undefined });
}

/** The combinations of a dynamic matrix after the target are not known any more. */
function unexpanded(draft: Draft, task: JobTask, target: JobTask): JobTask {
  const spec = taskSpecOf(draft.definition, task);
  const isBeside = task.stageNumber === target.stageNumber && task.taskNumber === target.taskNumber;
  if (spec.matrix?.fromEnv === undefined || isBeside) return task;
  return draft.updateTask(task, { way: undefined, name: spec.name });
}

function refused(message: string): MflowError {
  return new MflowError("PUSH_BACK_REFUSED", message);
}
