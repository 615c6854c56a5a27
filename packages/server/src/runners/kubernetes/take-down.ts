// Has the Job of an attempt removed with its pods. Each step is asked for once; a failure is the caller's to try again.

import type { KubeJob, KubePod } from "@mflow/core/kubernetes/kube-objects";
import type { ClusterClient } from "./api/cluster-client.ts";
import { ignoreGone } from "./api/ignore-gone.ts";

/** Until then the node says that pods that were to end at once have ended, milliseconds; then they are only forgotten. */
const FORCED_MS = 5_000;

export class TakeDown {
  readonly #client: ClusterClient;
  readonly #namespace: string;
  #deletedUid: string | undefined;
  /** When its pods were told to end at once. */
  #hurriedAt: number | undefined;

  constructor(client: ClusterClient, namespace: string) {
    this.#client = client;
    this.#namespace = namespace;
  }

  /** Deletes the Job and its pods, with the pods' own grace; `cannotBegin`: none of them has begun, or ever will. */
  async remove(job: KubeJob, pods: readonly KubePod[], cannotBegin: boolean): Promise<void> {
    const { name, uid = "", deletionTimestamp } = job.metadata ?? {};
    if (this.#deletedUid === uid) return;
    const path = `/apis/batch/v1/namespaces/${this.#namespace}/jobs/${name}`;
    await ignoreGone(
      deletionTimestamp === undefined
        ? this.#client.delete(path, { propagationPolicy: "Foreground", preconditions: { uid } })
        : Promise.all(pods.map((pod) => this.#deletePod(pod))),
    );
    // A pod that cannot begin is not waited for: its node may take a minute to see that there is nothing to stop.
    if (cannotBegin) await Promise.all(pods.map((pod) => this.#deletePod(pod, 0)));
    this.#deletedUid = uid;
  }

  /**
   * Has the pods killed at once. A node that does not say in time that it has done so is not waited for. Answers when it
   * is to be called again, milliseconds since the epoch.
   */
  async hurry(pods: readonly KubePod[], now = Date.now()): Promise<number | undefined> {
    const isLate = this.#hurriedAt !== undefined && now >= this.#hurriedAt + FORCED_MS;
    if (this.#hurriedAt !== undefined && !isLate) return undefined;
    await Promise.all(pods.map((pod) => this.#deletePod(pod, isLate ? 0 : 1)));
    this.#hurriedAt ??= now;
    return isLate ? undefined : this.#hurriedAt + FORCED_MS;
  }

  /** Deletes a pod by itself: who deleted the Job may have left its pods to run until the Job is gone. */
  async #deletePod({ metadata }: KubePod, gracePeriodSeconds?: number): Promise<void> {
    if (metadata?.deletionTimestamp !== undefined && gracePeriodSeconds === undefined) return;
    const path = `/api/v1/namespaces/${this.#namespace}/pods/${metadata?.name}`;
    const preconditions = { uid: metadata?.uid };
    await ignoreGone(this.#client.delete(path, { preconditions, gracePeriodSeconds }));
  }
}
