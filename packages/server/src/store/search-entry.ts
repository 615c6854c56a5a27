// What a record is found by in lists, for every database: its scope, phase, time and facets. Pure, so that what was
// written for a record can be computed again from it when it changes or goes.

import { DELIVERY_STATES } from "@mflow/core/schema/delivery";
import type { Job } from "@mflow/core/schema/job";
import type { JobTask } from "@mflow/core/schema/job-task";
import type { Pipeline } from "@mflow/core/schema/pipeline";
import type { PipelineTask } from "@mflow/core/schema/pipeline-task";
import type { Schedule } from "@mflow/core/schema/schedule";

export type RecordKind = "run" | "task" | "job" | "pipeline" | "schedule" | "delivery";

/** `ALL`: every record of the scope. `key` is for labels alone. */
export interface Facet {
  facet: "ALL" | "NAME" | "JOB" | "LABEL" | "TARGET" | "OF";
  key: string;
  value: string;
}

export interface SearchEntry {
  kind: RecordKind;
  domain: string;
  namespace: string;
  /** What the index knows of its stage. */
  phase: string;
  /** Milliseconds since the epoch. */
  created: number;
  id: string;
  facets: Facet[];
}

/** The phase of runs and tasks that have not ended. */
export const OPEN = "OPEN";
/** The phase of records that have no stages. */
const STAGELESS = "";

const ENDINGS: Record<RecordKind, readonly string[]> = {
  run: ["CANCELED", "FAILED", "SUCCEEDED"],
  task: ["CANCELED", "FAILED", "SUCCEEDED", "SKIPPED"],
  job: ["DRAFT", "PUBLISHED", "DEPRECATED"],
  pipeline: [STAGELESS],
  schedule: [STAGELESS],
  delivery: DELIVERY_STATES,
};

/**
 * The phase of a stage: the stage itself, but `OPEN` for all stages of a run or task that has not ended, so
 * that the index is untouched by the steps on the way.
 */
export function phaseOf(kind: RecordKind, stage: string): string {
  return ENDINGS[kind].includes(stage) ? stage : OPEN;
}

/** All phases that records of the kind can be in. */
export function phasesOf(kind: RecordKind): string[] {
  return kind === "run" || kind === "task" ? [OPEN, ...ENDINGS[kind]] : [...ENDINGS[kind]];
}

/** A rerun or rollback is found by the run that it was made of. */
export function runEntry(run: PipelineTask): SearchEntry {
  const found = entry("run", run, run.status.stage);
  const of = run.rerunOf?.runId ?? run.rollbackOf;
  if (of !== undefined) found.facets.push({ facet: "OF", key: "", value: of });
  return found;
}

/** A task is found by its job. */
export function taskEntry(task: JobTask): SearchEntry {
  const found = entry("task", task, task.status.stage);
  found.facets.push({ facet: "JOB", key: "", value: task.job.name });
  return found;
}

export function jobEntry(job: Job): SearchEntry {
  return entry("job", job, job.stage);
}

export function pipelineEntry(pipeline: Pipeline): SearchEntry {
  return entry("pipeline", pipeline, STAGELESS);
}

export function scheduleEntry(schedule: Schedule): SearchEntry {
  return entry("schedule", schedule, STAGELESS);
}

/** What the index knows of a delivery; its phase is its state. */
export interface ListedDelivery {
  id: string;
  domain: string;
  namespace: string;
  target: string;
  state: string;
  /** Milliseconds since the epoch. */
  created: number;
}

export function deliveryEntry(delivery: ListedDelivery): SearchEntry {
  const { id, domain, namespace, target, state, created } = delivery;
  const facets: Facet[] = [
    { facet: "ALL", key: "", value: "" },
    { facet: "TARGET", key: "", value: target },
  ];
  return { kind: "delivery", domain, namespace, phase: phaseOf("delivery", state), created, id, facets };
}

interface Listed {
  id: string;
  domain: string;
  namespace: string;
  name: string;
  labels?: Record<string, string> | undefined;
  createdAt: string;
}

function entry(kind: RecordKind, record: Listed, stage: string): SearchEntry {
  const facets: Facet[] = [
    { facet: "ALL", key: "", value: "" },
    { facet: "NAME", key: "", value: record.name },
  ];
  for (const key in record.labels) facets.push({ facet: "LABEL", key, value: record.labels[key] as string });
  return {
    kind,
    domain: record.domain,
    namespace: record.namespace,
    phase: phaseOf(kind, stage),
    created: Date.parse(record.createdAt),
    id: record.id,
    facets,
  };
}
