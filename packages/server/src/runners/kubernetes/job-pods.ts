// What a Job says of its pods: Jobs and pods are watched apart, and one may be heard of before the other.

import type { KubeJob, KubeObject, KubePod } from "@mflow/core/kubernetes/kube-objects";

/** Whether Kubernetes has come to a verdict on a Job. */
export function hasEnded({ status }: KubeJob): boolean {
  return (status?.conditions ?? []).some(
    ({ type, status }) => (type === "Complete" || type === "Failed") && status === "True",
  );
}

/** Whether nothing of the pod runs any more. */
export function hasPodEnded({ status }: KubePod): boolean {
  return status?.phase === "Succeeded" || status?.phase === "Failed";
}

/** Whether a pod that has ended and is to go is kept by finalizers. */
export function isHeld(pod: KubePod): boolean {
  return hasPodEnded(pod) && (pod.metadata?.finalizers ?? []).length > 0;
}

/** Whether as many pods are seen to have ended as the Job counts. */
export function areAllKnown({ status = {} }: KubeJob, pods: readonly KubePod[]): boolean {
  const ended = pods.filter(hasPodEnded);
  return (
    ended.length === pods.length &&
    ended.length >= Math.max((status.succeeded ?? 0) + (status.failed ?? 0), 1)
  );
}

/** Whether a pod, as the API server tells it, is of this very Job. */
export function isPodOf(job: KubeJob, { metadata }: KubeObject): boolean {
  return metadata?.ownerReferences?.some(({ uid }) => uid === job.metadata?.uid) ?? false;
}
