// Jobs, pipelines and manifests: what can be run.

import type {
  ApiPage,
  ApplyRequest,
  ApplyResult,
  DiffRequest,
  DiffResult,
  JobQuery,
  LintRequest,
  LintResult,
  OnePipelineQuery,
  PatchJobRequest,
  PipelineQuery,
  PipelineView,
} from "@mflow/core/schema/api";
import type { Job, JobManifest } from "@mflow/core/schema/job";
import type { Pause, PauseRequest } from "@mflow/core/schema/pause";
import type { Pipeline, PipelineManifest } from "@mflow/core/schema/pipeline";
import type { PipelineTask } from "@mflow/core/schema/pipeline-task";
import type { CancelRequest } from "@mflow/core/schema/request";
import type { Scope } from "@mflow/core/schema/scalars";
import { path, type Transport } from "./transport.ts";

/** The scope for what a call or document leaves open. */
export type InScope = Partial<Scope>;

/** Makes a change conditional: it is refused with STALE_REVISION when the record has another revision. */
export interface IfRevision {
  revision?: number;
}

/** The header that makes a write depend on a revision; none without one. */
export function ifMatch(condition: IfRevision | undefined): Record<string, string> {
  return condition?.revision === undefined ? {} : { "if-match": `"${condition.revision}"` };
}

/** Jobs are named by id or by `name[@namespace[.domain]][:version]`. */
export function jobCalls(transport: Transport) {
  return {
    /** A DRAFT, or with `publish: true` a PUBLISHED version. */
    create: (manifest: JobManifest, scope: InScope = {}) =>
      transport.json<Job>({ method: "POST", path: "/jobs", query: { ...scope }, body: manifest }),
    list: (query: JobQuery = {}) => transport.json<ApiPage<Job>>({ path: "/jobs", query }),
    get: (ref: string, scope: InScope = {}) =>
      transport.json<Job>({ path: path`/jobs/${ref}`, query: { ...scope } }),
    patch: (ref: string, patch: PatchJobRequest, options: InScope & IfRevision = {}) =>
      transport.json<Job>({
        method: "PATCH",
        path: path`/jobs/${ref}`,
        query: scopeOf(options),
        body: patch,
        headers: ifMatch(options),
      }),
    publish: (ref: string, scope: InScope = {}) =>
      transport.json<Job>({ method: "POST", path: path`/jobs/${ref}/publish`, query: { ...scope } }),
    deprecate: (ref: string, scope: InScope = {}) =>
      transport.json<Job>({ method: "POST", path: path`/jobs/${ref}/deprecate`, query: { ...scope } }),
    /** A DRAFT only. */
    remove: (ref: string, options: InScope & IfRevision = {}) =>
      transport.json<void>({
        method: "DELETE",
        path: path`/jobs/${ref}`,
        query: scopeOf(options),
        headers: ifMatch(options),
      }),
  };
}

/** Pipelines are named by id or by `name[@namespace[.domain]]`. */
export function pipelineCalls(transport: Transport) {
  return {
    create: (manifest: PipelineManifest, scope: InScope = {}) =>
      transport.json<Pipeline>({ method: "POST", path: "/pipelines", query: { ...scope }, body: manifest }),
    list: (query: PipelineQuery = {}) => transport.json<ApiPage<PipelineView>>({ path: "/pipelines", query }),
    /** `resolved`: put together with the pipelines that it extends. */
    get: (ref: string, query: OnePipelineQuery = {}) =>
      transport.json<PipelineView>({ path: path`/pipelines/${ref}`, query: { ...query } }),
    /** By a manifest of the same name. */
    replace: (ref: string, manifest: PipelineManifest, options: InScope & IfRevision = {}) =>
      transport.json<Pipeline>({
        method: "PUT",
        path: path`/pipelines/${ref}`,
        query: scopeOf(options),
        body: manifest,
        headers: ifMatch(options),
      }),
    /** Nothing new of its runs starts until it is resumed; new runs wait. */
    pause: (ref: string, request: PauseRequest = {}, scope: InScope = {}) =>
      transport.json<Pause>({
        method: "POST",
        path: path`/pipelines/${ref}/pause`,
        query: { ...scope },
        body: request,
        repeatable: true,
      }),
    resume: (ref: string, scope: InScope = {}) =>
      transport.json<void>({
        method: "POST",
        path: path`/pipelines/${ref}/resume`,
        query: { ...scope },
        repeatable: true,
      }),
    /** Cancels all its runs that wait in line; answers with them. */
    cancelQueue: (ref: string, request: CancelRequest = {}, scope: InScope = {}) =>
      transport.json<{ items: PipelineTask[] }>({
        method: "POST",
        path: path`/pipelines/${ref}/cancel-queue`,
        query: { ...scope },
        body: request,
      }),
    remove: (ref: string, options: InScope & IfRevision = {}) =>
      transport.json<void>({
        method: "DELETE",
        path: path`/pipelines/${ref}`,
        query: scopeOf(options),
        headers: ifMatch(options),
      }),
  };
}

/** The scope alone, of options that may hold more. */
export function scopeOf({ domain, namespace }: InScope): InScope {
  return { domain, namespace };
}

export function manifestCalls(transport: Transport) {
  return {
    /** Stores all documents, or none when one is bad. The same again changes nothing. */
    apply: (request: ApplyRequest) =>
      transport.json<ApplyResult>({ method: "POST", path: "/apply", body: request, repeatable: true }),
    /** What an apply would change, field by field. */
    diff: (request: DiffRequest) =>
      transport.json<DiffResult>({ method: "POST", path: "/diff", body: request, repeatable: true }),
    /** All problems, those with what is stored included. `cluster`: is asked as well. */
    lint: (request: LintRequest, { cluster }: { cluster?: string } = {}) =>
      transport.json<LintResult>({
        method: "POST",
        path: "/lint",
        body: request,
        query: { cluster },
        repeatable: true,
      }),
  };
}
