// Jobs that an earlier life of this installation left: made by a creation whose answer came after everybody had stopped
// waiting for it, or of an attempt whose record is gone. Only what carries this installation's labels and our finalizer
// gets here, and it is removed by its uid.

import type { KubeJob } from "@mflow/core/kubernetes/kube-objects";
import type { AttemptRef, RunnerHost } from "../runner.ts";
import { type ClusterClient, KubeError } from "./api/cluster-client.ts";
import { removeJob } from "./create-job.ts";

/** A Job of which nothing is stored is left alone for so long after its end, milliseconds. */
const UNKNOWN_KEPT_MS = 3600 * 1000;

export interface SweepParts {
  client: ClusterClient;
  host: Pick<RunnerHost, "standing">;
  warn(message: string): void;
}

/**
 * Removes a Job whose attempt is over by what is stored. Of a task that is not stored (deleted since, or the store is an
 * older copy) only a Job that ended a while ago is removed; one that runs may be another server's.
 */
export function sweepOrphan(job: KubeJob, ref: AttemptRef, parts: SweepParts): void {
  sweep(job, ref, parts).catch((error: unknown) => {
    if (error instanceof KubeError && error.status === 404) return;
    parts.warn(`orphan ${job.metadata?.name}: ${(error as Error).message}`);
  });
}

async function sweep(job: KubeJob, ref: AttemptRef, { client, host, warn }: SweepParts): Promise<void> {
  const { name, namespace } = job.metadata ?? {};
  const standing = await host.standing(ref);
  if (standing === "AT_WORK") return;
  if (standing === "UNKNOWN" && !endedLongAgo(job)) {
    warn(
      `Job ${name} in namespace ${namespace} is of this installation, but nothing is known of its task; when no other server uses the same database, delete it`,
    );
    return;
  }
  warn(`Job ${name} in namespace ${namespace} is left of an attempt that is over; it is removed`);
  await removeJob(client, job);
}

function endedLongAgo({ status }: KubeJob): boolean {
  const ended = status?.conditions?.find(
    ({ type, status }) => (type === "Complete" || type === "Failed") && status === "True",
  );
  return ended !== undefined && Date.now() - Date.parse(ended.lastTransitionTime ?? "") > UNKNOWN_KEPT_MS;
}
