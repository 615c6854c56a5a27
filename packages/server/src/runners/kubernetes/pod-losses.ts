// Pods that are lost without a word of their node: those that somebody removed by force while they ran, which the watch
// knows no more, and those that were told to end and whose node does not say that they have. A clock of the cluster's is
// never compared with ours here: what counts is when something was first seen.

import type { KubeJob, KubePod } from "@mflow/core/kubernetes/kube-objects";
import { isSingle } from "@mflow/core/kubernetes/outcome";
import { hasEnded } from "./job-pods.ts";

/** The node that is waited for. */
export interface SilentNode {
  /** Until when, milliseconds since the epoch. */
  until: number;
  /** A sentence about it, for when that is over. */
  message: string;
}

export class PodLosses {
  readonly #patienceMs: number;
  #gone: KubePod[] = [];
  /** By uid, when a pod was first seen to be deleted. */
  readonly #leavingSince = new Map<string, number>();

  /** `patienceMs`: how long a node may take to say that a pod has ended whose grace is over. */
  constructor(patienceMs: number) {
    this.#patienceMs = patienceMs;
  }

  /** A pod is not there any more; as it was last. */
  gone(pod: KubePod): void {
    const { initContainerStatuses = [], containerStatuses = [] } = pod.status ?? {};
    // Of one in which nothing had begun nothing is lost: the Job makes another.
    const hasBegun = [...initContainerStatuses, ...containerStatuses].some(
      ({ state }) => state?.running || state?.terminated,
    );
    if (!hasBegun) return;
    const { deletionTimestamp = new Date().toISOString() } = pod.metadata ?? {};
    this.#gone.push({ ...pod, metadata: { ...pod.metadata, deletionTimestamp } });
  }

  /** The pods of a Job that runs one pod once, with those that are gone: clusters before 1.26 make another in silence. */
  withGone(job: KubeJob | undefined, pods: KubePod[]): KubePod[] {
    if (this.#gone.length === 0 || !job || !isSingle(job) || hasEnded(job)) return pods;
    return [...this.#gone, ...pods];
  }

  /** The node that is waited for so that these pods end; undefined while one of them was not told to. */
  silentNode(pods: readonly KubePod[], now = Date.now()): SilentNode | undefined {
    const waits = pods.map(({ metadata, spec }) => {
      if (metadata?.deletionTimestamp === undefined) return undefined;
      const uid = metadata.uid ?? "";
      const since = this.#leavingSince.get(uid) ?? now;
      this.#leavingSince.set(uid, since);
      const until = since + (metadata.deletionGracePeriodSeconds ?? 0) * 1000 + this.#patienceMs;
      const message = `node ${spec.nodeName ?? "?"} does not say that pod ${metadata.name} has ended, long after it was told to; what ran there may go on until the node is back`;
      return { until, message };
    });
    const told = waits.filter((wait) => wait !== undefined).toSorted((a, b) => a.until - b.until);
    const [first] = told;
    if (!first || told.length < pods.length) return undefined;
    return { until: told.at(-1)?.until ?? first.until, message: first.message };
  }
}
