import { expect, test } from "vitest";
import { minimalRole, PERMISSIONS } from "./permissions.ts";

test("tasks need Jobs, pods, logs and Secrets; everything else can be left out", () => {
  const needed = PERMISSIONS.filter(({ optional }) => !optional).map(
    ({ resource, subresource }) => `${resource}${subresource ? `/${subresource}` : ""}`,
  );
  expect(needed).toEqual(["jobs", "pods", "pods/log", "secrets"]);
});

test("the Role grants each permission, and the RoleBinding gives it to the service account", () => {
  expect(minimalRole("ci", "mflow")).toEqual([
    {
      apiVersion: "rbac.authorization.k8s.io/v1",
      kind: "Role",
      metadata: { name: "mflow", namespace: "ci" },
      rules: [
        {
          apiGroups: ["batch"],
          resources: ["jobs"],
          verbs: ["create", "get", "list", "watch", "patch", "delete"],
        },
        { apiGroups: [""], resources: ["pods"], verbs: ["get", "list", "watch", "delete", "create"] },
        { apiGroups: [""], resources: ["pods/log"], verbs: ["get"] },
        { apiGroups: [""], resources: ["secrets"], verbs: ["create", "delete"] },
        { apiGroups: [""], resources: ["events"], verbs: ["list", "watch"] },
        { apiGroups: [""], resources: ["pods/exec"], verbs: ["create", "get"] },
        {
          apiGroups: [""],
          resources: ["persistentvolumeclaims"],
          verbs: ["get", "create", "delete", "list"],
        },
      ],
    },
    {
      apiVersion: "rbac.authorization.k8s.io/v1",
      kind: "RoleBinding",
      metadata: { name: "mflow", namespace: "ci" },
      roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "Role", name: "mflow" },
      subjects: [{ kind: "ServiceAccount", name: "mflow", namespace: "ci" }],
    },
  ]);
});

test("the Role can be of what is needed alone and for somebody else", () => {
  const subject = { kind: "User", name: "ann", apiGroup: "rbac.authorization.k8s.io" } as const;
  const needed = PERMISSIONS.filter(({ optional }) => !optional);
  const [role, binding] = minimalRole("ci", "mflow", subject, needed);
  expect(role.rules.map(({ resources, verbs }) => ({ resources, verbs }))).toEqual([
    { resources: ["jobs"], verbs: ["create", "get", "list", "watch", "patch", "delete"] },
    { resources: ["pods"], verbs: ["get", "list", "watch", "delete"] },
    { resources: ["pods/log"], verbs: ["get"] },
    { resources: ["secrets"], verbs: ["create", "delete"] },
  ]);
  expect(binding.subjects).toEqual([subject]);
});
