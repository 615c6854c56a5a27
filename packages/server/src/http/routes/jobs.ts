// Jobs: versioned templates of tasks (semantics, section 1).

import { mayRefer } from "@mflow/core/reference";
import { JobPage, JobQuery, PatchJobRequest, ScopeQuery } from "@mflow/core/schema/api";
import { Job, JobManifest } from "@mflow/core/schema/job";
import type { Scope } from "@mflow/core/schema/scalars";
import { deleteJob } from "../../catalog/delete-record.ts";
import { deprecateJob } from "../../catalog/deprecate-job.ts";
import { findDraft, findJob } from "../../catalog/find.ts";
import { patchJob } from "../../catalog/patch-job.ts";
import { publishJob } from "../../catalog/publish-job.ts";
import type { Role } from "../../store/store.ts";
import { type Caller, demandRecord } from "../caller.ts";
import { pageQuery, requestScope } from "../list-query.ts";
import { checkManifest } from "../manifest-input.ts";
import { createRecord, recordFinder } from "../one-record.ts";
import { type Answer, type Call, type Route, route } from "../route.ts";
import type { Services } from "../services.ts";

const tag = "Jobs";
const one = { 200: { description: "The job.", schema: Job } };
const named =
  "`ref` is the job's id, `#id`, or `name[@namespace[.domain]][:version]`; what is left out comes from the query.";

function answer(job: Job): Answer {
  return { body: job, revision: job.revision };
}

export function jobRoutes(services: Services): Route[] {
  const { store, catalog, lint } = services;
  const finder = (call: Call<Partial<Scope>, unknown>, caller: Caller, role: Role, find = findJob) =>
    recordFinder(store.catalog, { kind: "Job", find }, call, caller, role);

  return [
    route({
      method: "GET",
      path: "/jobs",
      id: "listJobs",
      tag,
      summary: "List jobs, newest first",
      access: "caller",
      query: JobQuery,
      successes: { 200: { description: "A page of jobs.", schema: JobPage } },
      errors: [],
      async handle({ query }, caller) {
        const { name, stage: stages } = query;
        return { body: await store.catalog.listJobs({ ...pageQuery(caller, query), name, stages }) };
      },
    }),
    route({
      method: "POST",
      path: "/jobs",
      id: "createJob",
      tag,
      summary: "Create a job from its manifest",
      description: "A DRAFT, or a PUBLISHED version when the manifest says `publish: true`. Needs operator.",
      access: "caller",
      query: ScopeQuery,
      body: JobManifest,
      readsBodyItself: true,
      successes: { 201: { description: "The new job.", schema: Job } },
      errors: ["INVALID_DOCUMENT", "NAME_TAKEN"],
      async handle({ query, body }, caller) {
        return {
          status: 201,
          ...answer(await createRecord(services, "Job", body, requestScope(query), caller)),
        };
      },
    }),
    route({
      method: "GET",
      path: "/jobs/:ref",
      id: "getJob",
      tag,
      summary: "Get a job",
      description: `${named} Without a version it is the newest PUBLISHED one, or the newest while none is.`,
      access: "caller",
      query: ScopeQuery,
      successes: one,
      errors: ["NOT_FOUND"],
      async handle({ params, query }, caller) {
        const scope = requestScope(query);
        const job = await findJob(store.catalog, params.ref ?? "", scope);
        // Who may refer to a job from a scope that they see may read it too.
        if (job && mayRefer(job.spec.visibility, job, scope)) {
          const isSeen = caller.grants.some(
            (grant) =>
              [scope.domain, "*"].includes(grant.domain) && [scope.namespace, "*"].includes(grant.namespace),
          );
          if (isSeen) return answer(job);
        }
        return answer(demandRecord(caller, "viewer", job, `job \`${params.ref}\``));
      },
    }),
    route({
      method: "PATCH",
      path: "/jobs/:ref",
      id: "patchJob",
      tag,
      summary: "Change a job's metadata, or a DRAFT's spec",
      description: `A JSON merge: what is left out stays, \`null\` removes. ${named} Needs operator.`,
      access: "caller",
      headers: ["If-Match"],
      query: ScopeQuery,
      body: PatchJobRequest,
      successes: one,
      errors: ["NOT_FOUND", "INVALID_DOCUMENT", "ALREADY_PUBLISHED", "STALE_REVISION"],
      async handle(call, caller) {
        const find = finder(call, caller, "operator");
        const validate = (manifest: JobManifest, scope: Scope) => checkManifest(lint, manifest, scope);
        return answer(await patchJob(catalog, find, call.body, validate));
      },
    }),
    route({
      method: "POST",
      path: "/jobs/:ref/publish",
      id: "publishJob",
      tag,
      summary: "Publish a job version",
      description:
        `Freezes its spec; runs may use it. Publishing it again changes nothing. ${named} ` +
        "Without a version it is the only DRAFT. Needs operator.",
      access: "caller",
      headers: ["If-Match"],
      query: ScopeQuery,
      successes: one,
      errors: ["NOT_FOUND", "CONFLICT", "STALE_REVISION"],
      async handle(call, caller) {
        const find = finder(call, caller, "operator", findDraft);
        return answer(await publishJob(catalog, find, caller.name));
      },
    }),
    route({
      method: "POST",
      path: "/jobs/:ref/deprecate",
      id: "deprecateJob",
      tag,
      summary: "Deprecate a job version",
      description: `No new run may start with it; running ones finish. ${named} Needs admin.`,
      access: "caller",
      headers: ["If-Match"],
      query: ScopeQuery,
      successes: one,
      errors: ["NOT_FOUND", "CONFLICT", "STALE_REVISION"],
      async handle(call, caller) {
        return answer(await deprecateJob(catalog, finder(call, caller, "admin"), caller.name));
      },
    }),
    route({
      method: "DELETE",
      path: "/jobs/:ref",
      id: "deleteJob",
      tag,
      summary: "Delete a DRAFT",
      description: `${named} Needs admin.`,
      access: "caller",
      headers: ["If-Match"],
      query: ScopeQuery,
      successes: { 204: { description: "It is gone." } },
      errors: ["NOT_FOUND", "CONFLICT", "STALE_REVISION"],
      async handle(call, caller) {
        await deleteJob(catalog, finder(call, caller, "admin"));
        return {};
      },
    }),
  ];
}
