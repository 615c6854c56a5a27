// Apply and lint: manifests as they stand in files.

import { refuseProblems } from "@mflow/core/refuse-problems";
import {
  type AppliedDocument,
  ApplyRequest,
  ApplyResult,
  LintRequest,
  LintResult,
  ScopeQuery,
} from "@mflow/core/schema/api";
import { closed, Name, type Scope, titled } from "@mflow/core/schema/scalars";
import { Type } from "@mflow/core/schema/type";
import { type Applied, applyManifests } from "../../catalog/apply.ts";
import { YamlText } from "../body.ts";
import { demand, listScope } from "../caller.ts";
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
  if (kind === "Cluster") {
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

export function manifestRoutes({ catalog, lint, clusters, tryOut }: Services): Route[] {
  return [
    route({
      method: "POST",
      path: "/apply",
      id: "applyManifests",
      tag,
      summary: "Create or change the jobs, pipelines, schedules and clusters of manifests",
      description:
        "All of them, or none when one is bad. What is as its manifest says is left alone. A masked value (`***`) " +
        "means that the stored one stays. Needs operator in the scope of each document, for clusters admin everywhere.",
      access: "caller",
      query: ApplyQuery,
      body: ApplyRequest,
      yaml: true,
      successes: { 200: { description: "What became of each document.", schema: ApplyResult } },
      errors: ["INVALID_DOCUMENT", "ALREADY_PUBLISHED"],
      async handle({ query, body }, caller) {
        const scope = scopeFor(query, body);
        const input = body as ApplyRequest | YamlText;
        const { documents, problems } = await parseInput(input, query.file);
        const found = await lintDocuments(lint, documents, scope);
        refuseProblems([...problems, ...found.filter(isError)]);
        const dryRun = query.dryRun ?? (input instanceof YamlText ? false : (input.dryRun ?? false));
        const outcome = await applyManifests(catalog, documents.map(givenDocument), {
          scope,
          actor: caller.name,
          mayWrite: (where) => demand(caller, "operator", where),
          clusters: {
            mayWrite: () => demand(caller, "admin"),
            names: () => clusters.names(),
            check: (name, spec) => clusters.check(name, spec),
            put: (name, spec, by) => clusters.put(name, spec, by),
          },
          dryRun,
        });
        const applied = outcome.documents.map((document) => appliedDocument(document, dryRun));
        return { body: { documents: applied, warnings: [...found, ...outcome.warnings] } };
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
