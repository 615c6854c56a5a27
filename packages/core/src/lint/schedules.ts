// Rules on schedules: that their times can be read, come at all and not too often, and that the pipeline and its params
// are there.

import { namesAsked } from "../asked-names.ts";
import { cronProblem } from "../cron.ts";
import { formatDuration, parseDuration } from "../duration.ts";
import { didYouMean } from "../nearest.ts";
import { below } from "../pointer.ts";
import { quoted } from "../quoted.ts";
import { ScheduleTimes } from "../schedule-times.ts";
import { paramValueList } from "../schema/param.ts";
import type { PipelineSpec } from "../schema/pipeline.ts";
import type { Scope } from "../schema/scalars.ts";
import type { ScheduleManifest, ScheduleSpec } from "../schema/schedule.ts";
import { zoneProblem } from "../time-zone.ts";
import { type LintContext, scopeOf } from "./context.ts";
import { isSystemParam } from "./declarations.ts";
import { durationRules } from "./durations.ts";
import { error, type Finding, warning } from "./finding.ts";
import type { JobLookup } from "./jobs.ts";
import type { KnownPipelines } from "./known-pipelines.ts";
import type { PipelineLookup } from "./pipelines.ts";

/** What fires more often is better a service. */
const OFTEN_MS = 10_000;
/** How many times are looked at to say how far apart they are. */
const LOOKED_AT = 500;
/** Where the calendar is looked at when the schedule does not say when it begins: rules know no clock. */
const SOME_DAY = Date.UTC(2026, 0, 1);

/** What a schedule names is looked up in these. */
export interface ScheduleLookups {
  known: KnownPipelines;
  pipelines: PipelineLookup;
  jobs: JobLookup;
}

export function* scheduleRules(
  { metadata, spec }: ScheduleManifest,
  context: LintContext,
  { known, pipelines, jobs }: ScheduleLookups,
): Generator<Finding> {
  if (context.overlay) {
    const message = `a run does not store the schedule ${quoted(metadata.name)}; apply it (\`mflow apply\`)`;
    yield warning("/kind", message);
  }
  const scope = scopeOf(metadata, context.scope);
  const { pipeline, isDocument, error: wrong, warning: doubt } = known.resolve(spec.pipeline, scope);
  if (wrong) yield error("/spec/pipeline", wrong);
  if (doubt) yield warning("/spec/pipeline", doubt);
  const together = pipeline && pipelines.putTogether(pipeline);
  const broken = together?.problems.find(({ severity }) => severity !== "warning");
  if (broken && !isDocument) {
    const message = `pipeline ${quoted(spec.pipeline)} cannot be put together: ${broken.message}`;
    yield error("/spec/pipeline", message);
  }
  // What is wrong with a pipeline of the documents is told there.
  const whole = broken ? undefined : together?.whole?.spec;
  const problems = [...timingProblems(spec)];
  yield* problems;
  const isReadable = problems.length === 0;
  if (isReadable) yield* timesRules(spec);
  yield* catchUpRules(spec);
  if (whole) yield* pipelineRules(spec, whole);
  yield* paramRules(spec, whole && { spec: whole, scope: pipeline?.scope ?? scope }, jobs);
}

/** What cannot be read. */
function* timingProblems({ cron, timeZone, startAt, endAt, jitter }: ScheduleSpec): Generator<Finding> {
  const list = Array.isArray(cron) ? cron : [cron];
  for (const [index, expression] of list.entries()) {
    const problem = cronProblem(expression);
    if (problem) yield error(Array.isArray(cron) ? below("/spec/cron", index) : "/spec/cron", problem);
  }
  const zone = timeZone === undefined ? undefined : zoneProblem(timeZone);
  if (zone) yield error("/spec/timeZone", zone);
  for (const [key, text] of Object.entries({ startAt, endAt })) {
    if (text !== undefined && Number.isNaN(Date.parse(text)))
      yield error(
        `/spec/${key}`,
        `${quoted(text)} is on no calendar; write it like \`2026-03-01T12:00:00Z\``,
      );
  }
  yield* durationRules(jitter, "/spec/jitter");
}

/** Whether the times come, and how far apart. Everything can be read. */
function* timesRules(spec: ScheduleSpec): Generator<Finding> {
  const { startAt, endAt, jitter } = spec;
  if (startAt !== undefined && endAt !== undefined && Date.parse(endAt) <= Date.parse(startAt)) {
    yield error(
      "/spec/endAt",
      "`endAt` is not after `startAt`, so the schedule never fires; correct one of them",
    );
    return;
  }
  const end = endAt === undefined ? Number.POSITIVE_INFINITY : Date.parse(endAt);
  const from = (startAt === undefined ? Math.min(SOME_DAY, end - 366 * 86_400_000) : Date.parse(startAt)) - 1;
  const list = Array.isArray(spec.cron) ? spec.cron : [spec.cron];
  for (const [index, cron] of list.entries()) {
    if (new ScheduleTimes({ ...spec, cron }).after(from) !== undefined) continue;
    const path = Array.isArray(spec.cron) ? below("/spec/cron", index) : "/spec/cron";
    const why = endAt === undefined ? "there is no such day" : "there is no such time before `endAt`";
    yield error(path, `${quoted(cron)} never fires: ${why}; correct it`);
    return;
  }
  const times = new ScheduleTimes(spec).next(from, LOOKED_AT);
  let shortest = Number.POSITIVE_INFINITY;
  for (let index = 1; index < times.length; index++)
    shortest = Math.min(shortest, (times[index] as number) - (times[index - 1] as number));
  if (shortest < OFTEN_MS) {
    yield warning(
      "/spec/cron",
      `this fires every ${formatDuration(shortest)}; what runs more often than each 10s is better a service of its own`,
    );
  }
  if (jitter !== undefined && parseDuration(jitter) > shortest) {
    yield error(
      "/spec/jitter",
      `a jitter of ${quoted(jitter)} is longer than the ${formatDuration(shortest)} between two times; make it shorter`,
    );
  }
}

function* catchUpRules({ catchUp, overlap = "SKIP" }: ScheduleSpec): Generator<Finding> {
  const { policy = "SKIP", within, limit } = catchUp ?? {};
  yield* durationRules(within, "/spec/catchUp/within");
  if (limit !== undefined && policy !== "ALL")
    yield warning("/spec/catchUp/limit", "`limit` is for `policy: ALL` alone; remove it");
  if (within !== undefined && policy === "SKIP")
    yield warning("/spec/catchUp/within", "`within` does nothing with `policy: SKIP`; say `LAST` or `ALL`");
  // They all come at one moment.
  const what = {
    SKIP: "those after the first are skipped while it runs",
    CANCEL_RUNNING: "each cancels the one before",
  }[overlap as string];
  if (policy === "ALL" && what !== undefined) {
    const message = `times that are caught up with come at once, so by \`overlap: ${overlap}\` ${what}; say \`overlap: QUEUE\`, or \`policy: LAST\``;
    yield warning("/spec/catchUp/policy", message);
  }
}

/** Whether the pipeline can do what `overlap` says. */
function* pipelineRules({ overlap = "SKIP" }: ScheduleSpec, pipeline: PipelineSpec): Generator<Finding> {
  if (pipeline.isTemplate)
    yield error("/spec/pipeline", "this pipeline is a template and cannot run; name one that is not");
  const hasLine = pipeline.queue !== undefined || pipeline.concurrency?.cancelInProgress === true;
  if (overlap === "ALLOW" && !pipeline.isParallel && !hasLine) {
    yield warning(
      "/spec/overlap",
      "the pipeline has one run at a time, so that a run is refused while one has not ended; set `isParallel: true` in the pipeline, or `overlap: QUEUE`",
    );
  }
  const isUnbound = pipeline.isParallel && pipeline.maxRuns === undefined && !pipeline.concurrency;
  if (overlap === "QUEUE" && isUnbound) {
    yield warning(
      "/spec/overlap",
      "runs of this pipeline never wait for each other (`isParallel: true`), so that there is no line; say `ALLOW`, or take `isParallel` away",
    );
  }
}

/** Values fill params that the jobs of the pipeline declare. */
function* paramRules(
  { runParams }: ScheduleSpec,
  pipeline: { spec: PipelineSpec; scope: Scope } | undefined,
  jobs: JobLookup,
): Generator<Finding> {
  const tasks = pipeline?.spec.stages.flatMap((stage) => stage.tasks) ?? [];
  const specs = tasks.map((task) => jobs.resolve(task.job, pipeline?.scope as Scope).spec);
  const isKnown = pipeline !== undefined && specs.every((spec) => spec !== undefined);
  const declared = new Set(specs.flatMap((spec) => (spec?.runParams ?? []).map(({ name }) => name)));
  const asked = new Set(pipeline ? namesAsked(pipeline.spec) : []);
  for (const [index, { name }] of paramValueList(runParams).entries()) {
    const isList = Array.isArray(runParams);
    const place = isList
      ? { path: `${below("/spec/runParams", index)}/name` }
      : { path: below("/spec/runParams", name), atKey: true };
    if (isSystemParam(name)) {
      yield { ...error("", `${quoted(name)} is set by mflow itself; remove it`), ...place };
    } else if (isKnown && !declared.has(name) && !asked.has(name)) {
      const remedy = didYouMean(name, declared) || "; declare it in a job, or remove it";
      const message = `no job of the pipeline declares a param ${quoted(name)}, so it is ignored${remedy}`;
      yield { ...warning("", message), ...place };
    }
  }
}
