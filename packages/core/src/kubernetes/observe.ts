// What an attempt does, from what Kubernetes says of its Job, its pods and the warnings about them: the stage, the true
// reason in words, and how each container went. Pure: the same objects give the same answer.

import type { StepStatus } from "../schema/job-task.ts";
import { containerFailure } from "./failure.ts";
import type { KubeContainerStatus, KubeJob, KubeJobSpec, KubePod } from "./kube-objects.ts";
import { type Trouble, troubleOf, type Warning } from "./trouble.ts";

export type { Trouble, Warning } from "./trouble.ts";

export interface Observed {
  /** Absent: not created yet, or gone. */
  job?: KubeJob;
  /** Of this Job, in any order. */
  pods: readonly KubePod[];
  /** What Kubernetes warned of Job and pods, oldest first. */
  warnings: readonly Warning[];
}

export interface Observation {
  stage: "CREATING" | "ACTIVE" | "SUCCEEDED" | "FAILED";
  /** Why it FAILED. */
  reason?: string;
  message?: string;
  /** What keeps a container from starting. */
  trouble?: Trouble;
  /** FAILED, but the Job does not know yet and might start another pod: it has to be deleted before that is said. */
  mustStop?: boolean;
  /** When the first container began, RFC 3339, whole seconds. */
  startAt?: string;
  /** When the last container ended, the same. */
  endAt?: string;
  steps: StepStatus[];
}

/** What there is to say of an attempt. A Job that is gone, or is being deleted, is the caller's to judge. */
export function observe({ job, pods, warnings }: Observed): Observation {
  const sorted = pods.toSorted(byAge);
  const statuses = sorted.flatMap(statusesOf);
  const facts: Pick<Observation, "steps" | "startAt" | "endAt"> = {
    steps: stepsOf(sorted),
    startAt: earliest(statuses.map((status) => beginOf(status))),
    endAt: latest(statuses.map(({ state }) => state?.terminated?.finishedAt)),
  };
  const outcome = outcomeOf(job, sorted);
  if (outcome) return { ...facts, ...outcome, endAt: facts.endAt ?? endOfJob(job) };
  const isActive = facts.startAt !== undefined;
  const trouble = troubleOf(sorted.at(-1), warnings);
  return { ...facts, stage: isActive ? "ACTIVE" : "CREATING", ...(trouble && { trouble }) };
}

const DEADLINE = "the Job was active longer than its `activeDeadlineSeconds`";

type Outcome = Pick<Observation, "reason" | "message" | "mustStop"> & { stage: "SUCCEEDED" | "FAILED" };

function outcomeOf(job: KubeJob | undefined, pods: readonly KubePod[]): Outcome | undefined {
  const failed = conditionOf(job, "Failed");
  if (conditionOf(job, "Complete")) return { stage: "SUCCEEDED" };
  if (failed?.reason === "DeadlineExceeded") {
    return { stage: "FAILED", reason: "DEADLINE", message: DEADLINE };
  }
  const pod = pods.findLast(({ status }) => status?.phase === "Failed") ?? pods.at(-1);
  if (failed) {
    const said = failed.message ?? failed.reason ?? "it does not say why";
    return {
      stage: "FAILED",
      ...(podFailure(pod) ?? { reason: "POD_FAILED", message: `the Job failed: ${said}` }),
    };
  }
  if (!pod || !isSingle(job)) return undefined;
  // One pod and no other after it: what it says is the result, a moment before the Job says it too.
  if (pod.status?.phase === "Succeeded") return { stage: "SUCCEEDED" };
  const failure = podFailure(pod);
  if (failure) return { stage: "FAILED", ...failure };
  if (pods.length > 1) {
    const message = "its pod is gone, and Kubernetes began to run the work a second time";
    return { stage: "FAILED", reason: "EVICTED", message, mustStop: true };
  }
  if (pod.metadata?.deletionTimestamp === undefined) return undefined;
  const removed = isDeadlineOver(job, pod) ? { reason: "DEADLINE", message: DEADLINE } : removal(pod);
  return { stage: "FAILED", ...removed, mustStop: true };
}

/** Whether the Job runs one pod, once. */
function isSingle(job: KubeJob | undefined): boolean {
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
function podFailure(pod: KubePod | undefined): { reason: string; message: string } | undefined {
  if (pod?.status?.phase !== "Failed") return undefined;
  const { reason, message = "" } = pod.status;
  if (reason === "DeadlineExceeded")
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
  const failure = containerFailure(pod);
  if (failure) return failure;
  const why = message || reason || "it does not say why";
  return { reason: "POD_FAILED", message: `the pod failed: ${why}` };
}

/** At the deadline the pods are deleted first; the Job says why a moment later. */
function isDeadlineOver(job: KubeJob | undefined, { metadata }: KubePod): boolean {
  const { activeDeadlineSeconds = Number.POSITIVE_INFINITY } = job?.spec ?? {};
  const graceMs = (metadata?.deletionGracePeriodSeconds ?? 0) * 1000;
  const deletedAt = Date.parse(metadata?.deletionTimestamp ?? "") - graceMs;
  return deletedAt >= Date.parse(job?.status?.startTime ?? "") + (activeDeadlineSeconds - 1) * 1000;
}

/** Why somebody or something removes a pod that runs. */
function removal(pod: KubePod): { reason: string; message: string } {
  return (
    disruptionOf(pod) ?? {
      reason: "EVICTED",
      message: "its pod was deleted while it ran: by a person, an eviction or a drain of its node",
    }
  );
}

/** https://kubernetes.io/docs/concepts/workloads/pods/disruptions/#pod-disruption-conditions */
function disruptionOf(pod: KubePod): { reason: string; message: string } | undefined {
  const condition = pod.status?.conditions?.find(
    ({ type, status }) => type === "DisruptionTarget" && status === "True",
  );
  if (!condition) return undefined;
  const isNode = condition.reason === "DeletionByTaintManager" || condition.reason === "DeletionByPodGC";
  const message = condition.message || condition.reason || "the pod was removed";
  return { reason: isNode ? "NODE_LOST" : "EVICTED", message };
}

function conditionOf(job: KubeJob | undefined, type: string) {
  return job?.status?.conditions?.find((condition) => condition.type === type && condition.status === "True");
}

function endOfJob(job: KubeJob | undefined): string | undefined {
  return job?.status?.completionTime ?? conditionOf(job, "Failed")?.lastTransitionTime;
}

/** Init containers first, as they run. */
function statusesOf({ status }: KubePod): KubeContainerStatus[] {
  return [...(status?.initContainerStatuses ?? []), ...(status?.containerStatuses ?? [])];
}

/** The first begin of a container, also before a restart. */
function beginOf({ state, lastState }: KubeContainerStatus): string | undefined {
  const begin = lastState?.terminated?.startedAt ?? state?.running?.startedAt ?? state?.terminated?.startedAt;
  // Of one that could not be started the zero time is told.
  return begin?.startsWith("1970-") ? undefined : begin;
}

/** The containers that began; of several pods each with the end of its pod's name. */
function stepsOf(pods: readonly KubePod[]): StepStatus[] {
  const steps: StepStatus[] = [];
  for (const pod of pods) {
    for (const status of statusesOf(pod)) {
      const begin = beginOf(status);
      if (begin === undefined) continue;
      const ended = status.state?.terminated;
      const step: StepStatus = { name: stepName(pod, status.name, pods.length), startAt: timestamp(begin) };
      if (ended) {
        step.exitCode = ended.exitCode;
        if (ended.finishedAt) {
          step.endAt = timestamp(ended.finishedAt);
          step.durationMs = Date.parse(ended.finishedAt) - Date.parse(begin);
        }
      }
      steps.push(step);
    }
  }
  return steps;
}

/** How a container is called in status and log: by its name, and with several pods also by the end of its pod's. */
export function stepName(pod: KubePod, container: string, pods: number): string {
  return pods > 1 ? `${container}.${pod.metadata?.name?.slice(-5)}` : container;
}

/** The older pod first. */
export function byAge(one: KubePod, other: KubePod): number {
  const begin = (pod: KubePod) => Date.parse(pod.metadata?.creationTimestamp ?? "") || 0;
  return begin(one) - begin(other) || (one.metadata?.name ?? "").localeCompare(other.metadata?.name ?? "");
}

function timestamp(time: string): string {
  return new Date(time).toISOString();
}

/** Kubernetes says whole seconds in UTC, so that texts compare as times do. */
function earliest(times: readonly (string | undefined)[]): string | undefined {
  return times.filter((time) => time !== undefined).toSorted()[0];
}

function latest(times: readonly (string | undefined)[]): string | undefined {
  return times
    .filter((time) => time !== undefined)
    .toSorted()
    .at(-1);
}
