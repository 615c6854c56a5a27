// The volumes that the tasks of a run share: a PersistentVolumeClaim for each run, cluster and namespace, made with the
// first task there that asks for one, removed with the run. Stored before it is made, so that none is forgotten.

import { LABELS, labelValue, MANAGED_BY, workspaceClaimOf } from "@mflow/core/kubernetes/render-job";
import type { ClusterSpec } from "@mflow/core/schema/cluster";
import { type ClusterClient, KubeError } from "./api/cluster-client.ts";
import type { ClustersAtWork } from "./clusters-at-work.ts";
import { startError } from "./create-job.ts";
import type { Where, Workspaces } from "./placement.ts";
import type { Placements } from "./placements.ts";

export interface RunWorkspacesParts {
  placements: Placements;
  works: ClustersAtWork;
  /** Of this installation. */
  installation: string;
}

export class RunWorkspaces {
  readonly #parts: RunWorkspacesParts;
  /** Claims that begin together: they must not forget each other's. */
  readonly #known = new Map<string, Workspaces["claims"]>();
  readonly #made = new Set<string>();

  constructor(parts: RunWorkspacesParts) {
    this.#parts = parts;
  }

  /** Makes the claim of a run, or lone task, unless it exists; answers its name. Rejects as `createJob` does. */
  async ensure(
    aggregateId: string,
    where: Where & { namespace: string },
    settings: ClusterSpec["workspace"],
  ): Promise<string> {
    const { placements, works, installation } = this.#parts;
    const { namespace } = where;
    const name = workspaceClaimOf(aggregateId);
    const id = `${aggregateId} ${namespace} ${works.idOf(where)}`;
    if (this.#made.has(id)) return name;
    const known = this.#known.get(aggregateId) ?? placements.workspacesOf(aggregateId)?.claims ?? [];
    const isThere = known.some(
      (claim) => claim.namespace === namespace && works.idOf(claim) === works.idOf(where),
    );
    const claims = isThere ? known : [...known, { ...clusterOf(where), namespace, name }];
    this.#known.set(aggregateId, claims);
    await placements.putWorkspaces(aggregateId, { state: "WORKSPACES", claims });
    await createClaim(
      await works.of(where).client(),
      { aggregateId, name, namespace, installation },
      settings,
    );
    this.#made.add(id);
    return name;
  }

  /** The run has ended: its claims go, and their volumes by the policy of their storage class. */
  async release(aggregateId: string): Promise<void> {
    const { placements, works } = this.#parts;
    const workspaces = placements.workspacesOf(aggregateId);
    if (!workspaces) return;
    for (const claim of workspaces.claims) {
      // In a cluster that was deleted nobody removes it any more.
      if (works.isSetUp(claim)) await removeClaim(await works.of(claim).client(), claim);
    }
    this.forget(aggregateId);
    await placements.removeWorkspaces(aggregateId);
  }

  /** Nothing is known any more of what was made for a run. */
  forget(aggregateId: string): void {
    this.#known.delete(aggregateId);
    for (const id of this.#made) if (id.startsWith(`${aggregateId} `)) this.#made.delete(id);
  }
}

function clusterOf({ cluster, kubeconfig }: Where): Where {
  return cluster === undefined ? { kubeconfig } : { cluster };
}

async function createClaim(
  client: ClusterClient,
  {
    aggregateId,
    name,
    namespace,
    installation,
  }: Record<"aggregateId" | "name" | "namespace" | "installation", string>,
  settings: ClusterSpec["workspace"] = {},
): Promise<void> {
  const { storageClass, size = "1Gi", accessMode = "ReadWriteOnce", template } = settings;
  const spec = template ?? {
    accessModes: [accessMode],
    resources: { requests: { storage: size } },
    ...(storageClass !== undefined && { storageClassName: storageClass }),
  };
  const labels = {
    [LABELS.managedBy]: MANAGED_BY,
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
}

async function removeClaim(
  client: ClusterClient,
  { namespace, name }: Workspaces["claims"][number],
): Promise<void> {
  try {
    await client.delete(`${pathOf(namespace)}/${name}`);
  } catch (error) {
    if (!(error instanceof KubeError) || error.status !== 404) throw error;
  }
}

function pathOf(namespace: string): string {
  return `/api/v1/namespaces/${namespace}/persistentvolumeclaims`;
}
