// Apply and lint: manifests as they stand in files.

import { MflowError } from "@mflow/core/errors";
import { refuseProblems } from "@mflow/core/refuse-problems";
import {
  type AppliedDocument,
  ApplyRequest,
  ApplyResult,
  type DiffedDocument,
  DiffRequest,
  DiffResult,
  LintRequest,
  LintResult,
  type PrunedRecord,
  ScopeQuery,
} from "@mflow/core/schema/api";
import { closed, Name, type Scope, titled } from "@mflow/core/schema/scalars";
import { Type } from "@mflow/core/schema/type";
import { applyManifests } from "../../catalog/apply.ts";
import type { Applied, ApplyOptions } from "../../catalog/applying.ts";
import type { Pruned } from "../../catalog/prune.ts";
import { YamlText } from "../body.ts";
import { actorIn, type Caller, demand, listScope } from "../caller.ts";
import { lintOnCluster } from "../lint-on-cluster.ts";
import { requestScope } from "../list-query.ts";
import { givenDocument, isError, lintDocuments, parseInput } from "../manifest-input.ts";
import { type Route, route } from "../route.ts";
import type { Services } from "../services.ts";

const tag = "Manifests";

/** With a YAML body, what the fields of a JSON body would say. */
const lintQuery = { ...ScopeQuery.properties, file: ApplyRequest.properties.file };
const LintQuery = closed({
  ...lintQuery,
  cluster: Type.Optional(
    titled("Ask this cluster, too, whether it would take the Jobs of the `K8S_JOB` jobs among them.", Name),
  ),
});
const ApplyFileQuery = closed(lintQuery);
const ApplyQuery = closed({ ...lintQuery, dryRun: ApplyRequest.properties.dryRun });

/** What is left open by the query is as in the body. */
function scopeFor(query: Partial<Scope>, body: Partial<Scope> | YamlText): Scope {
  const inBody = body instanceof YamlText ? {} : body;
  return requestScope({
    domain: query.domain ?? inBody.domain,
    namespace: query.namespace ?? inBody.namespace,
  });
}

function appliedDocument({ kind, record, action }: Applied, isDryRun: boolean): AppliedDocument {
  if (kind === "Cluster" || kind === "Limit") {
    const isNew = isDryRun && action === "CREATED";
    return { kind, id: isNew ? "" : record.name, name: record.name, action };
  }
  const { id, domain, namespace, name } = record;
  return {
    kind,
    id: isDryRun && action === "CREATED" ? "" : id,
    domain,
    namespace,
    name,
    ...(kind === "Job" && { version: record.version, stage: record.stage }),
    action,
  };
}

function diffedDocument(applied: Applied): DiffedDocument {
  const { kind, record, action, compared } = applied;
  const { domain, namespace } = kind === "Cluster" || kind === "Limit" ? {} : record;
  return {
    kind,
    ...(domain !== undefined && { domain, namespace }),
    name: record.name,
    ...(kind === "Job" && { version: record.version }),
    action: action === "UPDATED" ? "CHANGED" : action,
    changes: (action === "UPDATED" && compared?.changes) || [],
    ...(compared?.refusal !== undefined && { refusal: compared.refusal }),
  };
}

function prunedRecord({ kind, record, action, reason }: Pruned): PrunedRecord {
  const { id, domain, namespace, name } = record;
  return {
    ...{ kind, id, domain, namespace, name },
    ...(kind === "Job" && { version: record.version, stage: record.stage }),
    action,
    ...(reason !== undefined && { reason }),
  };
}

export function manifestRoutes({ catalog, lint, clusters, limits, tryOut, engine }: Services): Route[] {
  /** What an apply in a scope may do, as far as the caller may. */
  function mayApply(scope: Scope, caller: Caller): ApplyOptions {
    return {
      scope,
      actor: caller.name,
      mayWrite: (where) => demand(caller, "operator", where),
      clusters: {
        mayWrite: () => demand(caller, "admin"),
        names: () => clusters.names(),
        plan: (name, spec, by) => clusters.plan(name, spec, by),
      },
      limits: {
        mayWrite: () => demand(caller, "admin"),
        names: () => [...limits.stored.keys()],
        plan: (name, spec, by) => limits.plan(name, spec, by),
      },
    };
  }

  /** One that is made under the name of a deleted pipeline later is another one, and not paused. */
  async function resumeDeleted(pruned: readonly Pruned[], caller: Caller): Promise<void> {
    for (const { kind, record, action } of pruned) {
      if (kind !== "Pipeline" || action !== "DELETED") continue;
      const { domain, namespace, name } = record;
      await engine.resume({ domain, namespace, pipeline: name }, actorIn(caller, { domain, namespace }));
    }
  }

  /** The documents of a request, when nothing is wrong with them, and what is warned of. Rejects with INVALID_DOCUMENT. */
  async function goodDocuments(input: LintRequest | YamlText, file: string | undefined, scope: Scope) {
    const { documents, problems } = await parseInput(input, file);
    const found = await lintDocuments(lint, documents, scope);
    refuseProblems([...problems, ...found.filter(isError)]);
    return { documents: documents.map(givenDocument), found };
  }

  return [
    route({
      method: "POST",
      path: "/apply",
      id: "applyManifests",
      tag,
      summary: "Create or change the jobs, pipelines, schedules, clusters and limits of manifests",
      description:
        "All of them, or none when one is bad. What is as its manifest says is left alone. A masked value (`***`) " +
        "means that the stored one stays. Needs operator in the scope of each document, for clusters and limits admin everywhere.",
      access: "caller",
      query: ApplyQuery,
      body: ApplyRequest,
      yaml: true,
      successes: { 200: { description: "What became of each document.", schema: ApplyResult } },
      errors: ["INVALID_DOCUMENT", "ALREADY_PUBLISHED"],
      async handle({ query, body }, caller) {
        const scope = scopeFor(query, body);
        const input = body as ApplyRequest | YamlText;
        const { documents, found } = await goodDocuments(input, query.file, scope);
        const { dryRun = false, prune }: Partial<ApplyRequest> = input instanceof YamlText ? {} : input;
        const isDryRun = query.dryRun ?? dryRun;
        if (prune && Object.keys(prune.labels).length === 0) {
          const message = "is empty; name at least one label, or everything here would be deleted";
          throw new MflowError("BAD_REQUEST", `\`prune.labels\` ${message}`, [
            { path: "/prune/labels", message },
          ]);
        }
        const outcome = await applyManifests(catalog, documents, {
          ...mayApply(scope, caller),
          ...(prune && { prune: { ...prune, mayPrune: () => demand(caller, "admin", scope) } }),
          dryRun: isDryRun,
        });
        if (!isDryRun) await resumeDeleted(outcome.pruned ?? [], caller);
        const applied = outcome.documents.map((document) => appliedDocument(document, isDryRun));
        const pruned = outcome.pruned?.map(prunedRecord);
        const warnings = [...found, ...outcome.warnings];
        return { body: { documents: applied, ...(pruned && { pruned }), warnings } };
      },
    }),
    route({
      method: "POST",
      path: "/diff",
      id: "diffManifests",
      tag,
      summary: "Say what differs between manifests and what is stored",
      description:
        "What an apply would change, field by field; what means the same is no difference. Changes nothing. Needs what " +
        "the apply needs.",
      access: "caller",
      query: ApplyFileQuery,
      body: DiffRequest,
      yaml: true,
      successes: { 200: { description: "What differs in each document.", schema: DiffResult } },
      errors: ["INVALID_DOCUMENT"],
      async handle({ query, body }, caller) {
        const scope = scopeFor(query, body);
        const input = body as DiffRequest | YamlText;
        const { documents, found } = await goodDocuments(input, query.file, scope);
        const outcome = await applyManifests(catalog, documents, {
          ...mayApply(scope, caller),
          compare: true,
        });
        const warnings = [...found, ...outcome.warnings];
        return { body: { documents: outcome.documents.map(diffedDocument), warnings } };
      },
    }),
    route({
      method: "POST",
      path: "/lint",
      id: "lintManifests",
      tag,
      summary: "Say what is wrong with manifests",
      description:
        "All problems, with file, line and column of YAML text; those with what is stored included. With `cluster`, and " +
        "nothing else wrong, the cluster is asked as well: needs operator.",
      access: "caller",
      query: LintQuery,
      body: LintRequest,
      yaml: true,
      successes: { 200: { description: "All problems; none when all is well.", schema: LintResult } },
      errors: ["NOT_FOUND"],
      async handle({ query, body }, caller) {
        const scope = scopeFor(query, body);
        listScope(caller, scope);
        if (query.cluster !== undefined) demand(caller, "operator", scope);
        const { documents, problems } = await parseInput(body as LintRequest | YamlText, query.file);
        const found = [...problems, ...(await lintDocuments(lint, documents, scope))];
        if (query.cluster !== undefined && !found.some(isError)) {
          clusters.get(query.cluster);
          found.push(...(await lintOnCluster(documents, query.cluster, scope, tryOut)));
        }
        return { body: { problems: found } };
      },
    }),
  ];
}
