// "Why is it waiting?" of a run: what its unfinished tasks wait for in total, grouped, and what keeps the run as a whole.

import { runGate } from "./admission-keys.ts";
import { quoted } from "./quoted.ts";
import type { JobTask } from "./schema/job-task.ts";
import type { PipelineTask } from "./schema/pipeline-task.ts";
import { MAX_LISTED, WHY_KINDS, type Why, type WhyCause, type WhyKind } from "./schema/why.ts";
import { isRunEnded, type RunState } from "./state.ts";
import { isEnded } from "./transitions.ts";
import { placeCause, taskCauses, type WhyFacts } from "./why.ts";
import { planKind, whyTaskOf, withMore } from "./why-plan.ts";

/** Why a run has not ended. */
export function whyRun(state: RunState, run: PipelineTask, facts: WhyFacts): Why {
  const { id, name, status } = run;
  return { id, name, stage: status.stage, causes: isRunEnded(run) ? [] : runCauses(state, run, facts) };
}

function runCauses(state: RunState, run: PipelineTask, facts: WhyFacts): WhyCause[] {
  const place = facts.placeOf?.(run.id);
  const own = place ? [placeCause(place)] : [];
  // All its tasks wait for the same then.
  if (run.status.stage === "PENDING")
    return own.length > 0 ? own : [{ kind: "TURN", sentence: "waits for its turn" }];
  const ofTasks = groupedCauses(state, facts);
  return [...own, ...windingUpCause(run), ...pauseCause(run, ofTasks), ...ofTasks];
}

/** A pause that no task has come to yet: nobody is to wait for what runs, and wonder then. */
function pauseCause({ id, status: { paused } }: PipelineTask, ofTasks: readonly WhyCause[]): WhyCause[] {
  const key = runGate(id);
  if (!paused || ofTasks.some((cause) => cause.key === key)) return [];
  const { by, at, message } = paused;
  const why = message === undefined ? "" : `: ${message}`;
  const sentence = `is paused by ${by} since ${at}${why}; what runs goes on, and nothing new starts`;
  return [{ kind: "IN_LINE", sentence, key, by, since: at, ...(message !== undefined && { message }) }];
}

/** A run that is failing or canceled: nothing more of it starts. */
function windingUpCause({ status }: PipelineTask): WhyCause[] {
  const { stage, failing, reason, message, canceledBy, outcome } = status;
  const left = outcome === undefined ? "what runs has to end" : "its `finally` stages still run";
  if (stage === "CANCELING") {
    const by = canceledBy === undefined ? "" : ` by ${canceledBy}`;
    const why = message === undefined ? "" : ` (${message})`;
    const cause: WhyCause = {
      kind: "STOPPING",
      sentence: `is being canceled${by}${why}; ${left}`,
      stopping: "CANCEL",
    };
    if (canceledBy !== undefined) cause.by = canceledBy;
    if (message !== undefined) cause.message = message;
    return [cause];
  }
  if (!failing) return [];
  const cause: WhyCause = {
    kind: "STOPPING",
    sentence: `has failed${message === undefined ? "" : ` (${message})`}; ${left}`,
    reason: reason ?? "TASK_FAILED",
  };
  if (message !== undefined) cause.message = message;
  return [cause];
}

interface Group {
  cause: WhyCause;
  tasks: JobTask[];
}

function groupedCauses(state: RunState, facts: WhyFacts): WhyCause[] {
  const groups = new Map<string, Group>();
  for (const task of state.tasks.values()) {
    if (isEnded(task.status.stage)) continue;
    for (const cause of causesInGroup(state, task, facts)) {
      const key = `${cause.kind} ${cause.key ?? ""}`;
      const group = groups.get(key);
      if (group) group.tasks.push(task);
      else groups.set(key, { cause, tasks: [task] });
    }
  }
  const order = (group: Group) => WHY_KINDS.indexOf(group.cause.kind);
  return [...groups.values()].sort((a, b) => order(a) - order(b)).map(groupCause);
}

/** The causes of a task that is open; of others their kind alone, for there may be many. */
function causesInGroup(state: RunState, task: JobTask, facts: WhyFacts): WhyCause[] {
  if (task.open || task.status.stage !== "PENDING" || !state.progress) return taskCauses(state, task, facts);
  return [{ kind: planKind(state, state.progress, task), sentence: "" }];
}

/** What a group of tasks does, as it reads after their number. */
const WHAT: Readonly<Record<WhyKind, readonly [one: string, many: string]>> = {
  IN_LINE: ["waits in line", "wait in line"],
  AUDIT: ["waits for its audit", "wait for their audits"],
  CONFIRM: ["waits for its confirm", "wait for their confirms"],
  RETRY: ["waits to be tried again", "wait to be tried again"],
  CREATING: ["is being created", "are being created"],
  FILES: ["waits for the store of its files", "wait for the store of their files"],
  STATUS_CALL: ["waits for its status call", "wait for their status calls"],
  STOPPING: ["is being stopped", "are being stopped"],
  CHILD_RUN: ["waits for its run", "wait for their runs"],
  RUNS: ["runs", "run"],
  MATRIX_WIDTH: [
    "waits, for `maxParallel` of its matrix is reached",
    "wait, for `maxParallel` of their matrix is reached",
  ],
  STAGE_WIDTH: [
    "waits, for `maxParallel` of its stage is reached",
    "wait, for `maxParallel` of their stage is reached",
  ],
  TASKS: ["waits for other tasks", "wait for other tasks"],
  STAGES: ["waits for earlier stages", "wait for earlier stages"],
  TURN: ["starts now", "start now"],
};

function groupCause({ cause, tasks }: Group): WhyCause {
  const { kind } = cause;
  const [one, many] = WHAT[kind];
  const listed = { tasks: tasks.slice(0, MAX_LISTED).map(whyTaskOf), count: tasks.length };
  const [first] = tasks;
  if (tasks.length === 1 && first) {
    // With all facts of the one.
    return { ...cause, ...listed, sentence: `task ${quoted(first.name)}${saysOf(cause) || ` ${one}`}` };
  }
  const names = withMore(
    tasks.slice(0, 3).map(({ name }) => quoted(name)),
    tasks.length,
  );
  const line = kind === "IN_LINE" && cause.key !== undefined ? ` (${cause.key})` : "";
  const { key, limit, held, holders } = cause;
  const shared = {
    ...(key !== undefined && { key }),
    ...(limit !== undefined && { limit }),
    ...(held !== undefined && { held }),
    ...(holders !== undefined && { holders }),
  };
  return { kind, sentence: `${tasks.length} tasks ${many}${line}: ${names}`, ...shared, ...listed };
}

/** What is said of one task, after its name: a sentence with a subject of its own follows a colon. */
function saysOf({ kind, sentence }: WhyCause): string {
  if (sentence === "" || kind === "TURN") return "";
  return /^(?:its|the) /.test(sentence) ? `: ${sentence}` : ` ${sentence}`;
}
