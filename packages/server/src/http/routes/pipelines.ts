// Pipelines: stages of tasks that run in order (semantics, section 5).

import { putTogetherFrom, requireWhole, sourceOf } from "@mflow/core/extend-pipeline";
import {
  OnePipelineQuery,
  PipelinePage,
  PipelineQuery,
  PipelineView,
  ScopeQuery,
} from "@mflow/core/schema/api";
import { Pipeline, PipelineManifest } from "@mflow/core/schema/pipeline";
import type { Scope } from "@mflow/core/schema/scalars";
import { deletePipeline } from "../../catalog/delete-record.ts";
import { findPipeline } from "../../catalog/find.ts";
import type { Role } from "../../store/store.ts";
import { actorIn, type Caller } from "../caller.ts";
import { pageQuery, requestScope } from "../list-query.ts";
import { createRecord, recordFinder, replaceRecord } from "../one-record.ts";
import { type Answer, type Call, type Route, route } from "../route.ts";
import type { Services } from "../services.ts";

const tag = "Pipelines";
const named =
  "`ref` is the pipeline's id, `#id`, or `name[@namespace[.domain]]`; what is left out comes from the query.";

function answer(pipeline: Pipeline): Answer {
  return { body: pipeline, revision: pipeline.revision };
}

export function pipelineRoutes(services: Services): Route[] {
  const { store, catalog, engine } = services;
  function view(pipeline: Pipeline): PipelineView {
    const { domain, namespace, name } = pipeline;
    const pause = engine.pauseOf({ domain, namespace, pipeline: name });
    if (!pause) return pipeline;
    const { key: _key, ...paused } = pause;
    return { ...pipeline, paused };
  }

  const finder = (call: Call<Partial<Scope>, unknown>, caller: Caller, role: Role) =>
    recordFinder(store.catalog, { kind: "Pipeline", find: findPipeline }, call, caller, role);

  return [
    route({
      method: "GET",
      path: "/pipelines",
      id: "listPipelines",
      tag,
      summary: "List pipelines, newest first",
      access: "caller",
      query: PipelineQuery,
      successes: { 200: { description: "A page of pipelines.", schema: PipelinePage } },
      errors: [],
      async handle({ query }, caller) {
        const { name } = query;
        const page = await store.catalog.listPipelines({ ...pageQuery(caller, query), name });
        return { body: { ...page, items: page.items.map(view) } };
      },
    }),
    route({
      method: "POST",
      path: "/pipelines",
      id: "createPipeline",
      tag,
      summary: "Create a pipeline from its manifest",
      description: "The jobs that it names must exist. Needs operator.",
      access: "caller",
      query: ScopeQuery,
      body: PipelineManifest,
      readsBodyItself: true,
      successes: { 201: { description: "The new pipeline.", schema: Pipeline } },
      errors: ["INVALID_DOCUMENT", "NAME_TAKEN"],
      async handle({ query, body }, caller) {
        const pipeline = await createRecord(services, "Pipeline", body, requestScope(query), caller);
        return { status: 201, ...answer(pipeline) };
      },
    }),
    route({
      method: "GET",
      path: "/pipelines/:ref",
      id: "getPipeline",
      tag,
      summary: "Get a pipeline",
      description: `With \`resolved\` one that extends another is put together as a run would have it now. ${named}`,
      access: "caller",
      query: OnePipelineQuery,
      successes: { 200: { description: "The pipeline.", schema: PipelineView } },
      errors: ["NOT_FOUND", "INVALID_DOCUMENT"],
      async handle(call, caller) {
        const pipeline = await finder(call, caller, "viewer")();
        const { revision } = pipeline;
        if (!call.query.resolved) return { body: view(pipeline), revision };
        const together = await putTogetherFrom(sourceOf(pipeline), async (ref) => {
          const extended = await store.catalog.findPipeline(ref, ref.name);
          return extended && sourceOf(extended);
        });
        const { spec } = requireWhole(together, pipeline.name);
        return { body: view({ ...pipeline, spec }), revision };
      },
    }),
    route({
      method: "PUT",
      path: "/pipelines/:ref",
      id: "replacePipeline",
      tag,
      summary: "Replace a pipeline by a manifest of its name",
      description: `Runs that have started keep the pipeline as it was. ${named} Needs operator.`,
      access: "caller",
      headers: ["If-Match"],
      query: ScopeQuery,
      body: PipelineManifest,
      successes: { 200: { description: "The pipeline as it is now.", schema: Pipeline } },
      errors: ["NOT_FOUND", "INVALID_DOCUMENT", "STALE_REVISION"],
      async handle(call, caller) {
        const pipeline = await finder(call, caller, "operator")();
        return answer(await replaceRecord(services, "Pipeline", pipeline, call, caller));
      },
    }),
    route({
      method: "DELETE",
      path: "/pipelines/:ref",
      id: "deletePipeline",
      tag,
      summary: "Delete a pipeline",
      description: `Refused while a run of it has not ended or a schedule starts it; ended runs stay. ${named} Needs admin.`,
      access: "caller",
      headers: ["If-Match"],
      query: ScopeQuery,
      successes: { 204: { description: "It is gone." } },
      errors: ["NOT_FOUND", "CONFLICT", "STALE_REVISION"],
      async handle(call, caller) {
        const find = finder(call, caller, "admin");
        const { domain, namespace, name } = await find();
        await deletePipeline(catalog, find);
        // One that is made under this name later is another one.
        const actor = actorIn(caller, { domain, namespace });
        await engine.resume({ domain, namespace, pipeline: name }, actor);
        return {};
      },
    }),
  ];
}
