import { expect, test } from "vitest";
import { parseAllDocuments } from "yaml";
import { minimalRole } from "./permissions.ts";
import { roleText, subjectOf } from "./role-text.ts";

const parsed = (text: string) => parseAllDocuments(text).map((document) => document.toJS());

test("the text is the minimal Role and its binding, and says what may be left out", () => {
  const subject = { kind: "ServiceAccount", name: "runner", namespace: "build" } as const;
  const text = roleText("ci", "system:serviceaccount:build:runner");
  expect(parsed(text)).toEqual(minimalRole("ci", "mflow-build-runner", subject));
  expect(text).toContain("# - pods/exec: create, get, to open a terminal");
  expect(text).toContain("verbs: [create, get, list, watch, patch, delete]");
});

test("a user gets a Role of a name that Kubernetes takes, and nobody a place to write a name into", () => {
  expect(subjectOf("oidc:Ada@example.com")).toEqual({
    kind: "User",
    name: "oidc:Ada@example.com",
    apiGroup: "rbac.authorization.k8s.io",
  });
  expect(parsed(roleText("ci", "oidc:Ada@example.com"))[1].metadata).toEqual({
    name: "mflow-oidc-ada-example-com",
    namespace: "ci",
  });
  const unknown = roleText("ci", undefined);
  expect(parsed(unknown)[1].subjects).toMatchObject([{ kind: "User", name: "NAME-OF-THE-USER" }]);
  expect(unknown).toContain("write the name in below");
});
