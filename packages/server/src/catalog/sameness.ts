// When two specs mean the same: the order of keys, the form in which values are written, and defaults that
// are spelled out make no difference, and neither does the ciphertext of a sealed value. Each spec has one plain form:
// those that mean the same have equal forms, and what differs between two forms is what differs in meaning.

import { canonicalJson } from "@mflow/core/digest";
import { parseDuration } from "@mflow/core/duration";
import { CATCH_UP_LIMIT } from "@mflow/core/late-times";
import { cacheList } from "@mflow/core/schema/cache";
import type { NextPipeline } from "@mflow/core/schema/chain";
import { type Concurrency, DEFAULT_QUEUE_LENGTH } from "@mflow/core/schema/concurrency";
import type { AuditSpec, ConfirmSpec } from "@mflow/core/schema/gate";
import type { JobSpec } from "@mflow/core/schema/job";
import type { Listeners, Webhook } from "@mflow/core/schema/listener";
import { type ParamScope, type ParamValues, paramValueList, type RunParam } from "@mflow/core/schema/param";
import {
  type GivenPipelineSpec,
  isExtending,
  type PipelineOverrides,
  type StageOverride,
  type StageSpec,
  type TaskOverride,
  type TaskSpec,
} from "@mflow/core/schema/pipeline";
import { DEFAULT_BACKOFF, DEFAULT_RETRY_REASONS, type RetrySpec } from "@mflow/core/schema/retry";
import type { ScheduleSpec } from "@mflow/core/schema/schedule";
import type { Vault } from "./context.ts";

/** Absent when it is what an absent one means. */
function unless<T>(value: T | undefined, byDefault: T): T | undefined {
  return value === byDefault ? undefined : value;
}

/** Absent when it is empty. */
function unlessEmpty<T extends object>(value: T | undefined): T | undefined {
  return value && Object.values(value).every((member) => member === undefined) ? undefined : value;
}

const UNITS = [
  ["d", 86_400_000],
  ["h", 3_600_000],
  ["m", 60_000],
  ["s", 1000],
  ["ms", 1],
] as const;

/** A duration in the one way of writing it, e.g. `1h30m`. */
function duration(text: string | undefined): string | undefined {
  if (text === undefined) return undefined;
  let rest = parseDuration(text);
  const parts = UNITS.map(([unit, length]) => {
    const count = Math.floor(rest / length);
    rest -= count * length;
    return count > 0 ? `${count}${unit}` : "";
  });
  return parts.join("") || "0ms";
}

function scope(given: ParamScope | undefined): ParamScope | undefined {
  return given === "*" ? undefined : unlessEmpty(given);
}

/** Values by name. The order of values of one name counts; that of names does not. */
function values(given: ParamValues | undefined): unknown {
  const byName = new Map<string, unknown[]>();
  for (const { name, ...value } of paramValueList(given)) {
    const form = {
      ...value,
      value: String(value.value),
      readOnly: unless(value.readOnly, false),
      sensitive: unless(value.sensitive, false),
      scope: scope(value.scope),
    };
    const isPlain = Object.entries(form).every(([key, part]) => key === "value" || part === undefined);
    byName.set(name, [...(byName.get(name) ?? []), isPlain ? form.value : form]);
  }
  const entries = [...byName].map(([name, all]) => [name, all.length === 1 ? all[0] : all]);
  return unlessEmpty(Object.fromEntries(entries));
}

function declaration(param: RunParam): unknown {
  return {
    ...param,
    usageType: unless(param.usageType, "ENV"),
    valueType: unless(param.valueType, "TEXT"),
    value: param.value === undefined ? undefined : String(param.value),
    enumOptions: unlessEmpty(param.enumOptions),
    required: unless(param.required, false),
    readOnly: unless(param.readOnly, false),
    sensitive: unless(param.sensitive, false),
    searchLabel: unless(param.searchLabel, false),
    eventInject: unless(param.eventInject, false),
    deprecated: unless(param.deprecated, false),
    extension: unlessEmpty(param.extension),
  };
}

function gate(spec: AuditSpec | ConfirmSpec | undefined): unknown {
  if (!spec) return undefined;
  return {
    ...spec,
    enable: unless(spec.enable, true),
    required: unless(spec.required, 1),
    allowSelf: unless(spec.allowSelf, false),
    expiresIn: duration(spec.expiresIn),
    onExpire: unless(spec.onExpire, "DENY"),
    escalateTo: unlessEmpty(spec.escalateTo),
    remindEvery: duration(spec.remindEvery),
  };
}

/** The order of events and ways makes no difference; that of listeners does, for so they are told. */
function listeners({ mentionUsers, imRobots, webhooks }: Listeners): object {
  const events = (names: string[] = []) =>
    unlessEmpty([...new Set(names.map((name) => name.trim().toUpperCase()))].sort());
  const heard = <L extends Pick<Webhook, "events" | "scope">>(listener: L) => ({
    ...listener,
    events: events(listener.events),
    // Unlike elsewhere, `*` is not what an absent scope means.
    scope: listener.scope && (scope(listener.scope) ?? "*"),
  });
  return {
    mentionUsers: mentionUsers?.map((user) => ({
      ...heard(user),
      ways: [...(user.ways ?? ["MAIL", "IM"])].sort(),
    })),
    imRobots: imRobots?.map(heard),
    webhooks: webhooks?.map((webhook) => ({ ...heard(webhook), headers: unlessEmpty(webhook.headers) })),
  };
}

/** Where nothing is extended, an empty list of listeners or files is none; else it takes those of the other away. */
function withoutEmptyLists(form: object): object {
  const lists = ["mentionUsers", "imRobots", "webhooks", "artifacts", "fetch"];
  const isNone = (value: unknown) => Array.isArray(value) && value.length === 0;
  const entries = Object.entries(form).filter(([name, value]) => !lists.includes(name) || !isNone(value));
  return Object.fromEntries(entries);
}

function retry(spec: RetrySpec | undefined): unknown {
  if (!spec) return undefined;
  const { backoff, on = DEFAULT_RETRY_REASONS } = spec;
  const reasons = [...new Set(on)].sort();
  return {
    ...spec,
    backoff: backoff && {
      ...backoff,
      initial: unless(duration(backoff.initial), duration(DEFAULT_BACKOFF.initial)),
      factor: unless(backoff.factor, DEFAULT_BACKOFF.factor),
      max: unless(duration(backoff.max), duration(DEFAULT_BACKOFF.max)),
      jitter: unless(backoff.jitter, DEFAULT_BACKOFF.jitter),
    },
    on: reasons.join() === DEFAULT_RETRY_REASONS.join() ? undefined : reasons,
  };
}

function concurrency(spec: Concurrency | undefined): unknown {
  return (
    spec && {
      ...spec,
      limit: unless(spec.limit, 1),
      cancelInProgress: unless(spec.cancelInProgress, false),
    }
  );
}

/** What a job or a task does with files. */
function kept({ artifacts, fetch, cache }: Pick<TaskSpec, "artifacts" | "fetch" | "cache">): object {
  const caches = cacheList(cache).map((one) => ({ ...one, when: unless(one.when, "ON_SUCCESS") }));
  return {
    artifacts: artifacts?.map((artifact) => ({
      ...artifact,
      retention: duration(artifact.retention),
      optional: unless(artifact.optional, false),
      when: unless(artifact.when, "ON_SUCCESS"),
    })),
    fetch: fetch?.map((one) => ({ ...one, optional: unless(one.optional, false) })),
    cache: caches.length === 1 ? caches[0] : unlessEmpty(caches),
  };
}

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

/** Sealed texts replaced by what `open` makes of them. */
function opened(value: unknown, vault: Pick<Vault, "isSealed">, open: (sealed: string) => string): unknown {
  if (typeof value === "string") return vault.isSealed(value) ? open(value) : value;
  if (value === null || typeof value !== "object") return value;
  if (Array.isArray(value)) return value.map((member) => opened(member, vault, open));
  return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, opened(member, vault, open)]));
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

/** A time in the one way of writing it; what is no time stays. */
function moment(text: string | undefined): string | undefined {
  const time = Date.parse(text ?? "");
  return Number.isNaN(time) ? text : new Date(time).toISOString();
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

/** What `change` makes of the secrets in a form's sealed texts; one whose key is gone stays, and so is like no other. */
export function withSecrets(form: object, vault: Vault, change: (secret: string) => string): object {
  const open = (sealed: string) => {
    try {
      return change(vault.unseal(sealed));
    } catch {
      return change(sealed);
    }
  };
  return opened(form, vault, open) as object;
}

const asItIs = (secret: string) => secret;

/** Equal for job specs that mean the same. */
export function jobMeaning(spec: JobSpec, vault: Vault): string {
  return canonicalJson(withSecrets(jobForm(spec), vault, asItIs));
}

/** Equal for pipeline specs that mean the same. */
export function pipelineMeaning(spec: GivenPipelineSpec, vault: Vault): string {
  return canonicalJson(withSecrets(pipelineForm(spec), vault, asItIs));
}

/** Equal for schedule specs that mean the same. */
export function scheduleMeaning(spec: ScheduleSpec, vault: Vault): string {
  return canonicalJson(withSecrets(scheduleForm(spec), vault, asItIs));
}
