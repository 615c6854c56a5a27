// Jobs that an earlier life of this installation left: made by a creation whose answer came after everybody had stopped
// waiting for it, or of an attempt whose record is gone. Only what carries this installation's labels and our finalizer
// gets here, and it is removed by its uid.

import { setTimeout } from "node:timers/promises";
import type { KubeJob } from "@mflow/core/kubernetes/kube-objects";
import { type AttemptRef, RetryableStartError, type RunnerHost } from "../runner.ts";
import type { ClusterClient } from "./api/cluster-client.ts";
import { ignoreGone } from "./api/ignore-gone.ts";
import { removeJob, startError } from "./create-job.ts";

/** A Job of which nothing is stored is left alone for so long after its end, milliseconds. */
const UNKNOWN_KEPT_MS = 3600 * 1000;
const FIRST_BACKOFF_MS = 200;
const MAX_BACKOFF_MS = 300_000;

export interface SweepParts {
  client: ClusterClient;
  host: Pick<RunnerHost, "standing">;
  /** Aborts when its cluster is left: nothing is tried there any more. */
  left: AbortSignal;
}

export class Orphans {
  readonly #warn: (message: string) => void;
  /** Uids of those that are being removed: a Job that changes meanwhile is found again. */
  readonly #removing = new Set<string>();

  constructor(warn: (message: string) => void) {
    this.#warn = warn;
  }

  /**
   * Removes a Job whose attempt is over by what is stored, if need be with several tries. Of a task that is not stored
   * (deleted since, or the store is an older copy) only a Job that ended a while ago is removed; one that runs may be
   * another server's.
   */
  sweep(job: KubeJob, ref: AttemptRef, parts: SweepParts): void {
    this.#sweep(job, ref, parts).catch((error: unknown) => {
      this.#warn(`orphan ${job.metadata?.name}: ${(error as Error).message}`);
    });
  }

  async #sweep(job: KubeJob, ref: AttemptRef, { client, host, left }: SweepParts): Promise<void> {
    const { name, namespace, uid = "" } = job.metadata ?? {};
    const standing = await host.standing(ref);
    if (standing === "AT_WORK" || this.#removing.has(uid)) return;
    if (standing === "UNKNOWN" && !endedLongAgo(job)) {
      this.#warn(
        `Job ${name} in namespace ${namespace} is of this installation, but nothing is known of its task; when no other server uses the same database, delete it`,
      );
      return;
    }
    this.#warn(`Job ${name} in namespace ${namespace} is left of an attempt that is over; it is removed`);
    this.#removing.add(uid);
    await this.#remove(job, client, left).finally(() => this.#removing.delete(uid));
  }

  /** Another event of the Job may never come: what fails is tried again, unless it is refused for good. */
  async #remove(job: KubeJob, client: ClusterClient, left: AbortSignal): Promise<void> {
    for (let backoff = FIRST_BACKOFF_MS; !left.aborted; backoff = Math.min(backoff * 2, MAX_BACKOFF_MS)) {
      try {
        await ignoreGone(removeJob(client, job));
        return;
      } catch (error) {
        if (left.aborted) return;
        const problem = startError(error, client.server);
        if (!(problem instanceof RetryableStartError)) throw error;
        this.#warn(`orphan ${job.metadata?.name}: ${problem.message}; next try in ${backoff} ms`);
        await setTimeout(backoff, undefined, { signal: left, ref: false }).catch(() => {});
      }
    }
  }
}

function endedLongAgo({ status }: KubeJob): boolean {
  const ended = status?.conditions?.find(
    ({ type, status }) => (type === "Complete" || type === "Failed") && status === "True",
  );
  return ended !== undefined && Date.now() - Date.parse(ended.lastTransitionTime ?? "") > UNKNOWN_KEPT_MS;
}
