// A schedule among the documents of an apply. Its pipeline is known by then.

import { type ErrorDetail, MflowError } from "@mflow/core/errors";
import { parsePipelineRef } from "@mflow/core/reference";
import { refuseProblems } from "@mflow/core/refuse-problems";
import type { Pipeline } from "@mflow/core/schema/pipeline";
import type { Scope } from "@mflow/core/schema/scalars";
import type { ScheduleManifest } from "@mflow/core/schema/schedule";
import type { Applied, Applying } from "./applying.ts";
import { compareSchedules } from "./compare-records.ts";
import { scopeOf } from "./describing.ts";
import { restoreSchedule } from "./masked-values.ts";
import { scheduleFrom } from "./schedule-record.ts";
import { scheduledPipeline } from "./scheduled-pipeline.ts";

export async function applySchedule(applying: Applying, manifest: ScheduleManifest): Promise<Applied> {
  const { context, options } = applying;
  const { store, vault } = context;
  const { name } = manifest.metadata;
  const scope = scopeOf(manifest.metadata, options.scope);
  const what = `Schedule ${name}`;
  options.mayWrite(scope);
  applying.once(what, scope);
  const stored = await store.findSchedule(scope, name);
  applying.checkStored(what, stored);
  const { needed, sensitive } = await scheduledPipeline(
    await pipelineOf(applying, manifest, scope),
    (ref) => applying.pipeline(ref),
    applying.lookup,
  );
  for (const pipeline of needed) applying.need(pipeline, `${what} needs it`);
  const problems: ErrorDetail[] = [];
  const spec = restoreSchedule(manifest.spec, stored?.spec, sensitive, vault, problems);
  refuseProblems(problems);
  const { schedule, action } = scheduleFrom(context, manifest, spec, sensitive, scope, stored, options.actor);
  if (action !== "UNCHANGED") {
    applying.changes.push({ put: "schedule", schedule, expectedRevision: stored?.revision ?? 0 });
  }
  const compared = options.compare && compareSchedules(stored, schedule, vault);
  return { kind: "Schedule", record: schedule, action, ...(compared && { compared }) };
}

/** The pipeline that a schedule names. Whoever applies must be allowed to run it: its runs have their rights. */
async function pipelineOf(applying: Applying, { spec }: ScheduleManifest, scope: Scope): Promise<Pipeline> {
  const pipeline = await applying.pipeline(parsePipelineRef(spec.pipeline, scope));
  if (pipeline) applying.options.mayWrite(pipeline);
  if (pipeline) return pipeline;
  const message = `there is no pipeline \`${spec.pipeline}\``;
  throw new MflowError("INVALID_DOCUMENT", message, [{ path: "/spec/pipeline", message }]);
}
