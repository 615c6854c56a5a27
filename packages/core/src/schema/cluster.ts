// A cluster: a Kubernetes that tasks of `K8S_JOB` jobs run on. Set up by an admin, used by name.

import type { Static } from "typebox";
import { closed, Duration, Name, Timestamp, titled } from "./scalars.ts";
import { Type } from "./type.ts";

/** Name of a namespace of Kubernetes (RFC 1123 label). */
export const KubeNamespace = Type.String({
  pattern: "^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$",
  description: "A namespace of Kubernetes: lower-case letters, digits and `-`, at most 63.",
});

const ScopePart = Type.String({
  pattern: "^([a-z0-9][a-z0-9_-]{0,62}|\\*)$",
  description: "A name, or `*` for each.",
});

/** An amount of bytes as Kubernetes writes it. */
export const QUANTITY = "^[0-9]+(\\.[0-9]+)?(Ki|Mi|Gi|Ti|Pi|Ei|k|M|G|T|P|E)?$";

export const ClusterSpec = closed(
  {
    kubeconfig: Type.Optional(
      Type.String({
        minLength: 1,
        maxLength: 262144,
        description:
          "A kubeconfig as YAML text. Certificates, keys and tokens stand in it, not in files; no `exec` and no `auth-provider`. Encrypted at rest, shown as `***`.",
      }),
    ),
    context: Type.Optional(
      Type.String({
        minLength: 1,
        maxLength: 256,
        description: "Context of the kubeconfig (default: its current one).",
      }),
    ),
    inCluster: Type.Optional(
      Type.Boolean({ description: "The cluster that the server itself runs in, with its service account." }),
    ),
    server: Type.Optional(
      Type.String({
        pattern: "^https://[^\\s/?#]+/?$",
        maxLength: 512,
        description: "With `token`: URL of the API server, e.g. `https://10.0.0.1:6443`.",
      }),
    ),
    token: Type.Optional(
      Type.String({
        minLength: 1,
        maxLength: 16384,
        description: "Token of a service account. Encrypted at rest, shown as `***`.",
      }),
    ),
    certificateAuthority: Type.Optional(
      Type.String({
        minLength: 1,
        maxLength: 65536,
        description:
          "With `token`: certificate (PEM) that signed the API server's; default: those that Node trusts.",
      }),
    ),
    defaultNamespace: Type.Optional(
      titled("Namespace of tasks that name none (default: the kubeconfig's, else `default`).", KubeNamespace),
    ),
    allowedNamespaces: Type.Optional(
      Type.Array(KubeNamespace, {
        maxItems: 256,
        description: "Namespaces that tasks may name in `_namespace` besides the default one.",
      }),
    ),
    scopes: Type.Optional(
      Type.Array(
        closed({
          domain: titled("Domain of the task.", ScopePart),
          namespace: titled("Namespace of the task.", ScopePart),
        }),
        { maxItems: 256, description: "Scopes of mflow whose tasks may use the cluster (default: all)." },
      ),
    ),
    maxTasks: Type.Optional(
      Type.Integer({
        minimum: 1,
        maximum: 100000,
        description: "Tasks at once; more wait their turn (default 200).",
      }),
    ),
    createRate: Type.Optional(
      Type.Integer({
        minimum: 1,
        maximum: 1000,
        description: "Jobs that are created per second, at most (default 50).",
      }),
    ),
    creationGrace: Type.Optional(
      titled(
        "A task that cannot start for a reason that does not heal by itself fails after so long (default `2m`).",
        Duration,
      ),
    ),
    keepFor: Type.Optional(
      titled(
        "How long Job and pods of a task that SUCCEEDED are kept (default `0s`: removed at once).",
        Duration,
      ),
    ),
    keepFailedFor: Type.Optional(
      titled("How long Job and pods of a task that FAILED are kept (default `1h`).", Duration),
    ),
    helperImage: Type.Optional(
      Type.String({
        minLength: 1,
        maxLength: 512,
        description:
          "Image of the containers that fetch and keep files of tasks, with `sh`, `tar`, `wget`, `timeout`, `base64` and `sha256sum` (default `busybox:1.36.1`).",
      }),
    ),
    workspace: Type.Optional(
      closed(
        {
          storageClass: Type.Optional(
            Type.String({ maxLength: 253, description: "Storage class (default: the cluster's)." }),
          ),
          size: Type.Optional(
            Type.String({ maxLength: 32, description: "Size, e.g. `10Gi` (default `1Gi`)." }),
          ),
          accessMode: Type.Optional(
            Type.String({ maxLength: 32, description: "Access mode (default `ReadWriteOnce`)." }),
          ),
          template: Type.Optional(
            Type.Record(Type.String(), Type.Unknown(), {
              description: "The whole spec of the PersistentVolumeClaim, instead of the three above.",
            }),
          ),
          sizeLimit: Type.Optional(
            Type.String({
              pattern: QUANTITY,
              maxLength: 32,
              description:
                "Of tasks that keep or fetch files without `workspace: run`: how much the volume may hold that ends with their pod, e.g. `2Gi` (default: what the node has).",
            }),
          ),
        },
        {
          description:
            "The PersistentVolumeClaim that runs get whose jobs say `workspace: run`, and the volume of other tasks with files.",
        },
      ),
    ),
  },
  {
    description:
      "How a cluster is reached and what may be done there: one of `kubeconfig`, `inCluster`, or `server` with `token`.",
  },
);
export type ClusterSpec = Static<typeof ClusterSpec>;

export const ClusterManifest = closed(
  {
    kind: Type.Literal("Cluster", { description: "What the document describes." }),
    metadata: closed(
      { name: titled("By which `_kube_config` names it.", Name) },
      { description: "What names the cluster." },
    ),
    spec: ClusterSpec,
  },
  { description: "A Kubernetes that tasks run on." },
);
export type ClusterManifest = Static<typeof ClusterManifest>;

/** A stored cluster. In answers kubeconfig and token are `***`. */
export const Cluster = closed(
  {
    name: titled("By which `_kube_config` names it.", Name),
    spec: ClusterSpec,
    createdBy: Type.String({ description: "Who made it." }),
    createdAt: titled("When it was made.", Timestamp),
    updatedAt: titled("When it was last changed.", Timestamp),
    revision: Type.Integer({ description: "Counts the changes; the ETag of the record." }),
  },
  { description: "A Kubernetes that tasks run on." },
);
export type Cluster = Static<typeof Cluster>;
