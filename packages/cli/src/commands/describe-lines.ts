// What `describe` says of jobs, runs and tasks, as lines. Pure.

import { formatDuration } from "@mflow/core/duration";
import type { JobTaskView, PipelineTaskView } from "@mflow/core/schema/api";
import type { Gate } from "@mflow/core/schema/gate";
import type { Job } from "@mflow/core/schema/job";
import type { PastAttempt, StepStatus } from "@mflow/core/schema/job-task";
import type { RunParam } from "@mflow/core/schema/param";
import type { PipelineTask } from "@mflow/core/schema/pipeline-task";
import { documentText } from "../display/document.ts";
import type { Column } from "../display/table.ts";
import { plainLine } from "../display/width.ts";
import { artifactColumns } from "../view/artifact-columns.ts";
import { retryText } from "../view/retry-text.ts";
import { runView } from "../view/run-view.ts";
import { decisionText, elapsed, nextText, pathOf } from "../view/watched.ts";
import { type DescribeOptions, type Fact, factLines, section, table, textLines } from "./describe-layout.ts";
import { gateLines } from "./gate-lines.ts";
import { labelText } from "./kind-columns.ts";

/** A job version: what it is, its params, its runner spec. */
export async function jobLines(job: Job, options: DescribeOptions): Promise<string[]> {
  const { spec } = job;
  return [
    ...factLines(
      [
        ["Job", `${job.name}:${job.version}`],
        ["Name", job.displayName],
        ["Stage", job.stage],
        ["Scope", `${job.namespace}.${job.domain}`],
        ["Visible to", spec.visibility ?? "NAMESPACE"],
        ["Runner", spec.runnerType],
        ["Timeout", spec.timeout],
        ["Retry", spec.retry && retryText(spec.retry)],
        ["At most", spec.maxTasks && `${spec.maxTasks} of its tasks at once`],
        ["Rollback", spec.allowRollback ? "allowed" : undefined],
        ["Keeps", spec.artifacts?.map(({ name }) => name).join(", ")],
        ["Labels", labelText(job.labels)],
        ["Created", `${job.createdAt} by ${job.createdBy}`],
        ["Published", job.publishedAt],
        ["Id", job.id],
        ["About", job.description],
      ],
      options,
    ),
    ...section("Params", paramLines(spec.runParams ?? [], options), options),
    ...section("Runner spec", textLines(await documentText(spec.runnerSpec, "yaml")), options),
    ...section("Readme", textLines(job.readme), options),
  ];
}

function paramLines(params: readonly RunParam[], options: DescribeOptions): string[] {
  const columns: Column<RunParam>[] = [
    { title: "NAME", value: (param) => param.name },
    { title: "TYPE", value: (param) => `${param.usageType ?? "ENV"} ${param.valueType ?? "TEXT"}` },
    { title: "DEFAULT", value: ({ value }) => (value === undefined ? "" : String(value)), shrinksTo: 10 },
    { title: "", value: (param) => traitsOf(param), shrinksTo: 10 },
  ];
  return table(columns, params, options);
}

function traitsOf(param: RunParam): string {
  const traits = (["required", "readOnly", "sensitive", "deprecated"] as const).filter(
    (trait) => param[trait],
  );
  const values = param.enumOptions?.map((option) => (typeof option === "string" ? option : option.value));
  return [traits.join(", "), values && `one of ${values.join(", ")}`, param.description]
    .filter(Boolean)
    .join("; ");
}

/** A run: where it came from and led to, and its tasks as `watch` shows them. */
export function runLines(view: PipelineTaskView, options: DescribeOptions): string[] {
  const { run, again = [], tasks } = view;
  const kept = tasks.filter((task) => task.keptFrom).length;
  return [
    ...factLines(
      [
        ["Run", run.id],
        ["Pipeline", run.name],
        ["Scope", `${run.namespace}.${run.domain}`],
        ["Started", `${run.createdAt} by ${run.runBy} (${run.triggerMode})`],
        ["Ended", run.status.endAt],
        ["Mode", run.mode],
        ["Rerun of", run.rerunOf && rerunText(run.rerunOf)],
        ["Rollback of", run.rollbackOf],
        ["Kept", run.rerunOf && `${kept} of ${tasks.length} tasks; the others run again`],
        ["Waits", run.waitingFor],
        ["Priority", run.priority],
        ["Group", run.group],
        ["Labels", labelText(run.labels)],
        ...chainFacts(run),
      ],
      options,
    ),
    ...section("Runs of its tasks", childLines(view.tasks), options),
    "",
    ...runView(view, { ...options, rows: Number.POSITIVE_INFINITY }),
    ...section(
      "Made of it",
      again.map(({ id, mode, stage, runBy, createdAt }) => {
        const what = mode === "ROLLBACK" ? "rollback" : "rerun";
        return plainLine(`${id} ${what} ${stage}, ${createdAt} by ${runBy}`);
      }),
      options,
    ),
  ];
}

function rerunText({ runId, mode, from }: NonNullable<PipelineTask["rerunOf"]>): string {
  const what = mode === "FROM" ? `from ${from} on` : mode === "ALL" ? "all of it" : "what failed";
  return `${runId}, ${what}`;
}

/** Which runs it came from, and which one it led to. */
function chainFacts({ parent, previous, chain, name, status: { next } }: PipelineTaskView["run"]): Fact[] {
  const of = parent?.runId === undefined ? "" : ` of ${parent.runId}`;
  return [
    ["Parent", parent && `task ${parent.taskId}${of}`],
    ["Previous", previous?.runId],
    ["Chain", chain && [...chain, name].join(" -> ")],
    ["Next", next && nextText(next)],
  ];
}

function childLines(tasks: readonly JobTaskView[]): string[] {
  return tasks.flatMap((task) => {
    const earlier = (task.pastAttempts ?? []).flatMap(({ status }) => status.child?.runId ?? []);
    const { child, stage } = task.status;
    const runs = [...earlier.map((runId) => `${runId} (earlier attempt)`), ...(child ? [child.runId] : [])];
    return runs.map((run) => plainLine(`${pathOf(task)} ${stage}: ${run}`));
  });
}

/** A task: how it stands, its gates, what it ran with, what it made, and its earlier attempts. */
export function taskLines(task: JobTaskView, options: DescribeOptions): string[] {
  const { status } = task;
  const took = elapsed(status, options.now);
  return [
    ...factLines(
      [
        ["Task", pathOf(task)],
        ["Stage", [status.stage, status.reason].filter(Boolean).join(" ")],
        ["Message", messageOf(task)],
        ["Waits", task.waitingFor],
        [
          "Reported",
          status.reported && [status.reported.stage, status.reported.message].filter(Boolean).join(": "),
        ],
        ["Job", `${task.job.name}:${task.job.version}`],
        ["Run", task.pipelineTaskId],
        ["Kept from", task.keptFrom && `task ${task.keptFrom.taskId} of run ${task.keptFrom.runId}`],
        [
          "Back to",
          task.rollback?.lastSuccess &&
            `task ${task.rollback.lastSuccess.taskId} of run ${task.rollback.lastSuccess.runId}`,
        ],
        ["Runs as", status.child?.runId],
        ["Status call", isAwaitingCall(task) ? `${options.command} status-call ${task.id}` : undefined],
        ["Scope", `${task.namespace}.${task.domain}`],
        ["Attempt", task.attempt],
        ["Priority", task.priority],
        ["Group", task.group],
        ["Pushed back", task.pushBacks && `${task.pushBacks} of ${task.confirm?.maxPushBacks ?? 3} times`],
        ["Created", `${task.createdAt} by ${task.startedBy}`],
        ["Started", status.startAt],
        ["Ended", status.endAt],
        ["Took", took === undefined ? undefined : formatDuration(took)],
        ["Canceled by", status.canceledBy],
        ["Labels", labelText(task.labels)],
        ["Id", task.id],
      ],
      options,
    ),
    ...gateSection("Audit", task.audit, task, options),
    ...gateSection("Confirm", task.confirm, task, options),
    ...section("Feedback", textLines(task.feedback), options),
    ...section("Params", effectiveParamLines(task, options), options),
    ...section("Steps", table(stepColumns, status.steps ?? [], options), options),
    ...section(
      "Runtime envs",
      Object.entries(status.runtimeEnvs ?? {}).map(([name, value]) => plainLine(`${name}=${value}`)),
      options,
    ),
    ...section("Artifacts", table(artifactColumns([]), options.artifacts ?? [], options), options),
    ...section("Summary", textLines(status.markdownOutput), options),
    ...section("Detail", textLines(status.detail), options),
    ...section(
      "Earlier attempts",
      (task.pastAttempts ?? []).flatMap((past) => pastAttemptLines(past, task, options)),
      options,
    ),
  ];
}

/** Whether somebody has to say how it ended. */
function isAwaitingCall({ runnerType, status: { stage, reported } }: JobTaskView): boolean {
  return runnerType === "MANUAL" && stage === "ACTIVE" && !reported;
}

/** What the runner says, unless it is told with what the task waits for. */
function messageOf({ status, waitingFor }: JobTaskView): string | undefined {
  const { message } = status;
  return message !== undefined && waitingFor?.includes(message) ? undefined : message;
}

function gateSection(
  title: string,
  gate: Gate | undefined,
  task: JobTaskView,
  options: DescribeOptions,
): string[] {
  return gate ? section(title, gateLines(gate, task, options).map(plainLine), options) : [];
}

function pastAttemptLines(
  { attempt, status, audit, confirm }: PastAttempt,
  { id }: JobTaskView,
  { command, now }: DescribeOptions,
): string[] {
  const head = [`${attempt}:`, status.stage, status.reason, status.message].filter(Boolean).join(" ");
  const { startAt, endAt } = status;
  const took = elapsed(status, now);
  const times =
    endAt !== undefined && took !== undefined
      ? [
          `${startAt} to ${endAt}, took ${formatDuration(took)}`,
          `logs: ${command} logs ${id} --attempt ${attempt}`,
        ]
      : [];
  const decisions = [...(audit?.decisions ?? []), ...(confirm?.decisions ?? [])];
  return [head, ...[...times, ...decisions.map(decisionText)].map((line) => `   ${line}`)].map(plainLine);
}

function effectiveParamLines({ params = [] }: JobTaskView, options: DescribeOptions): string[] {
  return table(
    [
      { title: "NAME", value: (param) => param.name },
      { title: "VALUE", value: (param) => param.value, shrinksTo: 20 },
      { title: "SET BY", value: (param) => param.setBy },
    ],
    params,
    options,
  );
}

const stepColumns: Column<StepStatus>[] = [
  { title: "STEP", value: (step) => step.name, shrinksTo: 10 },
  { title: "RESULT", value: stepResult },
  { title: "TOOK", value: ({ durationMs }) => (durationMs === undefined ? "" : formatDuration(durationMs)) },
  { title: "PEAK MEMORY", value: peakMemory },
];

function stepResult({ exitCode, signal, timedOut, startAt, endAt }: StepStatus): string {
  if (timedOut) return "timed out";
  if (signal !== undefined) return signal;
  if (exitCode !== undefined) return exitCode === 0 ? "ok" : `exit code ${exitCode}`;
  return endAt === undefined && startAt !== undefined ? "runs" : "";
}

function peakMemory({ peakMemoryBytes, peakMemorySource }: StepStatus): string {
  if (peakMemoryBytes === undefined) return "";
  const megabytes = (peakMemoryBytes / 2 ** 20).toFixed(1);
  return `${megabytes} MiB${peakMemorySource === "SAMPLED" ? " (sampled)" : ""}`;
}
