// The Role that grants what mflow needs in a namespace, and the RoleBinding that gives it to somebody, as text for
// `kubectl apply`.

import { Document, isScalar, visit } from "yaml";
import { type KubePermission, type KubeSubject, minimalRole, PERMISSIONS } from "./permissions.ts";

const SERVICE_ACCOUNT = /^system:serviceaccount:([^:]+):([^:]+)$/;

/** As RBAC writes it: `pods/log`. */
export function resourceName({ resource, subresource }: KubePermission): string {
  return subresource === undefined ? resource : `${resource}/${subresource}`;
}

/** The subject of a user name that the API server knows somebody by. */
export function subjectOf(username: string): KubeSubject {
  const [, namespace, name] = SERVICE_ACCOUNT.exec(username) ?? [];
  if (namespace !== undefined && name !== undefined) return { kind: "ServiceAccount", name, namespace };
  return { kind: "User", name: username, apiGroup: "rbac.authorization.k8s.io" };
}

/**
 * Two YAML documents. The Role has all that mflow needs, not what is missing alone: what is applied replaces the Role
 * that was applied before. Without a user name there is a place to write it into.
 */
export function roleText(namespace: string, username: string | undefined): string {
  const subject = subjectOf(username ?? "NAME-OF-THE-USER");
  const documents = minimalRole(namespace, nameFor(subject), subject);
  return `${introduction(username)}${documents.map(yamlOf).join("---\n")}`;
}

/** Another for each subject: a second installation does not take the first one's away. */
function nameFor({ name, namespace }: KubeSubject): string {
  const words = ["mflow", ...(namespace === undefined ? [] : [namespace]), name].join("-");
  const slug = words.toLowerCase().replaceAll(/[^a-z0-9]+/g, "-");
  return slug.slice(0, 200).replace(/-+$/, "");
}

function introduction(username: string | undefined): string {
  const optional = PERMISSIONS.filter((permission) => permission.optional).map(
    (permission) => `# - ${resourceName(permission)}: ${permission.verbs.join(", ")}, to ${permission.why}`,
  );
  const unknown = "# Nobody says whom the credentials belong to: write the name in below.\n";
  return `# Tasks run without these, which you may take out:\n${optional.join("\n")}\n${username === undefined ? unknown : ""}`;
}

/** Lists of words on one line each. */
function yamlOf(value: object): string {
  const document = new Document(value);
  visit(document, {
    Seq(_key, list) {
      if (list.items.every(isScalar)) list.flow = true;
    },
  });
  return document.toString({ flowCollectionPadding: false });
}
