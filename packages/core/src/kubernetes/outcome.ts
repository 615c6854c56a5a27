// How an attempt ended, and the true reason in words, from what Job and pods say.

import type { Masker } from "../mask.ts";
import { containerFailure } from "./failure.ts";
import { helperFailure, withoutHelpers } from "./helper-view.ts";
import type { KubeCondition, KubeJob, KubeJobSpec, KubePod } from "./kube-objects.ts";

interface Why {
  /** A code of `REASONS`. */
  reason: string;
  message: string;
}

export interface Outcome extends Partial<Why> {
  stage: "SUCCEEDED" | "FAILED";
  /** FAILED, but the Job does not know yet and might start another pod: it has to be deleted before that is said. */
  mustStop?: boolean;
}

const DEADLINE_EXCEEDED = "DeadlineExceeded";
const DEADLINE = "the Job was active longer than its `activeDeadlineSeconds`";

/**
 * The outcome; nothing while there is none. `pods`: oldest first. The words of containers are masked by `mask`, all else
 * is as it came.
 */
export function outcomeOf(
  job: KubeJob | undefined,
  pods: readonly KubePod[],
  mask: Masker,
): Outcome | undefined {
  if (conditionOf(job, "Complete")) return { stage: "SUCCEEDED" };
  const failed = conditionOf(job, "Failed");
  if (failed) return { stage: "FAILED", ...jobFailure(failed, pods, mask) };
  const failing = conditionOf(job, "FailureTarget");
  const isPastDeadline = failing?.reason === DEADLINE_EXCEEDED;
  if (failing && !isPastDeadline) {
    // The Job fails for certain, but says so when its pods are gone, and what they said with them.
    const failure = lastOf(pods, (pod) => failureBeforeRemoval(pod, mask));
    if (failure) return { stage: "FAILED", ...failure };
  }
  const pod = pods.findLast(({ status }) => status?.phase === "Failed") ?? pods.at(-1);
  if (!pod || !isSingle(job)) return undefined;
  // One pod and no other after it: what it says is the result, a moment before the Job says it too.
  if (pod.status?.phase === "Succeeded") return { stage: "SUCCEEDED" };
  const failure = podFailure(pod, mask);
  if (failure) return { stage: "FAILED", ...failure };
  if (failing && !isPastDeadline) return undefined;
  if (pods.length > 1) {
    const message = "its pod is gone, and Kubernetes began to run the work a second time";
    return { stage: "FAILED", reason: "EVICTED", message, mustStop: true };
  }
  if (pod.metadata?.deletionTimestamp === undefined) return undefined;
  return { stage: "FAILED", ...removal(job, pod, mask), mustStop: true };
}

/** Why a Job failed: what the newest pod that failed says, for the Job only counts them. */
function jobFailure(failed: KubeCondition, pods: readonly KubePod[], mask: Masker): Why {
  if (failed.reason === DEADLINE_EXCEEDED) return { reason: "DEADLINE", message: DEADLINE };
  const failure =
    lastOf(pods, (pod) => ownFailure(pod, mask)) ?? lastOf(pods, (pod) => podFailure(pod, mask));
  if (failure) return failure;
  const said = failed.message ?? failed.reason ?? "it does not say why";
  return { reason: "POD_FAILED", message: `the Job failed: ${said}` };
}

function lastOf(pods: readonly KubePod[], whyOf: (pod: KubePod) => Why | undefined): Why | undefined {
  return pods.map(whyOf).findLast((why) => why !== undefined);
}

/** Why a pod failed, or goes on failing, by itself: not because the Job controller or a person removes it. */
function ownFailure(pod: KubePod, mask: Masker): Why | undefined {
  if (pod.status?.phase === "Succeeded") return undefined;
  const removedAt = removedAtOf(pod);
  if (removedAt !== undefined) return containerFailure(withoutHelpers(pod), mask, removedAt);
  return podFailure(pod, mask) ?? containerFailure(withoutHelpers(pod), mask);
}

/**
 * Pods whose containers begin again never fail: when they have failed too often, the Job controller deletes them. Nothing
 * of other pods, and when no container had failed before.
 */
function failureBeforeRemoval(pod: KubePod, mask: Masker): Why | undefined {
  const removedAt = removedAtOf(pod);
  if (removedAt === undefined || pod.spec.restartPolicy !== "OnFailure") return undefined;
  return containerFailure(pod, mask, removedAt);
}

/** When somebody asked to delete the pod, ms since 1970; its `deletionTimestamp` is when its time to end is over. */
function removedAtOf({ metadata }: KubePod): number | undefined {
  if (metadata?.deletionTimestamp === undefined) return undefined;
  return Date.parse(metadata.deletionTimestamp) - (metadata.deletionGracePeriodSeconds ?? 0) * 1000;
}

/** Whether the Job runs one pod, once. */
export function isSingle(job: KubeJob | undefined): boolean {
  const {
    backoffLimit,
    backoffLimitPerIndex,
    parallelism = 1,
    completions = 1,
    podFailurePolicy,
  }: Partial<KubeJobSpec> = job?.spec ?? {};
  return (
    backoffLimit === 0 &&
    backoffLimitPerIndex === undefined &&
    podFailurePolicy === undefined &&
    parallelism === 1 &&
    completions === 1
  );
}

/** Why a pod failed; nothing when it did not. */
function podFailure(pod: KubePod, mask: Masker): Why | undefined {
  if (pod.status?.phase !== "Failed") return undefined;
  const { reason, message = "" } = pod.status;
  if (reason === DEADLINE_EXCEEDED)
    return { reason: "DEADLINE", message: "the pod was active longer than its deadline" };
  if (reason === "Evicted")
    return { reason: "EVICTED", message: `the node evicted the pod: ${message || "it does not say why"}` };
  if (
    reason === "NodeLost" ||
    reason === "NodeShutdown" ||
    reason === "Shutdown" ||
    reason === "Terminated"
  ) {
    return { reason: "NODE_LOST", message: `node ${pod.spec.nodeName ?? "?"} is gone: ${message || reason}` };
  }
  const disruption = disruptionOf(pod);
  if (disruption) return disruption;
  const work = withoutHelpers(pod);
  // Of the two the failure of the work counts more.
  const failure =
    containerFailure(work, mask, removedAtOf(pod)) ??
    containerFailure(work, mask) ??
    helperFailure(pod, mask);
  if (failure) return failure;
  const why = message || reason || "it does not say why";
  return { reason: "POD_FAILED", message: `the pod failed: ${why}` };
}

/** At the deadline the pods are deleted first; the Job says why a moment later. */
function isDeadlineOver(job: KubeJob | undefined, pod: KubePod): boolean {
  const { activeDeadlineSeconds = Number.POSITIVE_INFINITY } = job?.spec ?? {};
  const endMs = Date.parse(job?.status?.startTime ?? "") + (activeDeadlineSeconds - 1) * 1000;
  return (removedAtOf(pod) ?? Number.NEGATIVE_INFINITY) >= endMs;
}

/** Why somebody or something removes a pod that runs. */
function removal(job: KubeJob | undefined, pod: KubePod, mask: Masker): Why {
  const known = disruptionOf(pod) ?? failureBeforeRemoval(pod, mask);
  if (known) return known;
  if (isDeadlineOver(job, pod)) return { reason: "DEADLINE", message: DEADLINE };
  if (job?.spec.suspend === true) return { reason: "EVICTED", message: "its Job was suspended while it ran" };
  const message = "its pod was deleted while it ran: by a person, an eviction or a drain of its node";
  return { reason: "EVICTED", message };
}

/** https://kubernetes.io/docs/concepts/workloads/pods/disruptions/#pod-disruption-conditions */
function disruptionOf(pod: KubePod): Why | undefined {
  const condition = pod.status?.conditions?.find(
    ({ type, status }) => type === "DisruptionTarget" && status === "True",
  );
  if (!condition) return undefined;
  const isNode = condition.reason === "DeletionByTaintManager" || condition.reason === "DeletionByPodGC";
  const message = condition.message || condition.reason || "the pod was removed";
  return { reason: isNode ? "NODE_LOST" : "EVICTED", message };
}

/** A condition of the Job that holds. */
export function conditionOf(job: KubeJob | undefined, type: string): KubeCondition | undefined {
  return job?.status?.conditions?.find((condition) => condition.type === type && condition.status === "True");
}
