// Pause and resume: of a run, of a pipeline, of the whole server. Nothing new starts, what runs goes on.

import { ScopeQuery, ServerInfo } from "@mflow/core/schema/api";
import { Pause, PauseRequest } from "@mflow/core/schema/pause";
import { PipelineTask } from "@mflow/core/schema/pipeline-task";
import { CancelRequest } from "@mflow/core/schema/request";
import type { Scope } from "@mflow/core/schema/scalars";
import { Type } from "@mflow/core/schema/type";
import { findPipeline } from "../../catalog/find.ts";
import { actorIn, type Caller, demand, demandRecord } from "../caller.ts";
import { requestScope } from "../list-query.ts";
import { readinessOf } from "../readiness.ts";
import { type Route, route } from "../route.ts";
import type { Services } from "../services.ts";

const EVERYWHERE: Scope = { domain: "*", namespace: "*" };
const firstStands = "Paused again: nothing changes, the first pause stands.";
const named = "`ref` is as in `getPipeline`.";

const CanceledRuns = Type.Object(
  { items: Type.Array(PipelineTask, { description: "The runs that were canceled, in their order." }) },
  { additionalProperties: false },
);

export function pauseRoutes({ store, engine, version, state }: Services): Route[] {
  async function findRun(id: string | undefined, caller: Caller): Promise<PipelineTask> {
    const run = await store.runs.run(id ?? "");
    return demandRecord(caller, "operator", run, `run ${id}`);
  }

  async function pausable(ref: string | undefined, query: Partial<Scope>, caller: Caller) {
    const pipeline = await findPipeline(store.catalog, ref ?? "", requestScope(query));
    const { domain, namespace, name } = demandRecord(caller, "operator", pipeline, `pipeline \`${ref}\``);
    return { domain, namespace, pipeline: name };
  }

  const server = async (): Promise<ServerInfo> => {
    const pause = engine.pauseOf("server");
    const info: ServerInfo = { version, ...(await readinessOf({ state, store })) };
    if (pause) {
      const { key: _key, ...paused } = pause;
      info.paused = paused;
    }
    return info;
  };

  return [
    route({
      method: "POST",
      path: "/pipeline-tasks/:id/pause",
      id: "pausePipelineTask",
      tag: "Runs",
      summary: "Pause a run",
      description: `Nothing new of it starts; what runs goes on, and gates can be decided. ${firstStands} Needs operator.`,
      access: "caller",
      headers: ["If-Match"],
      body: PauseRequest,
      bodyOptional: true,
      successes: { 200: { description: "The run.", schema: PipelineTask } },
      errors: ["NOT_FOUND", "CONFLICT", "STALE_REVISION"],
      async handle({ params, body, revisions }, caller) {
        const found = await findRun(params.id, caller);
        const run = await engine.pauseRun(found.id, body, actorIn(caller, found), revisions);
        return { body: run, revision: run.revision };
      },
    }),
    route({
      method: "POST",
      path: "/pipeline-tasks/:id/resume",
      id: "resumePipelineTask",
      tag: "Runs",
      summary: "Let a paused run go on",
      description: "One that is not paused stays as it is. Needs operator.",
      access: "caller",
      headers: ["If-Match"],
      successes: { 200: { description: "The run.", schema: PipelineTask } },
      errors: ["NOT_FOUND", "CONFLICT", "STALE_REVISION"],
      async handle({ params, revisions }, caller) {
        const found = await findRun(params.id, caller);
        const run = await engine.resumeRun(found.id, actorIn(caller, found), revisions);
        return { body: run, revision: run.revision };
      },
    }),
    route({
      method: "POST",
      path: "/pipelines/:ref/pause",
      id: "pausePipeline",
      tag: "Pipelines",
      summary: "Pause a pipeline",
      description: `Nothing new of its runs starts, and new runs wait in line. ${firstStands} ${named} Needs operator.`,
      access: "caller",
      query: ScopeQuery,
      body: PauseRequest,
      bodyOptional: true,
      successes: { 200: { description: "The pause.", schema: Pause } },
      errors: ["NOT_FOUND"],
      async handle({ params, query, body }, caller) {
        const what = await pausable(params.ref, query, caller);
        return { body: await engine.pause(what, body, actorIn(caller, what)) };
      },
    }),
    route({
      method: "POST",
      path: "/pipelines/:ref/resume",
      id: "resumePipeline",
      tag: "Pipelines",
      summary: "Let a paused pipeline go on",
      description: `One that is not paused stays as it is. ${named} Needs operator.`,
      access: "caller",
      query: ScopeQuery,
      successes: { 204: { description: "It goes on." } },
      errors: ["NOT_FOUND"],
      async handle({ params, query }, caller) {
        const what = await pausable(params.ref, query, caller);
        await engine.resume(what, actorIn(caller, what));
        return {};
      },
    }),
    route({
      method: "POST",
      path: "/pipelines/:ref/cancel-queue",
      id: "cancelPipelineQueue",
      tag: "Pipelines",
      summary: "Cancel all runs of a pipeline that wait in line",
      description: `Runs that have begun go on. ${named} Needs operator.`,
      access: "caller",
      query: ScopeQuery,
      body: CancelRequest,
      bodyOptional: true,
      successes: { 200: { description: "The runs that were canceled.", schema: CanceledRuns } },
      errors: ["NOT_FOUND"],
      async handle({ params, query, body }, caller) {
        const { pipeline, ...scope } = await pausable(params.ref, query, caller);
        return { body: { items: await engine.cancelQueue(scope, pipeline, body, actorIn(caller, scope)) } };
      },
    }),
    route({
      method: "GET",
      path: "/server",
      id: "getServer",
      tag: "Server",
      summary: "Say how the server stands, and whether it is drained",
      access: "caller",
      successes: { 200: { description: "The server.", schema: ServerInfo } },
      errors: [],
      async handle() {
        return { body: await server() };
      },
    }),
    route({
      method: "POST",
      path: "/server/drain",
      id: "drainServer",
      tag: "Server",
      summary: "Let nothing new start on the server",
      description: `New runs are taken and wait; what runs goes on. It holds over restarts. ${firstStands} Needs admin everywhere.`,
      access: "caller",
      body: PauseRequest,
      bodyOptional: true,
      successes: { 200: { description: "The server.", schema: ServerInfo } },
      errors: [],
      async handle({ body }, caller) {
        demand(caller, "admin");
        await engine.pause("server", body, actorIn(caller, EVERYWHERE));
        return { body: await server() };
      },
    }),
    route({
      method: "POST",
      path: "/server/resume",
      id: "resumeServer",
      tag: "Server",
      summary: "Let a drained server go on",
      description:
        "All that waits starts in its order. One that is not drained stays as it is. Needs admin everywhere.",
      access: "caller",
      successes: { 200: { description: "The server.", schema: ServerInfo } },
      errors: [],
      async handle(_call, caller) {
        demand(caller, "admin");
        await engine.resume("server", actorIn(caller, EVERYWHERE));
        return { body: await server() };
      },
    }),
  ];
}
