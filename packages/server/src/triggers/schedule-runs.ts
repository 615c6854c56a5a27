// The runs of schedules: how they are asked for, and how they are found again. A run carries its schedule and its time
// as labels, so that what a schedule has started is known from the runs themselves, whatever else was lost.

import { MflowError } from "@mflow/core/errors";
import { parsePipelineRef } from "@mflow/core/reference";
import type { PipelineTask, RunStage } from "@mflow/core/schema/pipeline-task";
import type { RunPipelineRequest } from "@mflow/core/schema/request";
import type { Scope } from "@mflow/core/schema/scalars";
import type { Schedule } from "@mflow/core/schema/schedule";
import type { CatalogStore, RunStore } from "../store/store.ts";

/** Label of a run: the schedule that started it. */
const SCHEDULE_LABEL = "mflow.schedule";
/** Label of a run: the time of the schedule that it is for. */
const TIME_LABEL = "mflow.scheduledAt";

const UNFINISHED: RunStage[] = ["PENDING", "ACTIVE", "CANCELING"];
/** Runs of one schedule that are canceled at once. */
const MANY = 500;
/** Among so many of the newest runs is the one whose start was not written down. */
const NEWEST = 20;

/** Where the pipeline of a schedule is, and with it its runs. Rejects with NOT_FOUND when it is gone. */
export async function pipelineScope(catalog: CatalogStore, schedule: Schedule): Promise<Scope> {
  const { spec, domain, namespace } = schedule;
  const ref = parsePipelineRef(spec.pipeline, { domain, namespace });
  if (!("id" in ref)) return { domain: ref.domain, namespace: ref.namespace };
  const pipeline = await catalog.pipeline(ref.id);
  if (!pipeline) throw new MflowError("NOT_FOUND", `there is no pipeline \`${spec.pipeline}\``);
  return { domain: pipeline.domain, namespace: pipeline.namespace };
}

/** What runs of a schedule are labelled with; where names of schedules could meet, with its scope. */
function labelOf({ name, domain, namespace }: Schedule, scope: Scope): string {
  const isHere = domain === scope.domain && namespace === scope.namespace;
  return isHere ? name : `${name}@${namespace}.${domain}`;
}

/** The request of a run; without a time it is started by hand. */
export function runRequest(
  schedule: Schedule,
  scope: Scope,
  { time, queue }: { time?: string; queue?: boolean | undefined },
): RunPipelineRequest {
  const { name, domain, namespace, spec } = schedule;
  const { pipeline, runParams, labels } = spec;
  const ref = parsePipelineRef(pipeline, { domain, namespace });
  return {
    // In full: it is read from the scope of the pipeline.
    pipelineId: "id" in ref ? pipeline : `${ref.name}@${ref.namespace}.${ref.domain}`,
    ...(runParams && { runParams }),
    labels: {
      ...labels,
      [SCHEDULE_LABEL]: labelOf({ ...schedule, name }, scope),
      ...(time !== undefined && { [TIME_LABEL]: time }),
    },
    triggerMode: time === undefined ? "MANUAL" : "SCHEDULE",
    ...(queue !== undefined && { queue }),
  };
}

/** The runs of a schedule that have not ended, newest first. */
export async function unfinishedRuns(
  runs: Pick<RunStore, "listRuns">,
  schedule: Schedule,
  scope: Scope,
): Promise<PipelineTask[]> {
  const labels = { [SCHEDULE_LABEL]: labelOf(schedule, scope) };
  return (await runs.listRuns({ scope, labels, stages: UNFINISHED, limit: MANY })).items;
}

/** The run that a schedule started last for a time after `doneUntil`, when that was not written down. */
export async function unnotedRun(
  runs: Pick<RunStore, "listRuns">,
  schedule: Schedule,
  scope: Scope,
  doneUntil: string,
): Promise<{ run: PipelineTask; time: string } | undefined> {
  const labels = { [SCHEDULE_LABEL]: labelOf(schedule, scope) };
  const { items } = await runs.listRuns({ scope, labels, limit: NEWEST });
  for (const run of items) {
    const time = run.labels?.[TIME_LABEL];
    // Somebody else of the same name had it before the schedule was made.
    if (run.createdAt < schedule.createdAt || run.triggerMode !== "SCHEDULE" || time === undefined) continue;
    if (time > doneUntil) return { run, time };
  }
  return undefined;
}

/** Whether a run has not ended; one that was deleted has. */
export async function isUnfinished(runs: Pick<RunStore, "run">, id: string): Promise<boolean> {
  const run = await runs.run(id);
  return run !== undefined && UNFINISHED.includes(run.status.stage);
}
