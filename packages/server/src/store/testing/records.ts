// Records for tests of stores: whole, valid and short, with what a test cares about laid over.

import type { NewHistoryEvent } from "@mflow/core/schema/event";
import type { Job } from "@mflow/core/schema/job";
import type { JobTask, TaskStage } from "@mflow/core/schema/job-task";
import type { Pipeline } from "@mflow/core/schema/pipeline";
import type { PipelineTask, RunDefinition, RunStage } from "@mflow/core/schema/pipeline-task";
import type { Schedule } from "@mflow/core/schema/schedule";
import type { Aggregate, Lease, NewEffect, RunCommit } from "../store.ts";

/** When the first record of a test is made; the `n`th follows `n` seconds later. */
export const START = Date.parse("2026-01-31T12:00:00.000Z");

export function timeOf(n: number): string {
  return new Date(START + n * 1000).toISOString();
}

/** An id of the shape that mflow makes; those of higher numbers are later. */
export function idOf(prefix: string, n: number): string {
  return `${prefix}-${String(n).padStart(26, "0")}`;
}

export interface RunOverrides extends Partial<Omit<PipelineTask, "status">> {
  stage?: RunStage;
}

export function aRun(n: number, { stage = "ACTIVE", ...overrides }: RunOverrides = {}): PipelineTask {
  return {
    id: idOf("run", n),
    domain: "default",
    namespace: "default",
    name: "release",
    triggerMode: "MANUAL",
    runBy: "ana",
    status: { stage, progress: { tasks: 1, open: 1, ended: 0 } },
    createdAt: timeOf(n),
    updatedAt: timeOf(n),
    revision: 1,
    ...overrides,
  };
}

export interface TaskOverrides extends Partial<Omit<JobTask, "status" | "job">> {
  stage?: TaskStage;
  job?: string;
  message?: string;
}

export function aTask(n: number, overrides: TaskOverrides = {}): JobTask {
  const { stage = "PENDING", job = "compile", message, ...rest } = overrides;
  return {
    id: idOf("task", n),
    domain: "default",
    namespace: "default",
    name: "build",
    job: { id: `job-${job}`, name: job, version: "v1" },
    runnerType: "FAKE",
    attempt: 0,
    status: message === undefined ? { stage } : { stage, message },
    startedBy: "ana",
    createdAt: timeOf(n),
    updatedAt: timeOf(n),
    revision: 1,
    ...rest,
  };
}

/** A task of a run, in stage 1 at the place `taskNumber`. */
export function aTaskOf(
  run: PipelineTask,
  taskNumber: number,
  n: number,
  overrides: TaskOverrides = {},
): JobTask {
  const { id: pipelineTaskId, domain, namespace, createdAt } = run;
  const place = { pipelineTaskId, stageName: "main", stageNumber: 1, taskNumber };
  return aTask(n, { domain, namespace, createdAt, ...place, ...overrides });
}

export function aDefinition(): RunDefinition {
  return {
    jobs: {},
    runParams: [{ name: "VERSION", value: "1.0" }],
  };
}

export function anEvent(overrides: Partial<NewHistoryEvent> = {}): NewHistoryEvent {
  return { type: "TASK_STAGE", at: timeOf(0), domain: "default", namespace: "default", ...overrides };
}

export function anEffect(n: number, aggregateId: string, overrides: Partial<NewEffect> = {}): NewEffect {
  return {
    id: idOf("effect", n),
    kind: "START",
    aggregateId,
    taskId: idOf("task", n),
    attempt: 1,
    ...overrides,
  };
}

export function aCommit(id: string, expectedRevision: number, changes: Partial<RunCommit> = {}): RunCommit {
  return {
    id,
    expectedRevision,
    tasks: [],
    history: [],
    effects: [],
    doneEffects: [],
    claims: [],
    releases: [],
    messages: [],
    records: [],
    ...changes,
  };
}

/** The first commit of a run with its tasks. */
export function aNewRun(
  run: PipelineTask,
  tasks: JobTask[] = [],
  changes: Partial<RunCommit> = {},
): RunCommit {
  return aCommit(run.id, 0, { run, tasks, definition: aDefinition(), ...changes });
}

/** The first commit of a lone task. */
export function aNewTask(task: JobTask, changes: Partial<RunCommit> = {}): RunCommit {
  return aCommit(task.id, 0, { tasks: [task], definition: aDefinition(), ...changes });
}

/** What the first commit of a run makes of it. */
export function asAggregate({ id, run, definition, tasks }: RunCommit): Aggregate {
  return { id, ...(run && { run }), definition: definition as RunDefinition, tasks };
}

export const LEASE: Lease = { owner: "server-1", until: START + 30_000 };

export function aJob(n: number, overrides: Partial<Job> = {}): Job {
  return {
    id: idOf("job", n),
    domain: "default",
    namespace: "default",
    name: "compile",
    version: "v1",
    stage: "DRAFT",
    spec: { runnerType: "FAKE", runnerSpec: { duration: "1s" } },
    revision: 1,
    createdBy: "ana",
    createdAt: timeOf(n),
    updatedAt: timeOf(n),
    ...overrides,
  };
}

export function aPipeline(n: number, overrides: Partial<Pipeline> = {}): Pipeline {
  return {
    id: idOf("pipeline", n),
    domain: "default",
    namespace: "default",
    name: "release",
    spec: { stages: [{ name: "main", tasks: [{ name: "build", job: "compile" }] }] },
    revision: 1,
    createdBy: "ana",
    createdAt: timeOf(n),
    updatedAt: timeOf(n),
    ...overrides,
  };
}

export function aSchedule(n: number, overrides: Partial<Schedule> = {}): Schedule {
  return {
    id: idOf("schedule", n),
    domain: "default",
    namespace: "default",
    name: "nightly",
    spec: { pipeline: "release", cron: "30 2 * * *" },
    owner: "ana",
    revision: 1,
    createdBy: "ana",
    createdAt: timeOf(n),
    updatedAt: timeOf(n),
    ...overrides,
  };
}
