// Pipelines: stages of tasks that run in order (semantics, section 5).

import { MflowError } from "@mflow/core/errors";
import { putTogetherFrom, requireWhole, sourceOf } from "@mflow/core/extend-pipeline";
import { checkRevision } from "@mflow/core/revision";
import {
  OnePipelineQuery,
  PipelinePage,
  PipelineQuery,
  PipelineView,
  ScopeQuery,
} from "@mflow/core/schema/api";
import { Pipeline, PipelineManifest } from "@mflow/core/schema/pipeline";
import type { Scope } from "@mflow/core/schema/scalars";
import { applyManifests } from "../../catalog/apply.ts";
import { deletePipeline } from "../../catalog/delete-record.ts";
import { findPipeline } from "../../catalog/find.ts";
import type { Role } from "../../store/store.ts";
import { actorIn, type Caller, demand, demandRecord } from "../caller.ts";
import { pageQuery, requestScope } from "../list-query.ts";
import { readManifest } from "../manifest-input.ts";
import { type Answer, type Call, type Route, route } from "../route.ts";
import type { Services } from "../services.ts";

const tag = "Pipelines";
const named =
  "`ref` is the pipeline's id, `#id`, or `name[@namespace[.domain]]`; what is left out comes from the query.";

function answer(pipeline: Pipeline): Answer {
  return { body: pipeline, revision: pipeline.revision };
}

export function pipelineRoutes({ store, catalog, lint, engine }: Services): Route[] {
  function view(pipeline: Pipeline): PipelineView {
    const { domain, namespace, name } = pipeline;
    const pause = engine.pauseOf({ domain, namespace, pipeline: name });
    if (!pause) return pipeline;
    const { key: _key, ...paused } = pause;
    return { ...pipeline, paused };
  }

  /** Reads the pipeline that a call is about, as often as asked; checks role and `If-Match` each time. */
  function finder(
    { params, query, revisions }: Call<Partial<Scope>, unknown>,
    caller: Caller,
    role: Role,
  ): () => Promise<Pipeline> {
    const ref = params.ref ?? "";
    return async () => {
      const pipeline = await findPipeline(store.catalog, ref, requestScope(query));
      const found = demandRecord(caller, role, pipeline, `pipeline \`${ref}\``);
      checkRevision(`Pipeline ${found.name}`, found.revision, revisions);
      return found;
    };
  }

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
        const scope = requestScope(query);
        const document = await readManifest(lint, body, "Pipeline", scope);
        const { documents } = await applyManifests(catalog, [document], {
          scope,
          actor: caller.name,
          mayWrite: (where) => demand(caller, "operator", where),
          only: "NEW",
        });
        return { status: 201, ...answer(documents[0]?.record as Pipeline) };
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
        const { domain, namespace, name } = await finder(call, caller, "operator")();
        const { metadata } = call.body;
        if (metadata.name !== name) {
          throw new MflowError(
            "BAD_REQUEST",
            `The manifest is of ${metadata.name}, the pipeline is ${name}.`,
          );
        }
        const scope = { domain, namespace };
        const manifest = { ...call.body, metadata: { ...metadata, ...scope } };
        const { documents } = await applyManifests(
          catalog,
          [await readManifest(lint, manifest, "Pipeline", scope)],
          {
            scope,
            actor: caller.name,
            mayWrite: (where) => demand(caller, "operator", where),
            checkStored: (stored) => checkRevision(`Pipeline ${name}`, stored.revision, call.revisions),
          },
        );
        return answer(documents[0]?.record as Pipeline);
      },
    }),
    route({
      method: "DELETE",
      path: "/pipelines/:ref",
      id: "deletePipeline",
      tag,
      summary: "Delete a pipeline",
      description: `Refused while a run of it has not ended; ended runs stay. ${named} Needs admin.`,
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
