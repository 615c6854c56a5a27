// Whether a cluster can be used: it is reached, takes the credentials, and lets them do what tasks need, asked permission
// by permission. Nothing is changed there.

import { access } from "node:fs/promises";
import type { KubeConfig } from "@kubernetes/client-node";
import { type KubePermission, PERMISSIONS } from "@mflow/core/kubernetes/permissions";
import { resourceName, roleText } from "@mflow/core/kubernetes/role-text";
import type { ClusterSpec } from "@mflow/core/schema/cluster";
import type { ClusterCheck, MissingPermission, NamespaceCheck } from "@mflow/core/schema/cluster-check";
import { ClusterClient, KubeError } from "../api/cluster-client.ts";
import { kubeConfigOf } from "../api/kube-config.ts";
import { problemOf } from "../api/no-answer.ts";
import { usernameOf } from "./identity.ts";

/** Questions under way at once. */
const PARALLEL = 8;
/** What makes a pod one that can reach its own cluster. */
const ACCOUNT_FOLDER = "/var/run/secrets/kubernetes.io/serviceaccount";

interface AccessReview {
  status?: { allowed?: boolean };
}

/**
 * Checks a cluster whose secrets are opened, in its default namespace, the allowed ones and `namespaces`. What keeps it
 * from being reached is in the answer; rejects only for what is no fault of the cluster or its settings.
 */
export async function checkCluster(
  spec: ClusterSpec,
  namespaces: readonly string[] = [],
): Promise<ClusterCheck> {
  if (spec.inCluster && !(await isInPod())) {
    const problem =
      "the server runs in no pod of a Kubernetes, so `inCluster` leads nowhere; give a kubeconfig or `server` and `token`";
    return { ok: false, reachable: false, problem, namespaces: [] };
  }
  const config = await kubeConfigOf(spec);
  const client = new ClusterClient(config);
  const { server } = client;
  try {
    return await answered(client, config, spec, namespaces);
  } catch (error) {
    if (!(error instanceof KubeError)) throw error;
    return { ok: false, server, reachable: false, problem: problemOf(server, error), namespaces: [] };
  } finally {
    await client.close();
  }
}

function isInPod(): Promise<boolean> {
  return access(ACCOUNT_FOLDER).then(
    () => true,
    () => false,
  );
}

async function answered(
  client: ClusterClient,
  config: KubeConfig,
  spec: ClusterSpec,
  others: readonly string[],
): Promise<ClusterCheck> {
  const { gitVersion } = await client.get<{ gitVersion?: string }>("/version");
  const user = await usernameOf(client, config, spec.inCluster === true);
  const ask = inTurns(PARALLEL);
  const wanted = new Set([
    spec.defaultNamespace ?? client.contextNamespace ?? "default",
    ...(spec.allowedNamespaces ?? []),
    ...others,
  ]);
  const namespaces = await Promise.all(
    [...wanted].map(async (namespace): Promise<NamespaceCheck> => {
      const [exists, missing] = await Promise.all([
        ask(() => doesExist(client, namespace)),
        missingIn(client, namespace, ask),
      ]);
      return {
        namespace,
        ...(exists !== undefined && { exists }),
        missing,
        ...(missing.length > 0 && { role: roleText(namespace, user) }),
      };
    }),
  );
  return {
    ok: namespaces.every(
      ({ exists, missing }) => exists !== false && missing.every(({ optional }) => optional),
    ),
    server: client.server,
    reachable: true,
    ...(gitVersion !== undefined && { version: gitVersion }),
    ...(user !== undefined && { user }),
    namespaces,
  };
}

type Ask = <T>(question: () => Promise<T>) => Promise<T>;

/** Whether a namespace is there; undefined when the credentials may not look. */
async function doesExist(client: ClusterClient, namespace: string): Promise<boolean | undefined> {
  try {
    await client.get(`/api/v1/namespaces/${namespace}`);
    return true;
  } catch (error) {
    if (!(error instanceof KubeError)) throw error;
    if (error.status === 404) return false;
    if (error.status === 403) return undefined;
    throw error;
  }
}

async function missingIn(client: ClusterClient, namespace: string, ask: Ask): Promise<MissingPermission[]> {
  const missing = await Promise.all(
    PERMISSIONS.map(async (permission): Promise<MissingPermission> => {
      const answers = await Promise.all(
        permission.verbs.map((verb) => ask(() => isAllowed(client, namespace, permission, verb))),
      );
      const { apiGroup, why, optional = false } = permission;
      const verbs = permission.verbs.filter((_, index) => !answers[index]);
      return { apiGroup, resource: resourceName(permission), verbs, why, optional };
    }),
  );
  return missing.filter(({ verbs }) => verbs.length > 0);
}

async function isAllowed(
  client: ClusterClient,
  namespace: string,
  { apiGroup, resource, subresource }: KubePermission,
  verb: string,
): Promise<boolean> {
  const apiVersion = "authorization.k8s.io/v1";
  const resourceAttributes = { namespace, verb, group: apiGroup, resource, subresource };
  const review = { apiVersion, kind: "SelfSubjectAccessReview", spec: { resourceAttributes } };
  const { status } = await client.create<AccessReview>(
    `/apis/${apiVersion}/selfsubjectaccessreviews`,
    review,
  );
  return status?.allowed === true;
}

/** Asks so many questions at once, and lets the others wait. */
function inTurns(limit: number): Ask {
  let running = 0;
  const waiting: (() => void)[] = [];
  return async (question) => {
    if (running >= limit) await new Promise<void>((resolve) => waiting.push(resolve));
    else running++;
    try {
      return await question();
    } finally {
      const next = waiting.shift();
      if (next) next();
      else running--;
    }
  };
}
