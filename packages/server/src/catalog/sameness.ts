// When two specs mean the same: the order of keys, the form in which values are written, and defaults that
// are spelled out make no difference, and neither does the ciphertext of a sealed value.

import { canonicalJson } from "@mflow/core/digest";
import { parseDuration } from "@mflow/core/duration";
import type { AuditSpec, ConfirmSpec } from "@mflow/core/schema/gate";
import type { JobSpec } from "@mflow/core/schema/job";
import type { Listeners, Webhook } from "@mflow/core/schema/listener";
import {
  type ParamScope,
  type ParamValue,
  type ParamValues,
  paramValueList,
  type RunParam,
} from "@mflow/core/schema/param";
import type { PipelineSpec, StageSpec, TaskSpec } from "@mflow/core/schema/pipeline";
import type { ScheduleSpec } from "@mflow/core/schema/schedule";
import type { Vault } from "./context.ts";

/** Absent when it is what an absent one means. */
function unless<T>(value: T | undefined, byDefault: T): T | undefined {
  return value === byDefault ? undefined : value;
}

/** Absent when it is empty. */
function unlessEmpty<T extends object>(value: T | undefined): T | undefined {
  return value && Object.keys(value).length === 0 ? undefined : value;
}

function duration(text: string | undefined): number | undefined {
  return text === undefined ? undefined : parseDuration(text);
}

function scope(given: ParamScope | undefined): ParamScope | undefined {
  return given === "*" ? undefined : unlessEmpty(given);
}

/** The order of values of one name counts; that of names does not. */
function values(given: ParamValues | undefined): unknown {
  const list = paramValueList(given).map((value: ParamValue) => ({
    ...value,
    value: String(value.value),
    readOnly: unless(value.readOnly, false),
    sensitive: unless(value.sensitive, false),
    scope: scope(value.scope),
  }));
  return unlessEmpty(list.sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0)));
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
    mentionUsers: unlessEmpty(
      mentionUsers?.map((user) => ({ ...heard(user), ways: [...(user.ways ?? ["MAIL", "IM"])].sort() })),
    ),
    imRobots: unlessEmpty(imRobots?.map(heard)),
    webhooks: unlessEmpty(
      webhooks?.map((webhook) => ({ ...heard(webhook), headers: unlessEmpty(webhook.headers) })),
    ),
  };
}

function task(spec: TaskSpec): unknown {
  return {
    ...spec,
    ...listeners(spec),
    job: spec.job.replace(/:latest$/, ""),
    runParams: values(spec.runParams),
    skipRun: unless(spec.skipRun, false),
    ignoreFailed: unless(spec.ignoreFailed, false),
    timeout: duration(spec.timeout),
    labels: unlessEmpty(spec.labels),
    audit: gate(spec.audit),
    confirm: gate(spec.confirm),
  };
}

function stage(spec: StageSpec, failFast: boolean): unknown {
  return {
    ...spec,
    isParallel: unless(spec.isParallel, false),
    failFast: unless(spec.failFast, failFast),
    with: values(spec.with),
    tasks: spec.tasks.map(task),
  };
}

/** Sealed texts opened; one whose key is gone stays, and so is like no other. */
function opened(value: unknown, vault: Vault): unknown {
  if (typeof value === "string") {
    if (!vault.isSealed(value)) return value;
    try {
      return vault.unseal(value);
    } catch {
      return value;
    }
  }
  if (value === null || typeof value !== "object") return value;
  if (Array.isArray(value)) return value.map((member) => opened(member, vault));
  return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, opened(member, vault)]));
}

/** Equal for job specs that mean the same. */
export function jobMeaning(spec: JobSpec, vault: Vault): string {
  const meaning = {
    ...spec,
    runParams: unlessEmpty(spec.runParams?.map(declaration)),
    rollbackParams: unlessEmpty(spec.rollbackParams?.map(declaration)),
    allowRollback: unless(spec.allowRollback, false),
    manualUpdateStatus: unless(spec.manualUpdateStatus, false),
    timeout: duration(spec.timeout),
    visibility: unless(spec.visibility, "NAMESPACE"),
  };
  return canonicalJson(opened(meaning, vault));
}

/** Equal for pipeline specs that mean the same. */
export function pipelineMeaning(spec: PipelineSpec, vault: Vault): string {
  const failFast = spec.failFast ?? false;
  const meaning = {
    ...spec,
    ...listeners(spec),
    with: values(spec.with),
    isTemplate: unless(spec.isTemplate, false),
    isParallel: unless(spec.isParallel, false),
    failFast: unless(failFast, false),
    stages: spec.stages.map((one) => stage(one, failFast)),
  };
  return canonicalJson(opened(meaning, vault));
}

/** Equal for schedule specs that mean the same. */
export function scheduleMeaning(spec: ScheduleSpec, vault: Vault): string {
  const { cron, catchUp } = spec;
  const expressions = (Array.isArray(cron) ? cron : [cron]).map((one) => one.trim().replace(/\s+/g, " "));
  const meaning = {
    ...spec,
    cron: [...new Set(expressions)].sort(),
    timeZone: unless(spec.timeZone, "UTC"),
    runParams: values(spec.runParams),
    labels: unlessEmpty(spec.labels),
    overlap: unless(spec.overlap, "SKIP"),
    jitter: duration(spec.jitter) || undefined,
    paused: unless(spec.paused, false),
    startAt: spec.startAt && Date.parse(spec.startAt),
    endAt: spec.endAt && Date.parse(spec.endAt),
    catchUp:
      catchUp &&
      unlessEmpty({
        ...(catchUp.policy && catchUp.policy !== "SKIP" && { policy: catchUp.policy }),
        ...(catchUp.within !== undefined && { within: duration(catchUp.within) }),
        ...(catchUp.limit !== undefined && { limit: catchUp.limit }),
      }),
  };
  return canonicalJson(opened(meaning, vault));
}
