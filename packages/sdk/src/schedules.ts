// Schedules: pipelines that start by the clock.

import type { ApiPage, RunPipelineResponse } from "@mflow/core/schema/api";
import type {
  PauseScheduleRequest,
  ScheduleManifest,
  ScheduleQuery,
  ScheduleView,
} from "@mflow/core/schema/schedule";
import { type IfRevision, type InScope, ifMatch, scopeOf } from "./catalog.ts";
import type { RunOptions } from "./runs.ts";
import { path, type Transport } from "./transport.ts";

/** Schedules are named by id or by `name[@namespace[.domain]]`. */
export function scheduleCalls(transport: Transport) {
  return {
    create: (manifest: ScheduleManifest, scope: InScope = {}) =>
      transport.json<ScheduleView>({
        method: "POST",
        path: "/schedules",
        query: { ...scope },
        body: manifest,
      }),
    list: (query: ScheduleQuery = {}) => transport.json<ApiPage<ScheduleView>>({ path: "/schedules", query }),
    /** With what it has done, and its next five times. */
    get: (ref: string, scope: InScope = {}) =>
      transport.json<ScheduleView>({ path: path`/schedules/${ref}`, query: { ...scope } }),
    /** By a manifest of the same name. */
    replace: (ref: string, manifest: ScheduleManifest, options: InScope & IfRevision = {}) =>
      transport.json<ScheduleView>({
        method: "PUT",
        path: path`/schedules/${ref}`,
        query: scopeOf(options),
        body: manifest,
        headers: ifMatch(options),
      }),
    /** Its runs stay. */
    remove: (ref: string, options: InScope & IfRevision = {}) =>
      transport.json<void>({
        method: "DELETE",
        path: path`/schedules/${ref}`,
        query: scopeOf(options),
        headers: ifMatch(options),
      }),
    /** Nothing starts until it is resumed. */
    pause: (ref: string, request: PauseScheduleRequest = {}, options: InScope & IfRevision = {}) =>
      transport.json<ScheduleView>({
        method: "POST",
        path: path`/schedules/${ref}/pause`,
        query: scopeOf(options),
        body: request,
        headers: ifMatch(options),
      }),
    /** Whoever resumes it becomes its owner. */
    resume: (ref: string, options: InScope & IfRevision = {}) =>
      transport.json<ScheduleView>({
        method: "POST",
        path: path`/schedules/${ref}/resume`,
        query: scopeOf(options),
        headers: ifMatch(options),
      }),
    /** Starts a run now; `queue`: whether it waits in line. */
    trigger: (ref: string, { idempotencyKey, ...query }: RunOptions & { queue?: boolean } = {}) =>
      transport.json<RunPipelineResponse>({
        method: "POST",
        path: path`/schedules/${ref}/trigger`,
        query: { ...query },
        headers: { "idempotency-key": idempotencyKey ?? crypto.randomUUID() },
        repeatable: true,
      }),
  };
}
