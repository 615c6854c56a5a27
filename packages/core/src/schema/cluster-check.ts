// Clusters as the HTTP API takes and lists them, and what checking one tells.

import type { Static } from "typebox";
import { pageOf } from "./api.ts";
import { Cluster, ClusterSpec, KubeNamespace } from "./cluster.ts";
import { closed, titled } from "./scalars.ts";
import { Type } from "./type.ts";

/** What the credentials of a cluster may not do. */
export const MissingPermission = closed(
  {
    apiGroup: Type.String({ description: "API group; empty: the core group." }),
    resource: Type.String({ description: "As RBAC writes it, e.g. `jobs` or `pods/log`." }),
    verbs: Type.Array(Type.String(), { description: "Those that are missing." }),
    why: Type.String({ description: 'What they are for, after "to".' }),
    optional: Type.Boolean({ description: "Tasks run without it." }),
  },
  { description: "What the credentials of a cluster may not do." },
);
export type MissingPermission = Static<typeof MissingPermission>;

export const NamespaceCheck = closed(
  {
    namespace: KubeNamespace,
    exists: Type.Optional(
      Type.Boolean({ description: "Whether it is there; left out: the credentials may not look." }),
    ),
    missing: Type.Array(MissingPermission, { description: "What is not allowed there; empty: all is." }),
    role: Type.Optional(
      Type.String({
        description:
          "Where something is missing: a Role and its RoleBinding that grant all that is needed, as YAML for `kubectl apply`.",
      }),
    ),
  },
  { description: "What may be done in a namespace of a cluster." },
);
export type NamespaceCheck = Static<typeof NamespaceCheck>;

export const ClusterCheck = closed(
  {
    ok: Type.Boolean({
      description:
        "It answers, no namespace is known to be missing, and nothing that is needed is forbidden.",
    }),
    server: Type.Optional(Type.String({ description: "URL of the API server, where it is known." })),
    reachable: Type.Boolean({ description: "The API server answers and takes the credentials." }),
    problem: Type.Optional(
      Type.String({ description: "Why it could not be checked, and what can be done about it." }),
    ),
    version: Type.Optional(Type.String({ description: "Version of Kubernetes, e.g. `v1.33.1`." })),
    user: Type.Optional(
      Type.String({ description: "Whom the credentials belong to, where that can be told." }),
    ),
    namespaces: Type.Array(NamespaceCheck, {
      description: "The default namespace, the allowed ones, and those that were asked for.",
    }),
  },
  { description: "Whether a cluster can be used, and what is missing." },
);
export type ClusterCheck = Static<typeof ClusterCheck>;

export const CheckClusterQuery = closed({
  namespace: Type.Optional(titled("Another namespace to look at.", KubeNamespace)),
});
export type CheckClusterQuery = Static<typeof CheckClusterQuery>;

export const DeleteClusterQuery = closed({
  force: Type.Optional(
    Type.Boolean({
      description:
        "The cluster is gone for good: tasks that run there end as CANCELED when they were being canceled, else as FAILED with the reason LOST. What still runs there goes on unseen.",
    }),
  ),
});
export type DeleteClusterQuery = Static<typeof DeleteClusterQuery>;

export const ClusterPage = pageOf(Cluster);

/** Makes or replaces a cluster. A secret that is `***` stays what it is. */
export const PutClusterRequest = closed({ spec: ClusterSpec });
export type PutClusterRequest = Static<typeof PutClusterRequest>;
