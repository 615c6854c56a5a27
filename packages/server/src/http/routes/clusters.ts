// Clusters: where the tasks of K8S_JOB jobs run, which admins set up and tasks use by name.

import { MflowError } from "@mflow/core/errors";
import { Cluster } from "@mflow/core/schema/cluster";
import {
  CheckClusterQuery,
  ClusterCheck,
  ClusterPage,
  DeleteClusterQuery,
  PutClusterRequest,
} from "@mflow/core/schema/cluster-check";
import { demand } from "../caller.ts";
import { refuseBadName } from "../record-name.ts";
import { type Route, route } from "../route.ts";
import type { Services } from "../services.ts";

const tag = "Clusters";
const one = { 200: { description: "The cluster, its secrets `***`.", schema: Cluster } };

export function clusterRoutes({ clusters, checkCluster }: Services): Route[] {
  return [
    route({
      method: "GET",
      path: "/clusters",
      id: "listClusters",
      tag,
      summary: "List all clusters",
      description: "kubeconfig and token are `***`. Needs viewer everywhere.",
      access: "caller",
      successes: { 200: { description: "All clusters, by name.", schema: ClusterPage } },
      errors: [],
      async handle(_call, caller) {
        demand(caller, "viewer");
        return { body: { items: clusters.list() } };
      },
    }),
    route({
      method: "GET",
      path: "/clusters/:name",
      id: "getCluster",
      tag,
      summary: "Get a cluster",
      description: "kubeconfig and token are `***`. Needs viewer everywhere.",
      access: "caller",
      successes: one,
      errors: ["NOT_FOUND"],
      async handle({ params }, caller) {
        demand(caller, "viewer");
        const cluster = clusters.get(params.name ?? "");
        return { body: cluster, revision: cluster.revision };
      },
    }),
    route({
      method: "PUT",
      path: "/clusters/:name",
      id: "putCluster",
      tag,
      summary: "Make a cluster, or replace its settings",
      description:
        "A kubeconfig or token that is `***` stays what it is, as long as `server` stays. " +
        "`If-Match: 0` makes a new one only. Nothing is asked of the cluster. Needs admin everywhere.",
      access: "caller",
      headers: ["If-Match"],
      body: PutClusterRequest,
      successes: { ...one, 201: { description: "A new cluster, its secrets `***`.", schema: Cluster } },
      errors: ["INVALID_DOCUMENT", "NAME_TAKEN", "STALE_REVISION"],
      async handle({ params, body, revisions }, caller) {
        demand(caller, "admin");
        const name = params.name ?? "";
        refuseBadName(name, "cluster");
        const cluster = await clusters.put(name, body.spec, caller.name, revisions?.[0]);
        return { status: cluster.revision === 1 ? 201 : 200, body: cluster, revision: cluster.revision };
      },
    }),
    route({
      method: "DELETE",
      path: "/clusters/:name",
      id: "deleteCluster",
      tag,
      summary: "Delete a cluster",
      description: "Refused while tasks run there, but with `force`. Needs admin everywhere.",
      access: "caller",
      query: DeleteClusterQuery,
      successes: { 204: { description: "It is gone." } },
      errors: ["NOT_FOUND", "CONFLICT"],
      async handle({ params, query }, caller) {
        demand(caller, "admin");
        await clusters.remove(params.name ?? "", query);
        return {};
      },
    }),
    route({
      method: "POST",
      path: "/clusters/:name/check",
      id: "checkCluster",
      tag,
      summary: "Say whether a cluster can be used, and what is missing",
      description:
        "Asks the API server, and changes nothing there. What is missing in the default namespace, the allowed ones " +
        "and `namespace` comes with the Role that grants it. Needs operator everywhere.",
      access: "caller",
      query: CheckClusterQuery,
      successes: { 200: { description: "What was found.", schema: ClusterCheck } },
      errors: ["NOT_FOUND"],
      async handle({ params, query }, caller) {
        demand(caller, "operator");
        const { name } = clusters.get(params.name ?? "");
        const spec = clusters.open(name);
        if (!spec) throw new MflowError("NOT_FOUND", `there is no cluster \`${name}\``);
        const others = query.namespace === undefined ? [] : [query.namespace];
        return { body: await checkCluster(spec, others) };
      },
    }),
  ];
}
