// The pods of a Job that has ended, or goes. Jobs and pods are watched apart: a Job may be seen in its end before what its
// pods said last, or before the pods. Without that logs and outputs would be lost, and a pod would outlive its attempt.

import type { KubeJob, KubePod } from "@mflow/core/kubernetes/kube-objects";
import { LABELS } from "@mflow/core/kubernetes/render-job";
import type { AttemptRef } from "../runner.ts";
import type { ClusterClient } from "./api/cluster-client.ts";
import { areAllKnown, hasEnded, isPodOf } from "./job-pods.ts";

/** What pods said last may be heard so much later than that their Job has ended; then it is asked for, milliseconds. */
const PODS_BEHIND_MS = 1_000;

export class LastPods {
  readonly #client: ClusterClient;
  /** Path of the pods of the namespace. */
  readonly #path: string;
  readonly #labelSelector: string;
  /** When the Job was seen to have ended although not all of its pods were. */
  #missedAt: number | undefined;
  #asked: KubePod[] | undefined;

  constructor(client: ClusterClient, namespace: string, { taskId, attempt }: AttemptRef) {
    this.#client = client;
    this.#path = `/api/v1/namespaces/${namespace}/pods`;
    this.#labelSelector = `${LABELS.taskId}=${taskId},${LABELS.attempt}=${attempt}`;
  }

  /** The pods of a Job of which the watch knows some; a number is when to ask again, milliseconds since the epoch. */
  async of(job: KubeJob, known: KubePod[]): Promise<KubePod[] | number> {
    if (!hasEnded(job) || areAllKnown(job, known)) return known;
    if (this.#asked) return this.#asked;
    this.#missedAt ??= Date.now();
    const askAt = this.#missedAt + PODS_BEHIND_MS;
    if (Date.now() < askAt) return askAt;
    this.#asked = await this.#ask(job);
    return this.#asked;
  }

  /** Whether there is no pod of the Job, also none that the watch does not know yet. */
  async areGone(job: KubeJob): Promise<boolean> {
    const pods = await this.#ask(job);
    return pods.length === 0;
  }

  async #ask(job: KubeJob): Promise<KubePod[]> {
    const { items } = await this.#client.get<{ items: KubePod[] }>(this.#path, {
      labelSelector: this.#labelSelector,
    });
    return items.filter((pod) => isPodOf(job, pod));
  }
}
