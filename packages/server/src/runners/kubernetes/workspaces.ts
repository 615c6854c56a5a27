// The volumes that the tasks of a run share: a PersistentVolumeClaim for each run, cluster and namespace, made with the
// first task there that asks for one, removed when the run has ended and no pod is kept that mounts it: people who look
// into a copy of such a pod find there what the work wrote. Stored before it is made, so that none is forgotten.

import { setTimeout } from "node:timers/promises";
import { MflowError } from "@mflow/core/errors";
import type { KubeObject } from "@mflow/core/kubernetes/kube-objects";
import { LABELS, labelValue, MANAGED_BY, workspaceClaimOf } from "@mflow/core/kubernetes/render-job";
import type { ClusterSpec } from "@mflow/core/schema/cluster";
import { RetryableStartError } from "../runner.ts";
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
  warn(message: string): void;
}

const FIRST_BACKOFF_MS = 1_000;
const MAX_BACKOFF_MS = 300_000;

export class RunWorkspaces {
  readonly #parts: RunWorkspacesParts;
  /** Claims that begin together: they must not forget each other's. */
  readonly #known = new Map<string, Workspaces["claims"]>();
  readonly #made = new Set<string>();
  /** Those that are being removed. */
  readonly #removing = new Set<string>();
  readonly #closing = new AbortController();

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
    // One that a lone task is run in again is not to go any more.
    if (this.#made.has(id) && !placements.workspacesOf(aggregateId)?.isReleased) return name;
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

  /**
   * The run has ended: its claims go, and their volumes by the policy of their storage class. While pods are kept that mount
   * them they stay; they go with the last of these.
   */
  async release(aggregateId: string): Promise<void> {
    const { placements } = this.#parts;
    const workspaces = placements.workspacesOf(aggregateId);
    if (!workspaces) return;
    if (!placements.mountsWorkspaceOf(aggregateId)) return this.#remove(aggregateId);
    await placements.putWorkspaces(aggregateId, { ...workspaces, isReleased: true });
    // The last of them may have gone meanwhile.
    this.left(aggregateId);
  }

  /** An attempt that mounted the volumes of a run is forgotten: when it was the last of an ended run, they go. */
  left(aggregateId: string): void {
    if (!this.#isToGo(aggregateId) || this.#removing.has(aggregateId)) return;
    this.#removing.add(aggregateId);
    void this.#removeSoon(aggregateId).finally(() => this.#removing.delete(aggregateId));
  }

  close(): void {
    this.#closing.abort();
  }

  #isToGo(aggregateId: string): boolean {
    const { placements } = this.#parts;
    return (
      placements.workspacesOf(aggregateId)?.isReleased === true && !placements.mountsWorkspaceOf(aggregateId)
    );
  }

  async #removeSoon(aggregateId: string): Promise<void> {
    const { signal } = this.#closing;
    for (let backoff = FIRST_BACKOFF_MS; !signal.aborted && this.#isToGo(aggregateId); backoff *= 2) {
      try {
        return await this.#remove(aggregateId);
      } catch (error) {
        const pause = Math.min(backoff, MAX_BACKOFF_MS);
        this.#parts.warn(
          `volume of ${aggregateId}: ${(error as Error).message}; it is removed later, next try in ${pause} ms`,
        );
        await setTimeout(pause, undefined, { signal, ref: false }).catch(() => {});
      }
    }
  }

  async #remove(aggregateId: string): Promise<void> {
    const { placements, works } = this.#parts;
    for (const claim of placements.workspacesOf(aggregateId)?.claims ?? []) {
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
  let refused: KubeError;
  try {
    await client.create(pathOf(namespace), claim);
    return;
  } catch (error) {
    // Quotas are asked before the name is: a refusal with 403 may be of the claim that is there already.
    const mayExist = error instanceof KubeError && (error.status === 403 || error.reason === "AlreadyExists");
    if (!mayExist) throw startError(error, client.server);
    refused = error;
  }
  const path = `${pathOf(namespace)}/${name}`;
  const existing = await client.get<KubeObject>(path).catch((error: unknown) => {
    const isNone = error instanceof KubeError && (error.status === 403 || error.status === 404);
    throw startError(isNone && refused.status === 403 ? refused : error, client.server);
  });
  if (existing.metadata?.labels?.[LABELS.installation] !== labels[LABELS.installation]) {
    throw new MflowError(
      "RUNNER_REFUSED",
      `namespace \`${namespace}\` has a PersistentVolumeClaim \`${name}\` that is not this run's; delete it, or run the task in another namespace`,
    );
  }
  if (existing.metadata.deletionTimestamp !== undefined) {
    throw new RetryableStartError(
      `PersistentVolumeClaim ${name} in namespace ${namespace} is still being removed; a pod may hold it`,
    );
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
