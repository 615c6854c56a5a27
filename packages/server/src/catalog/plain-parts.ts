// The plain forms of what several specs are made of: values, params, gates, listeners, files. See plain-form.ts.

import { parseDuration } from "@mflow/core/duration";
import { cacheList } from "@mflow/core/schema/cache";
import type { Concurrency } from "@mflow/core/schema/concurrency";
import type { AuditSpec, ConfirmSpec } from "@mflow/core/schema/gate";
import type { Listeners, Webhook } from "@mflow/core/schema/listener";
import { type ParamScope, type ParamValues, paramValueList, type RunParam } from "@mflow/core/schema/param";
import type { TaskSpec } from "@mflow/core/schema/pipeline";
import { DEFAULT_BACKOFF, DEFAULT_RETRY_REASONS, type RetrySpec } from "@mflow/core/schema/retry";

/** Absent when it is what an absent one means. */
export function unless<T>(value: T | undefined, byDefault: T): T | undefined {
  return value === byDefault ? undefined : value;
}

/** Absent when it is empty. */
export function unlessEmpty<T extends object>(value: T | undefined): T | undefined {
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
export function duration(text: string | undefined): string | undefined {
  if (text === undefined) return undefined;
  let rest = parseDuration(text);
  const parts = UNITS.map(([unit, length]) => {
    const count = Math.floor(rest / length);
    rest -= count * length;
    return count > 0 ? `${count}${unit}` : "";
  });
  return parts.join("") || "0ms";
}

/** A time in the one way of writing it; what is no time stays. */
export function moment(text: string | undefined): string | undefined {
  const time = Date.parse(text ?? "");
  return Number.isNaN(time) ? text : new Date(time).toISOString();
}

function scope(given: ParamScope | undefined): ParamScope | undefined {
  return given === "*" ? undefined : unlessEmpty(given);
}

/** Values by name. The order of values of one name counts; that of names does not. */
export function values(given: ParamValues | undefined): unknown {
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

/** A param as a job declares it. */
export function declaration(param: RunParam): unknown {
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

/** An audit or a confirm; nothing of one that is not there. */
export function gate(spec: AuditSpec | ConfirmSpec | undefined): unknown {
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
export function listeners({ mentionUsers, imRobots, webhooks }: Listeners): object {
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
export function withoutEmptyLists(form: object): object {
  const lists = ["mentionUsers", "imRobots", "webhooks", "artifacts", "fetch"];
  const isNone = (value: unknown) => Array.isArray(value) && value.length === 0;
  const entries = Object.entries(form).filter(([name, value]) => !lists.includes(name) || !isNone(value));
  return Object.fromEntries(entries);
}

/** How a task is tried again; the order of reasons makes no difference. */
export function retry(spec: RetrySpec | undefined): unknown {
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

/** A group of a pipeline or a task. */
export function concurrency(spec: Concurrency | undefined): unknown {
  return (
    spec && {
      ...spec,
      limit: unless(spec.limit, 1),
      cancelInProgress: unless(spec.cancelInProgress, false),
    }
  );
}

/** What a job or a task does with files. */
export function kept({ artifacts, fetch, cache }: Pick<TaskSpec, "artifacts" | "fetch" | "cache">): object {
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
