// What the routes of jobs, pipelines and schedules do alike with one record of the catalogue: find it for a caller, make
// it from its manifest, replace it by one.

import { MflowError } from "@mflow/core/errors";
import { checkRevision } from "@mflow/core/revision";
import type { Job } from "@mflow/core/schema/job";
import type { Pipeline, PipelineManifest } from "@mflow/core/schema/pipeline";
import type { Scope } from "@mflow/core/schema/scalars";
import type { Schedule, ScheduleManifest } from "@mflow/core/schema/schedule";
import { applyManifests } from "../catalog/apply.ts";
import type { ApplyOptions } from "../catalog/applying.ts";
import type { CatalogStore, Role } from "../store/store.ts";
import { type Caller, demand, demandRecord } from "./caller.ts";
import { requestScope } from "./list-query.ts";
import { readManifest } from "./manifest-input.ts";
import type { Call } from "./route.ts";
import type { Services } from "./services.ts";

interface RecordOf {
  Job: Job;
  Pipeline: Pipeline;
  Schedule: Schedule;
}

/** Looks a record up by what a path calls it, within the scope of a request. */
type Find<R> = (store: CatalogStore, ref: string, scope: Scope) => Promise<R | undefined>;

/**
 * Reads the record that a call is about, as often as asked. Each time it rejects with NOT_FOUND, with FORBIDDEN when the
 * caller has not the role, and with STALE_REVISION when it is not as `If-Match` wants it.
 */
export function recordFinder<K extends keyof RecordOf>(
  store: CatalogStore,
  { kind, find }: { kind: K; find: Find<RecordOf[K]> },
  { params, query, revisions }: Call<Partial<Scope>, unknown>,
  caller: Caller,
  role: Role,
): () => Promise<RecordOf[K]> {
  const ref = params.ref ?? "";
  return async () => {
    const record = await find(store, ref, requestScope(query));
    const found = demandRecord(caller, role, record, `${kind.toLowerCase()} \`${ref}\``);
    const version = "version" in found ? `:${found.version}` : "";
    checkRevision(`${kind} ${found.name}${version}`, found.revision, revisions);
    return found;
  };
}

type Sources = Pick<Services, "catalog" | "lint">;

/** Makes a record from its manifest. Rejects with INVALID_DOCUMENT, and with NAME_TAKEN when there is one. */
export function createRecord<K extends keyof RecordOf>(
  sources: Sources,
  kind: K,
  manifest: unknown,
  scope: Scope,
  caller: Caller,
): Promise<RecordOf[K]> {
  return applyOne(sources, kind, manifest, scope, caller, { only: "NEW" });
}

/**
 * Replaces a record by a manifest of its name. Rejects with BAD_REQUEST when that is another one, with INVALID_DOCUMENT, and
 * with STALE_REVISION when it changed after it was found.
 */
export function replaceRecord<K extends "Pipeline" | "Schedule">(
  sources: Sources,
  kind: K,
  { domain, namespace, name }: RecordOf[K],
  { body, revisions }: Call<unknown, PipelineManifest | ScheduleManifest>,
  caller: Caller,
): Promise<RecordOf[K]> {
  const { metadata } = body;
  if (metadata.name !== name) {
    const message = `The manifest is of ${metadata.name}, the ${kind.toLowerCase()} is ${name}.`;
    throw new MflowError("BAD_REQUEST", message);
  }
  const scope = { domain, namespace };
  const manifest = { ...body, metadata: { ...metadata, ...scope } };
  return applyOne(sources, kind, manifest, scope, caller, {
    checkStored: (stored) => checkRevision(`${kind} ${name}`, stored.revision, revisions),
  });
}

async function applyOne<K extends keyof RecordOf>(
  { catalog, lint }: Sources,
  kind: K,
  manifest: unknown,
  scope: Scope,
  caller: Caller,
  options: Pick<ApplyOptions, "only" | "checkStored">,
): Promise<RecordOf[K]> {
  const document = await readManifest(lint, manifest, kind, scope);
  const { documents } = await applyManifests(catalog, [document], {
    scope,
    actor: caller.name,
    mayWrite: (where) => demand(caller, "operator", where),
    ...options,
  });
  // Of one document comes one record of its kind.
  return documents[0]?.record as RecordOf[K];
}
