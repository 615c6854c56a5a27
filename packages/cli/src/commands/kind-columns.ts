// What tables show of each kind of record.

import { formatDuration } from "@mflow/core/duration";
import type { GroupBody, TokenBody, UserBody } from "@mflow/core/schema/account";
import type { JobTaskView, PipelineView, RunView } from "@mflow/core/schema/api";
import type { Job } from "@mflow/core/schema/job";
import { isExtending, type Pipeline } from "@mflow/core/schema/pipeline";
import type { ScheduleView } from "@mflow/core/schema/schedule";
import type { Column } from "../display/table.ts";
import { elapsed, openGateOf, peopleOf } from "../view/watched.ts";
import { awayText } from "./away.ts";
import type { KindName } from "./kind-names.ts";
import { grantText } from "./roles.ts";
import { cronText, untilText } from "./schedule-text.ts";

interface Records {
  job: Job;
  pipeline: PipelineView;
  schedule: ScheduleView;
  run: RunView;
  task: JobTaskView;
  user: UserBody;
  group: GroupBody;
  token: TokenBody;
}

export type RecordOf<K extends KindName> = Records[K];

/** The columns of a kind; ages are of `now`, milliseconds since the epoch. */
export function columnsOf<K extends KindName>(kind: K, now: number): Column<RecordOf<K>>[] {
  const columns: { [Kind in KindName]: Column<Records[Kind]>[] } = {
    job: [
      { title: "NAME", value: (job) => job.name, shrinksTo: 12 },
      { title: "VERSION", value: (job) => job.version, shrinksTo: 8 },
      { title: "STAGE", value: (job) => job.stage },
      { title: "RUNNER", value: (job) => job.spec.runnerType },
      { title: "AGE", value: (job) => age(job.createdAt, now) },
      ...scopeColumns,
      { title: "ID", value: (job) => job.id, wide: true },
      {
        title: "DESCRIPTION",
        value: (job) => job.displayName ?? job.description ?? "",
        wide: true,
        shrinksTo: 12,
      },
    ],
    pipeline: [
      { title: "NAME", value: (pipeline) => pipeline.name, shrinksTo: 12 },
      {
        title: "STAGES",
        value: ({ spec }) => stagesText(spec),
        shrinksTo: 12,
      },
      {
        title: "TASKS",
        value: ({ spec }) =>
          isExtending(spec) ? "" : String(spec.stages.reduce((sum, one) => sum + one.tasks.length, 0)),
      },
      { title: "AGE", value: (pipeline) => age(pipeline.createdAt, now) },
      ...scopeColumns,
      { title: "ID", value: (pipeline) => pipeline.id, wide: true },
      { title: "PAUSED", value: ({ paused }) => (paused ? `by ${paused.by}` : ""), wide: true },
    ],
    schedule: [
      { title: "NAME", value: (schedule) => schedule.name, shrinksTo: 12 },
      { title: "PIPELINE", value: ({ spec }) => spec.pipeline, shrinksTo: 10 },
      { title: "CRON", value: cronText, shrinksTo: 10 },
      { title: "TIME ZONE", value: ({ spec }) => spec.timeZone ?? "UTC", shrinksTo: 6 },
      { title: "STAGE", value: ({ status }) => status.stage },
      { title: "LAST", value: lastOf },
      {
        title: "NEXT",
        value: ({
          status: {
            nextTimes: [next],
          },
        }) => (next ? untilText(next.startsAt, now) : ""),
      },
      { title: "RUNS AS", value: (schedule) => schedule.owner, wide: true },
      { title: "OVERLAP", value: ({ spec }) => spec.overlap ?? "SKIP", wide: true },
      ...scopeColumns,
      { title: "ID", value: (schedule) => schedule.id, wide: true },
    ],
    run: [
      { title: "ID", value: (run) => run.id },
      { title: "PIPELINE", value: (run) => run.name, shrinksTo: 10 },
      { title: "STAGE", value: (run) => run.status.stage },
      { title: "TOOK", value: (run) => took(run.status, now) },
      { title: "AGE", value: (run) => age(run.createdAt, now) },
      { title: "BY", value: (run) => run.runBy, shrinksTo: 6 },
      ...scopeColumns,
      { title: "OF", value: ofText, wide: true },
      { title: "PRIORITY", value: (run) => String(run.priority ?? 0), wide: true },
      { title: "LABELS", value: (run) => labelText(run.labels), wide: true, shrinksTo: 10 },
      {
        title: "MESSAGE",
        value: (run) => run.waitingFor ?? run.status.message ?? "",
        wide: true,
        shrinksTo: 10,
      },
    ],
    task: [
      { title: "ID", value: (task) => task.id },
      { title: "NAME", value: (task) => task.name, shrinksTo: 10 },
      { title: "STAGE", value: (task) => (openGateOf(task) ? "WAITING" : task.status.stage) },
      { title: "TOOK", value: (task) => took(task.status, now) },
      { title: "AGE", value: (task) => age(task.createdAt, now) },
      { title: "JOB", value: ({ job }) => `${job.name}:${job.version}`, wide: true },
      { title: "RUN", value: (task) => task.pipelineTaskId ?? "", wide: true },
      { title: "KEPT FROM", value: (task) => task.keptFrom?.runId ?? "", wide: true },
      ...scopeColumns,
      { title: "WHY", value: whyOf, wide: true, shrinksTo: 10 },
    ],
    user: [
      { title: "NAME", value: (user) => user.name, shrinksTo: 12 },
      { title: "ROLES", value: (user) => user.grants.map(grantText).join(", "), shrinksTo: 12 },
      { title: "AGE", value: (user) => age(user.createdAt, now) },
      { title: "AWAY", value: (user) => awayText(user), shrinksTo: 8 },
      { title: "LANGUAGE", value: (user) => user.language ?? "", wide: true },
      { title: "ADDRESSES", value: addressText, wide: true, shrinksTo: 12 },
      { title: "DISPLAY NAME", value: (user) => user.displayName ?? "", wide: true, shrinksTo: 12 },
    ],
    group: [
      { title: "NAME", value: (group) => group.name, shrinksTo: 12 },
      { title: "MEMBERS", value: (group) => group.members.join(", "), shrinksTo: 12 },
    ],
    token: [
      { title: "ID", value: (token) => token.id },
      { title: "USER", value: (token) => token.user, shrinksTo: 8 },
      { title: "NAME", value: (token) => token.name, shrinksTo: 8 },
      { title: "AGE", value: (token) => age(token.createdAt, now) },
      {
        title: "LAST USED",
        value: ({ lastUsedAt }) => (lastUsedAt ? `${age(lastUsedAt, now)} ago` : "never"),
      },
      { title: "EXPIRES", value: (token) => token.expiresAt ?? "never", wide: true },
    ],
  };
  return columns[kind];
}

/** Of one that extends another only that is known; `--resolved` shows the whole. */
function stagesText(spec: Pipeline["spec"]): string {
  if (isExtending(spec)) return `extends ${spec.extends}`;
  return spec.stages.map((stage) => stage.name).join(" > ");
}

const scopeColumns: Column<{ namespace: string; domain: string }>[] = [
  { title: "NAMESPACE", value: (record) => record.namespace, wide: true },
  { title: "DOMAIN", value: (record) => record.domain, wide: true },
];

function age(time: string, now: number): string {
  const seconds = Math.max(0, Math.floor((now - Date.parse(time)) / 1000));
  return formatDuration(seconds * 1000).replace("0ms", "0s");
}

function took(status: { startAt?: string; endAt?: string }, now: number): string {
  const milliseconds = elapsed(status, now);
  return milliseconds === undefined ? "" : formatDuration(milliseconds);
}

/** `team=shop tier=web` */
export function labelText(labels: Record<string, string> | undefined): string {
  return Object.entries(labels ?? {})
    .map(([key, value]) => `${key}=${value}`)
    .join(" ");
}

/** `feishu ou_123, mail ada@example.com` */
export function addressText({ addresses = {} }: Pick<UserBody, "addresses">): string {
  return Object.entries(addresses)
    .map(([channel, address]) => `${channel} ${address}`)
    .join(", ");
}

/** The run that a run was made of. */
function ofText({ rerunOf, rollbackOf }: RunView): string {
  if (rerunOf) return `rerun of ${rerunOf.runId}`;
  return rollbackOf === undefined ? "" : `rollback of ${rollbackOf}`;
}

/** What became of the last time. */
function lastOf({ status: { firings } }: ScheduleView): string {
  return firings[0]?.outcome ?? "";
}

/** For whom it waits, why it failed. */
function whyOf(task: JobTaskView): string {
  const open = openGateOf(task);
  if (open) return `${open.kind} by ${peopleOf(open.gate, task)}`;
  return task.waitingFor ?? task.status.message ?? task.status.reason ?? "";
}
