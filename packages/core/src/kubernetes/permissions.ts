// What mflow may have to do in a namespace of Kubernetes, as data: what `mflow cluster check` asks for one by one, and
// the Role that grants it.

/** Some verbs on one resource. */
export interface KubePermission {
  /** Empty for the core group. */
  apiGroup: "" | "batch";
  resource: string;
  subresource?: string;
  verbs: readonly string[];
  /** What mflow does with it, as the end of "mflow needs it to". */
  why: string;
  /** Tasks run without it; only what `why` says does not work. */
  optional?: true;
}

/** All permissions in a namespace, those that every task needs first. */
export const PERMISSIONS: readonly KubePermission[] = [
  {
    apiGroup: "batch",
    resource: "jobs",
    verbs: ["create", "get", "list", "watch", "patch", "delete"],
    why: "run tasks, follow them, keep them until their result is stored, and remove them",
  },
  {
    apiGroup: "",
    resource: "pods",
    verbs: ["get", "list", "watch", "delete"],
    why: "tell what a task does, why it cannot start and how it ended, and to end what a cancel leaves",
  },
  { apiGroup: "", resource: "pods", subresource: "log", verbs: ["get"], why: "store the logs of tasks" },
  {
    apiGroup: "",
    resource: "secrets",
    verbs: ["create", "delete"],
    why: "hand the update token, sensitive params and a kubeconfig to the pods of a task",
  },
  {
    apiGroup: "",
    resource: "events",
    verbs: ["list", "watch"],
    why: "give the cluster's own words for why a task cannot start",
    optional: true,
  },
  {
    apiGroup: "",
    resource: "pods",
    subresource: "exec",
    // A terminal by WebSocket is a GET request; newer clusters ask for `create` all the same.
    verbs: ["create", "get"],
    why: "open a terminal in a running task (`mflow debug`)",
    optional: true,
  },
  {
    apiGroup: "",
    resource: "pods",
    verbs: ["create"],
    why: "open a terminal in a copy of a task that has ended (`mflow debug`)",
    optional: true,
  },
  {
    apiGroup: "",
    resource: "persistentvolumeclaims",
    verbs: ["get", "create", "delete", "list"],
    why: "give a workspace to the tasks of a run (`workspace: run`)",
    optional: true,
  },
];

/** A Role of Kubernetes, ready to be written as YAML. */
export interface KubeRole {
  apiVersion: "rbac.authorization.k8s.io/v1";
  kind: "Role";
  metadata: { name: string; namespace: string };
  rules: { apiGroups: string[]; resources: string[]; verbs: string[] }[];
}

/** Who is meant by a RoleBinding. */
export interface KubeSubject {
  kind: "ServiceAccount" | "User" | "Group";
  name: string;
  /** Of a ServiceAccount. */
  namespace?: string;
  /** Of a User or Group: `rbac.authorization.k8s.io`. */
  apiGroup?: string;
}

export interface KubeRoleBinding {
  apiVersion: "rbac.authorization.k8s.io/v1";
  kind: "RoleBinding";
  metadata: { name: string; namespace: string };
  roleRef: { apiGroup: "rbac.authorization.k8s.io"; kind: "Role"; name: string };
  subjects: KubeSubject[];
}

/**
 * The Role that grants the permissions in a namespace and the RoleBinding that gives it to the subject; default: the
 * ServiceAccount `name` of the namespace. One rule a resource.
 */
export function minimalRole(
  namespace: string,
  name: string,
  subject: KubeSubject = { kind: "ServiceAccount", name, namespace },
  permissions: readonly KubePermission[] = PERMISSIONS,
): [KubeRole, KubeRoleBinding] {
  const rules = new Map<string, KubeRole["rules"][number]>();
  for (const { apiGroup, resource, subresource, verbs } of permissions) {
    const full = subresource === undefined ? resource : `${resource}/${subresource}`;
    const key = `${apiGroup}/${full}`;
    const rule = rules.get(key) ?? { apiGroups: [apiGroup], resources: [full], verbs: [] };
    rules.set(key, { ...rule, verbs: [...new Set([...rule.verbs, ...verbs])] });
  }
  const apiGroup = "rbac.authorization.k8s.io";
  const apiVersion = `${apiGroup}/v1` as const;
  const metadata = { name, namespace };
  return [
    { apiVersion, kind: "Role", metadata, rules: [...rules.values()] },
    {
      apiVersion,
      kind: "RoleBinding",
      metadata,
      roleRef: { apiGroup, kind: "Role", name },
      subjects: [subject],
    },
  ];
}
