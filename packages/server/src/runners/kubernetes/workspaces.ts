// The volumes that the tasks of a run share: a PersistentVolumeClaim for each run, made with its first task that asks for
// one, removed with the run.

import { LABELS, labelValue, workspaceClaimOf } from "@mflow/core/kubernetes/render-job";
import type { ClusterSpec } from "@mflow/core/schema/cluster";
import { type ClusterClient, KubeError } from "./api/cluster-client.ts";
import { startError } from "./create-job.ts";

export interface WorkspaceOf {
  /** Run, or lone task. */
  aggregateId: string;
  namespace: string;
  installation: string;
}

/** Makes the claim of a run unless it exists; answers its name. Rejects as `createJob` does. */
export async function ensureWorkspace(
  client: ClusterClient,
  { aggregateId, namespace, installation }: WorkspaceOf,
  settings: ClusterSpec["workspace"] = {},
): Promise<string> {
  const name = workspaceClaimOf(aggregateId);
  const { storageClass, size = "1Gi", accessMode = "ReadWriteOnce", template } = settings;
  const spec = template ?? {
    accessModes: [accessMode],
    resources: { requests: { storage: size } },
    ...(storageClass !== undefined && { storageClassName: storageClass }),
  };
  const labels = {
    [LABELS.managedBy]: "mflow",
    [LABELS.installation]: installation,
    [LABELS.runId]: labelValue(aggregateId),
  };
  const claim = {
    apiVersion: "v1",
    kind: "PersistentVolumeClaim",
    metadata: { name, namespace, labels },
    spec,
  };
  try {
    await client.create(pathOf(namespace), claim);
  } catch (error) {
    if (!(error instanceof KubeError) || error.reason !== "AlreadyExists") throw startError(error);
  }
  return name;
}

/** Removes a claim; its volume goes by the policy of its storage class. */
export async function removeWorkspace(client: ClusterClient, namespace: string, name: string): Promise<void> {
  try {
    await client.delete(`${pathOf(namespace)}/${name}`);
  } catch (error) {
    if (!(error instanceof KubeError) || error.status !== 404) throw error;
  }
}

function pathOf(namespace: string): string {
  return `/api/v1/namespaces/${namespace}/persistentvolumeclaims`;
}
