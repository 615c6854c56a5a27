// Puts together what somebody who decides a gate has to see. Pure: all that it shows is handed to it.

import type { Context } from "./change.ts";
import { jobOf } from "./decide/freeze.ts";
import { decidersOf } from "./deciders.ts";
import { MflowError } from "./errors.ts";
import { type GateKind, upperKind } from "./gate.ts";
import { MASK } from "./mask.ts";
import { maskParams } from "./params.ts";
import { renderSpec } from "./render.ts";
import { commitLink, compareLink, type Repository, repositoryLink } from "./repository-links.ts";
import type { LogLineBody } from "./schema/api.ts";
import type {
  CommitChange,
  EarlierDecision,
  EarlierTask,
  Evidence,
  EvidenceLink,
  ParamChange,
  SinceSuccess,
} from "./schema/evidence.ts";
import type { JobTask } from "./schema/job-task.ts";
import type { EffectiveParam } from "./schema/param.ts";
import type { PipelineTask, RunDefinition } from "./schema/pipeline-task.ts";
import { isEnded } from "./transitions.ts";

/** A task with what surrounds it. */
export interface TaskSurroundings {
  task: JobTask;
  definition: RunDefinition;
  /** All tasks of its run, in the pipeline's order; the task alone when it runs alone. */
  tasks: readonly JobTask[];
}

export interface EvidenceInput extends TaskSurroundings {
  run?: PipelineTask;
  /** Default: the gate that waits, else the one that was decided last. */
  kind?: GateKind;
  /** The task of the same name that SUCCEEDED last. */
  lastSuccess?: TaskSurroundings;
  /** The last lines of its log. */
  log?: readonly LogLineBody[];
}

export type EvidenceContext = Pick<
  Context,
  "groupMembers" | "standInOf" | "cannotDecide" | "unseal" | "isSealed" | "fingerprint"
>;

/** Characters of a task's markdown that are shown. */
const MOST_MARKDOWN = 8192;
const MOST_EARLIER_TASKS = 100;

/** The gate that evidence is about when nobody says which; nothing when the task has none. */
export function gateInQuestion(task: JobTask): GateKind | undefined {
  if (task.audit?.stage === "WAITING") return "audit";
  if (task.confirm && task.confirm.stage !== "PENDING") return "confirm";
  if (task.audit) return "audit";
  return task.confirm ? "confirm" : undefined;
}

/** Throws NOT_FOUND when the task has not the gate that is asked for. */
export function assembleEvidence(input: EvidenceInput, context: EvidenceContext): Evidence {
  const { task, run, log, lastSuccess } = input;
  if (input.kind && !task[input.kind]) {
    throw new MflowError("NOT_FOUND", `task \`${task.name}\` (${task.id}) has no ${input.kind}`);
  }
  const kind = input.kind ?? gateInQuestion(task);
  const gate = kind && task[kind];
  const evidence: Evidence = {
    taskId: task.id,
    name: task.name,
    attempt: task.attempt,
    stage: task.status.stage,
    domain: task.domain,
    namespace: task.namespace,
    startedBy: task.startedBy,
    content: contentOf(input),
    earlierDecisions: kind ? earlierDecisions(input, kind) : [],
    earlierTasks: earlierTasks(input, context),
    links: linksOf(input, context),
  };
  if (task.stageName !== undefined) evidence.stageName = task.stageName;
  if (run) evidence.run = { id: run.id, name: run.name };
  if (kind && gate) {
    const isOpen = gate.stage === "WAITING";
    const { name: taskName, startedBy } = task;
    const mayDecide = isOpen ? decidersOf({ kind, gate, taskName, scope: task, startedBy }, context) : [];
    evidence.gate = { kind: upperKind(kind), ...gate, mayDecide };
  }
  if (kind === "confirm" && task.status.reported) evidence.result = resultOf(task, context);
  if (kind === "confirm" && log && log.length > 0) evidence.log = [...log];
  if (task.feedback !== undefined) evidence.feedback = task.feedback;
  if (lastSuccess) evidence.sinceSuccess = sinceSuccess(input, lastSuccess, context);
  return evidence;
}

function contentOf({ task, definition }: TaskSurroundings): Evidence["content"] {
  const { name, version } = task.job;
  if (!task.params) return { job: { name, version }, params: [] };
  const params = maskParams(task.params);
  const job = jobOf(definition, task);
  return {
    job: { name, version },
    params,
    spec: renderSpec(job.spec.runnerSpec, params, job.spec.runParams),
  };
}

function resultOf(task: JobTask, context: EvidenceContext): NonNullable<Evidence["result"]> {
  const { reported, startAt, endAt, steps, runtimeEnvs, markdownOutput } = task.status;
  if (!reported) throw new Error(`task ${task.id} has no result`);
  return {
    reported,
    ...(startAt && endAt && { durationMs: Date.parse(endAt) - Date.parse(startAt) }),
    ...(steps && { steps }),
    ...shownOutput({ runtimeEnvs, markdownOutput }, context),
  };
}

/** Runtime envs without secrets and markdown that is not too long; nothing for what is empty. */
function shownOutput(
  { runtimeEnvs = {}, markdownOutput = "" }: Pick<JobTask["status"], "runtimeEnvs" | "markdownOutput">,
  { isSealed }: EvidenceContext,
): Pick<EarlierTask, "runtimeEnvs" | "markdownOutput"> {
  const envs = Object.entries(runtimeEnvs).map(([name, value]) => [name, isSealed(value) ? MASK : value]);
  return {
    ...(envs.length > 0 && { runtimeEnvs: Object.fromEntries(envs) }),
    ...(markdownOutput !== "" && { markdownOutput: markdownOutput.slice(0, MOST_MARKDOWN) }),
  };
}

function earlierTasks({ task, tasks }: TaskSurroundings, context: EvidenceContext): EarlierTask[] {
  const earlier: EarlierTask[] = [];
  for (const { id, name, stageName, status } of tasks) {
    const output = shownOutput(status, context);
    if (id === task.id || !isEnded(status.stage) || Object.keys(output).length === 0) continue;
    earlier.push({
      taskId: id,
      name,
      ...(stageName !== undefined && { stageName }),
      stage: status.stage,
      ...output,
    });
  }
  return earlier.slice(-MOST_EARLIER_TASKS);
}

function earlierDecisions({ task, lastSuccess }: EvidenceInput, kind: GateKind): EarlierDecision[] {
  const past = (task.pastAttempts ?? []).toReversed();
  const before = past.map((attempt) => ({ attempt: attempt.attempt, gate: attempt[kind], taskId: task.id }));
  if (lastSuccess) {
    const { id, attempt } = lastSuccess.task;
    before.push({ attempt, gate: lastSuccess.task[kind], taskId: id });
  }
  return before.flatMap(({ taskId, attempt, gate }) =>
    (gate?.decisions ?? []).map((decision) => ({ taskId, attempt, ...decision })),
  );
}

function sinceSuccess(now: TaskSurroundings, then: TaskSurroundings, context: EvidenceContext): SinceSuccess {
  const { task } = then;
  const since: SinceSuccess = {
    taskId: task.id,
    startedBy: task.startedBy,
    params: now.task.params ? paramChanges(task.params ?? [], now.task.params, context) : [],
  };
  if (task.pipelineTaskId !== undefined) since.pipelineTaskId = task.pipelineTaskId;
  if (task.status.endAt !== undefined) since.endAt = task.status.endAt;
  if (task.job.version !== now.task.job.version) {
    since.job = { before: task.job.version, after: now.task.job.version };
  }
  const commits = commitChange(now, then, context);
  if (commits) since.commits = commits;
  return since;
}

/** Params that are not what they were, by name. Sensitive ones are compared by their fingerprints. */
export function paramChanges(
  before: readonly EffectiveParam[],
  after: readonly EffectiveParam[],
  context: Pick<EvidenceContext, "unseal" | "isSealed" | "fingerprint">,
): ParamChange[] {
  const old = new Map(before.map((param) => [param.name, param]));
  const fresh = new Map(after.map((param) => [param.name, param]));
  const names = [...new Set([...old.keys(), ...fresh.keys()])].sort();
  return names.flatMap((name) => paramChange(name, old.get(name), fresh.get(name), context) ?? []);
}

function paramChange(
  name: string,
  before: EffectiveParam | undefined,
  after: EffectiveParam | undefined,
  context: Pick<EvidenceContext, "unseal" | "isSealed" | "fingerprint">,
): ParamChange | undefined {
  const sensitive = before?.sensitive || after?.sensitive;
  const change =
    before === undefined ? "ADDED" : after === undefined ? "REMOVED" : comparison(before, after, context);
  if (change === undefined) return undefined;
  return {
    name,
    change,
    ...(before && { before: sensitive ? MASK : before.value }),
    ...(after && { after: sensitive ? MASK : after.value }),
    ...(sensitive && { sensitive }),
  };
}

function comparison(
  before: EffectiveParam,
  after: EffectiveParam,
  { unseal, isSealed, fingerprint }: Pick<EvidenceContext, "unseal" | "isSealed" | "fingerprint">,
): "CHANGED" | "UNKNOWN" | undefined {
  if (!isSealed(before.value) && !isSealed(after.value))
    return before.value === after.value ? undefined : "CHANGED";
  const print = (value: string) => fingerprint(isSealed(value) ? unseal(value) : value);
  try {
    return print(before.value) === print(after.value) ? undefined : "CHANGED";
  } catch (error) {
    // The key that sealed the older one is gone: what cannot be compared is said, not hidden.
    if (error instanceof MflowError && error.code === "SECRET_KEY_UNKNOWN") return "UNKNOWN";
    throw error;
  }
}

/** A value that a task runs with, that its run was given, or that a task of the run put out; never a sensitive one. */
function factOf(
  { task, tasks, definition }: TaskSurroundings,
  name: string,
  { isSealed }: EvidenceContext,
): string | undefined {
  const own = task.params?.find((param) => param.name === name);
  const put = tasks.findLast(({ status }) => status.runtimeEnvs?.[name] !== undefined)?.status.runtimeEnvs?.[
    name
  ];
  const given = definition.runParams.find((param) => param.name === name);
  const value = own?.value ?? put ?? (given && String(given.value));
  return value === undefined || own?.sensitive || given?.sensitive || isSealed(value) ? undefined : value;
}

function repositoryOf(of: TaskSurroundings, context: EvidenceContext): Repository | undefined {
  const url = factOf(of, "GIT_HTTP_URL", context);
  const provider = factOf(of, "EVENT_PROVIDER", context);
  return url === undefined ? undefined : { url, ...(provider !== undefined && { provider }) };
}

function commitChange(
  now: TaskSurroundings,
  then: TaskSurroundings,
  context: EvidenceContext,
): CommitChange | undefined {
  const before = factOf(then, "GIT_COMMIT_ID", context);
  const after = factOf(now, "GIT_COMMIT_ID", context);
  if (before === undefined || after === undefined || before === after) return undefined;
  const repository = repositoryOf(now, context);
  const url = repository && compareLink(repository, before, after);
  return { before, after, ...(url !== undefined && { url }) };
}

function linksOf(of: TaskSurroundings, context: EvidenceContext): EvidenceLink[] {
  const repository = repositoryOf(of, context);
  if (!repository) return [];
  const links: EvidenceLink[] = [];
  const page = repositoryLink(repository);
  if (page !== undefined) links.push({ label: "repository", url: page });
  const commit = factOf(of, "GIT_COMMIT_ID", context);
  const url = commit === undefined ? undefined : commitLink(repository, commit);
  if (url !== undefined) links.push({ label: "commit", url });
  return links;
}
