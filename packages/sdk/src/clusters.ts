// Clusters: where the tasks of K8S_JOB jobs run.

import type { ApiPage } from "@mflow/core/schema/api";
import type { Cluster, ClusterSpec } from "@mflow/core/schema/cluster";
import type { CheckClusterQuery, ClusterCheck, DeleteClusterQuery } from "@mflow/core/schema/cluster-check";
import { type IfRevision, ifMatch } from "./catalog.ts";
import { path, type Transport } from "./transport.ts";

export function clusterCalls(transport: Transport) {
  return {
    list: () => transport.json<ApiPage<Cluster>>({ path: "/clusters" }),
    get: (name: string) => transport.json<Cluster>({ path: path`/clusters/${name}` }),
    /** Makes the cluster or replaces its settings; with revision 0 it must be new. */
    put: (name: string, spec: ClusterSpec, condition?: IfRevision) =>
      transport.json<Cluster>({
        method: "PUT",
        path: path`/clusters/${name}`,
        body: { spec },
        headers: ifMatch(condition),
      }),
    /** With `force` also while tasks run there, which end then: for a cluster that is gone for good. */
    remove: (name: string, query: DeleteClusterQuery = {}) =>
      transport.json<void>({ method: "DELETE", path: path`/clusters/${name}`, query }),
    /** Whether it can be used, and which permissions are missing. */
    check: (name: string, query: CheckClusterQuery = {}) =>
      transport.json<ClusterCheck>({
        method: "POST",
        path: path`/clusters/${name}/check`,
        query,
        repeatable: true,
      }),
  };
}
