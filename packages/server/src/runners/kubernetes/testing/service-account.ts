// Accounts of the real cluster that may do less than everything.

import { minimalRole } from "@mflow/core/kubernetes/permissions";
import { KubeError } from "../api/cluster-client.ts";
import type { KubePlace } from "./kube-place.ts";

/** A permission as `jobs: create`. */
type Withheld = string;

/** Makes an account with the Role that mflow asks for, less some of it; answers with its token. */
export async function accountToken(
  place: KubePlace,
  name: string,
  without: Withheld[] = [],
): Promise<string> {
  const { namespace, client } = place;
  const rbac = `/apis/rbac.authorization.k8s.io/v1/namespaces/${namespace}`;
  const accounts = `/api/v1/namespaces/${namespace}/serviceaccounts`;
  await client.create(accounts, { metadata: { name } });
  const [role, binding] = minimalRole(namespace, name, { kind: "ServiceAccount", name, namespace });
  const rules = role.rules.flatMap(({ apiGroups, resources, verbs }) =>
    resources.map((resource) => ({
      apiGroups,
      resources: [resource],
      verbs: verbs.filter((verb) => !without.includes(`${resource}: ${verb}`)),
    })),
  );
  await client.create(`${rbac}/roles`, { ...role, rules: rules.filter(({ verbs }) => verbs.length > 0) });
  await client.create(`${rbac}/rolebindings`, binding);
  const asked = { apiVersion: "authentication.k8s.io/v1", kind: "TokenRequest", spec: {} };
  const path = `${accounts}/${name}/token`;
  const { status } = await client.create<{ status: { token: string } }>(path, asked);
  await untilGranted(place, name);
  return status.token;
}

/** The API server learns of Roles a moment later. */
async function untilGranted(place: KubePlace, name: string): Promise<void> {
  const user = `system:serviceaccount:${place.namespace}:${name}`;
  const resourceAttributes = { namespace: place.namespace, verb: "get", resource: "jobs", group: "batch" };
  const review = { apiVersion: "authorization.k8s.io/v1", kind: "SubjectAccessReview" };
  const spec = { user, groups: ["system:serviceaccounts"], resourceAttributes };
  for (const deadline = Date.now() + 20_000; Date.now() < deadline; ) {
    const path = "/apis/authorization.k8s.io/v1/subjectaccessreviews";
    const { status } = await place.client.create<{ status: { allowed: boolean } }>(path, { ...review, spec });
    if (status.allowed) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new KubeError(403, `account ${name} is granted nothing`);
}
