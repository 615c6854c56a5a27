// Pods that are lost without a word of their node: those that somebody removed by force while they ran, which the watch
// knows no more, and those that were told to end and whose node does not say that they have. A clock of the cluster's is
// never compared with ours here: what counts is when something was first seen.

import type { KubeContainerStatus, KubeJob, KubePod } from "@mflow/core/kubernetes/kube-objects";
import { isSingle } from "@mflow/core/kubernetes/outcome";
import { hasEnded, hasPodEnded } from "./job-pods.ts";

/** After its grace a node needs a moment to say that a pod has ended, milliseconds. */
const OVERDUE_MS = 5_000;

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
  /** By uid, when the grace of a pod ends, from when it was first seen to be told to end. */
  readonly #graceEnds = new Map<string, number>();

  /** `patienceMs`: how long a node may take to say that a pod has ended whose grace is over. */
  constructor(patienceMs: number) {
    this.#patienceMs = patienceMs;
  }

  /** A pod is not there any more; as it was last. */
  gone(pod: KubePod): void {
    // Of one in which nothing had begun nothing is lost: the Job makes another.
    const hasBegun = containersOf(pod).some(({ state }) => state?.running || state?.terminated);
    if (!hasBegun) return;
    const { deletionTimestamp = new Date().toISOString() } = pod.metadata ?? {};
    this.#gone.push({ ...pod, metadata: { ...pod.metadata, deletionTimestamp } });
  }

  /** The pods of a Job that runs one pod once, with those that are gone: clusters before 1.26 make another in silence. */
  withGone(job: KubeJob | undefined, pods: KubePod[]): KubePod[] {
    if (this.#gone.length === 0 || !job || !isSingle(job) || hasEnded(job)) return pods;
    return [...this.#gone, ...pods];
  }

  /**
   * The pods in which a container still runs although their grace is over, and when it will be for another one,
   * milliseconds since the epoch.
   */
  overdue(pods: readonly KubePod[], now = Date.now()): { pods: KubePod[]; next: number | undefined } {
    const running = pods.filter((pod) => containersOf(pod).some(({ state }) => state?.running));
    const dueAt = (pod: KubePod) => (this.#graceEnd(pod, now) ?? Number.POSITIVE_INFINITY) + OVERDUE_MS;
    const later = running.map(dueAt).filter((time) => time > now && time < Number.POSITIVE_INFINITY);
    return {
      pods: running.filter((pod) => dueAt(pod) <= now),
      next: later.length > 0 ? Math.min(...later) : undefined,
    };
  }

  /** The node that is waited for so that these pods end; undefined while one of them was not told to. */
  silentNode(pods: readonly KubePod[], now = Date.now()): SilentNode | undefined {
    const waits = pods.map((pod) => {
      const graceEnd = this.#graceEnd(pod, now);
      if (graceEnd === undefined) return undefined;
      return { until: graceEnd + this.#patienceMs, message: whyItStays(pod) };
    });
    const told = waits.filter((wait) => wait !== undefined).toSorted((a, b) => a.until - b.until);
    const [first] = told;
    if (!first || told.length < pods.length) return undefined;
    return { until: told.at(-1)?.until ?? first.until, message: first.message };
  }

  #graceEnd({ metadata = {} }: KubePod, now: number): number | undefined {
    const { uid = "", deletionTimestamp, deletionGracePeriodSeconds = 0 } = metadata;
    if (deletionTimestamp === undefined) return undefined;
    const end = this.#graceEnds.get(uid) ?? now + deletionGracePeriodSeconds * 1000;
    this.#graceEnds.set(uid, end);
    return end;
  }
}

function containersOf({ status }: KubePod): KubeContainerStatus[] {
  return [...(status?.initContainerStatuses ?? []), ...(status?.containerStatuses ?? [])];
}

/** Why a pod that was told to end is still there. */
function whyItStays(pod: KubePod): string {
  const { metadata, spec } = pod;
  if (hasPodEnded(pod)) {
    const holders = (metadata?.finalizers ?? []).map((each) => `\`${each}\``).join(", ");
    return `pod ${metadata?.name} has ended, but is not removed${holders && `: it has the finalizers ${holders}`}`;
  }
  return `node ${spec.nodeName ?? "?"} does not say that pod ${metadata?.name} has ended, long after it was told to; what ran there may go on until the node is back`;
}
