// The plain form of a spec: the order of keys, the form in which values are written, and defaults that are spelled out make
// no difference in it. Specs that mean the same have equal forms, and what differs between two forms is what differs in
// meaning.

import { CATCH_UP_LIMIT } from "@mflow/core/late-times";
import type { NextPipeline } from "@mflow/core/schema/chain";
import { DEFAULT_QUEUE_LENGTH } from "@mflow/core/schema/concurrency";
import type { JobSpec } from "@mflow/core/schema/job";
import {
  type GivenPipelineSpec,
  isExtending,
  type PipelineOverrides,
  type StageOverride,
  type StageSpec,
  type TaskOverride,
  type TaskSpec,
} from "@mflow/core/schema/pipeline";
import type { ScheduleSpec } from "@mflow/core/schema/schedule";
import {
  concurrency,
  declaration,
  duration,
  gate,
  kept,
  listeners,
  moment,
  retry,
  unless,
  unlessEmpty,
  values,
  withoutEmptyLists,
} from "./plain-parts.ts";

/** A task, or what differs in one. */
function task(spec: Partial<TaskSpec>): object {
  return {
    ...spec,
    ...listeners(spec),
    ...kept(spec),
    // Without needs a task goes by its stage; with an empty list it waits for nothing.
    needs: spec.needs && [...new Set(spec.needs)].sort(),
    retry: retry(spec.retry),
    concurrency: concurrency(spec.concurrency),
    job: spec.job?.replace(/:latest$/, ""),
    runParams: values(spec.runParams),
    timeout: duration(spec.timeout),
    labels: unlessEmpty(spec.labels),
    audit: gate(spec.audit),
    confirm: gate(spec.confirm),
  };
}

function wholeTask(spec: TaskSpec): object {
  return {
    ...withoutEmptyLists(task(spec)),
    skipRun: unless(spec.skipRun, false),
    ignoreFailed: unless(spec.ignoreFailed, false),
  };
}

function stage(spec: StageSpec, failFast: boolean | undefined): object {
  return {
    ...spec,
    isParallel: unless(spec.isParallel, false),
    failFast: failFast === undefined ? spec.failFast : unless(spec.failFast, failFast),
    ignoreFailed: unless(spec.ignoreFailed, false),
    finally: unless(spec.finally, false),
    timeout: duration(spec.timeout),
    with: values(spec.with),
    tasks: spec.tasks.map(wholeTask),
  };
}

/** What is overridden: a default that is spelled out is another value than that of the extended pipeline. */
function overrides({ stages, tasks, unset }: PipelineOverrides = {}): unknown {
  const names = (list: string[] | undefined) => unlessEmpty([...new Set(list)].sort());
  const rest = (spec: { remove?: boolean; unset?: string[] }) => ({
    remove: unless(spec.remove, false),
    unset: names(spec.unset),
  });
  const stageForm = (spec: StageOverride) =>
    unlessEmpty({
      ...spec,
      with: values(spec.with),
      tasks: unlessEmpty(spec.tasks?.map(wholeTask)),
      ...rest(spec),
    });
  const taskForm = (spec: TaskOverride) => unlessEmpty({ ...task(spec as Partial<TaskSpec>), ...rest(spec) });
  return unlessEmpty({
    stages: stages && unlessEmpty(mapValues(stages, stageForm)),
    tasks: tasks && unlessEmpty(mapValues(tasks, taskForm)),
    unset: names(unset),
  });
}

function mapValues<V>(record: Record<string, V>, change: (value: V) => unknown): object {
  return Object.fromEntries(Object.entries(record).map(([key, value]) => [key, change(value)]));
}

/** The plain form of a job spec; sealed texts are as they are. */
export function jobForm(spec: JobSpec): object {
  return {
    ...withoutEmptyLists({ ...spec, ...kept(spec) }),
    retry: retry(spec.retry),
    runParams: unlessEmpty(spec.runParams?.map(declaration)),
    rollbackParams: unlessEmpty(spec.rollbackParams?.map(declaration)),
    allowRollback: unless(spec.allowRollback, false),
    manualUpdateStatus: unless(spec.manualUpdateStatus, false),
    timeout: duration(spec.timeout),
    visibility: unless(spec.visibility, "NAMESPACE"),
  };
}

function nextPipeline(next: NextPipeline | undefined): unknown {
  return (
    next && {
      ...next,
      runParams: values(next.runParams),
      labels: unlessEmpty(next.labels),
      queue: unless(next.queue, false),
    }
  );
}

/** The plain form of a pipeline spec; sealed texts are as they are. */
export function pipelineForm(spec: GivenPipelineSpec): object {
  const common = {
    ...spec,
    ...listeners(spec),
    concurrency: concurrency(spec.concurrency),
    // An empty one lets runs wait all the same.
    queue: spec.queue && { maxLength: unless(spec.queue.maxLength, DEFAULT_QUEUE_LENGTH) },
    nextPipeline: nextPipeline(spec.nextPipeline),
    timeout: duration(spec.timeout),
    with: values(spec.with),
    isTemplate: unless(spec.isTemplate, false),
    visibility: unless(spec.visibility, "NAMESPACE"),
  };
  if (isExtending(spec)) {
    const stages = unlessEmpty(spec.stages?.map((one) => stage(one, undefined)));
    return { ...common, stages, overrides: overrides(spec.overrides) };
  }
  const failFast = spec.failFast ?? false;
  return {
    ...withoutEmptyLists(common),
    priority: unless(spec.priority, 0),
    holdLock: unless(spec.holdLock, true),
    isParallel: unless(spec.isParallel, false),
    failFast: unless(failFast, false),
    stages: spec.stages.map((one) => stage(one, failFast)),
  };
}

/** The plain form of a schedule spec; sealed texts are as they are. */
export function scheduleForm(spec: ScheduleSpec): object {
  const { cron, catchUp } = spec;
  const expressions = (Array.isArray(cron) ? cron : [cron]).map((one) => one.trim().replace(/\s+/g, " "));
  const [first, ...others] = [...new Set(expressions)].sort();
  return {
    ...spec,
    cron: others.length === 0 ? first : [first, ...others],
    timeZone: unless(spec.timeZone, "UTC"),
    runParams: values(spec.runParams),
    labels: unlessEmpty(spec.labels),
    overlap: unless(spec.overlap, "SKIP"),
    jitter: unless(duration(spec.jitter), "0ms"),
    paused: unless(spec.paused, false),
    startAt: moment(spec.startAt),
    endAt: moment(spec.endAt),
    catchUp: unlessEmpty(
      catchUp && {
        ...catchUp,
        policy: unless(catchUp.policy, "SKIP"),
        within: duration(catchUp.within),
        limit: unless(catchUp.limit, CATCH_UP_LIMIT),
      },
    ),
  };
}
