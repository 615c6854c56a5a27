// Has the Job of an attempt removed with its pods. Each step is asked for once; a failure is the caller's to try again.

import type { KubeJob, KubePod } from "@mflow/core/kubernetes/kube-objects";
import type { ClusterClient } from "./api/cluster-client.ts";
import { ignoreGone } from "./api/ignore-gone.ts";
import type { PodLosses } from "./pod-losses.ts";

/** Until then the node says that pods that were to end at once have ended, milliseconds; then they are only forgotten. */
const FORCED_MS = 5_000;

export class TakeDown {
  readonly #client: ClusterClient;
  readonly #namespace: string;
  readonly #losses: PodLosses;
  /** Uids of the Job and of the pods whose deletion was asked for. */
  readonly #deleted = new Set<string>();
  /** Uids of the pods that were told a second time. */
  readonly #reminded = new Set<string>();
  /** When its pods were told to end at once. */
  #hurriedAt: number | undefined;

  constructor(client: ClusterClient, namespace: string, losses: PodLosses) {
    this.#client = client;
    this.#namespace = namespace;
    this.#losses = losses;
  }

  /**
   * Deletes the Job and its pods, with the pods' own grace; `cannotBegin`: none of them has begun, or ever will. To be
   * called again when pods are new: the cluster does not see to one that its Job controller made while the Job was being
   * deleted, and that would run on.
   */
  async remove(job: KubeJob, pods: readonly KubePod[], cannotBegin: boolean): Promise<void> {
    const { name, uid = "", deletionTimestamp } = job.metadata ?? {};
    const isGoing = deletionTimestamp !== undefined;
    const path = `/apis/batch/v1/namespaces/${this.#namespace}/jobs/${name}`;
    const options = { propagationPolicy: "Foreground", preconditions: { uid } };
    if (!isGoing) await this.#once(uid, () => this.#client.delete(path, options));
    // A pod that cannot begin is not waited for: its node may take a minute to see that there is nothing to stop.
    if (cannotBegin) await this.#removeEach(pods, 0);
    else if (isGoing) await this.#removeEach(pods);
  }

  /**
   * Sees to it that pods end which were told to: at once when it is forced, or else those that run on after their grace.
   * Answers when it is to be called again, milliseconds since the epoch.
   */
  press(pods: readonly KubePod[], isForced: boolean): Promise<number | undefined> {
    return isForced ? this.#hurry(pods) : this.#remind(pods);
  }

  /** Has the pods killed. A node that does not say in time that it has done so is not waited for. */
  async #hurry(pods: readonly KubePod[]): Promise<number | undefined> {
    const now = Date.now();
    const isLate = this.#hurriedAt !== undefined && now >= this.#hurriedAt + FORCED_MS;
    if (this.#hurriedAt !== undefined && !isLate) return undefined;
    await Promise.all(pods.map((pod) => this.#deletePod(pod, isLate ? 0 : 1)));
    this.#hurriedAt ??= now;
    return isLate ? undefined : this.#hurriedAt + FORCED_MS;
  }

  /**
   * Nodes before Kubernetes 1.22 may begin a container of a pod that was told to end while it was made, and see a minute
   * later that it is to end; a shorter grace has them look at once.
   */
  async #remind(pods: readonly KubePod[]): Promise<number | undefined> {
    const { pods: overdue, next } = this.#losses.overdue(pods);
    const news = overdue.filter(({ metadata }) => !this.#reminded.has(metadata?.uid ?? ""));
    await Promise.all(news.map((pod) => this.#deletePod(pod, 1)));
    for (const { metadata } of news) this.#reminded.add(metadata?.uid ?? "");
    return next;
  }

  async #removeEach(pods: readonly KubePod[], gracePeriodSeconds?: number): Promise<void> {
    const each = pods.map((pod) =>
      this.#once(pod.metadata?.uid ?? "", () => this.#deletePod(pod, gracePeriodSeconds)),
    );
    await Promise.all(each);
  }

  async #once(uid: string, remove: () => Promise<unknown>): Promise<void> {
    if (this.#deleted.has(uid)) return;
    await ignoreGone(remove());
    this.#deleted.add(uid);
  }

  async #deletePod({ metadata }: KubePod, gracePeriodSeconds?: number): Promise<void> {
    if (metadata?.deletionTimestamp !== undefined && gracePeriodSeconds === undefined) return;
    const path = `/api/v1/namespaces/${this.#namespace}/pods/${metadata?.name}`;
    const preconditions = { uid: metadata?.uid };
    await ignoreGone(this.#client.delete(path, { preconditions, gracePeriodSeconds }));
  }
}
