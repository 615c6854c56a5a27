// What keeps the work of an attempt from starting: the true reason in words, as Kubernetes spreads it over conditions,
// states of containers and events.

import type { KubeJob, KubePod } from "./kube-objects.ts";

/** An event of type Warning. */
export interface Warning {
  /** What it is about. */
  kind: "Job" | "Pod";
  reason: string;
  message: string;
}

export interface Trouble {
  /** A code of `REASONS`. */
  reason: string;
  message: string;
  /** It may pass by itself, e.g. when other work ends; it is waited for. */
  heals: boolean;
}

/** Reasons of waiting containers that no time mends (kubelet's images and kuberuntime packages). */
const IMAGE_REASONS = new Set([
  "ErrImagePull",
  "ImagePullBackOff",
  "InvalidImageName",
  "ErrImageNeverPull",
  "ImageInspectError",
  "RegistryUnavailable",
]);
const CONTAINER_REASONS = new Set(["CreateContainerError", "RunContainerError", "ErrImageNeverPull"]);

/** Whether work that is in the way on the nodes, or the nodes themselves, may change, as schedulers say it. */
const MAY_PASS = new RegExp(
  [
    "Insufficient|Too many pods|free ports|exceed max volume count|anti-affinity rules",
    "ReadWriteOncePod|WaitForFirstConsumer",
    // A node that restarts, is drained, is short of something, or is still to come.
    "node\\(s\\) were unschedulable|no nodes available",
    "taint .*node\\.(cloudprovider\\.)?kubernetes\\.io/",
  ].join("|"),
  "i",
);

/** Reasons of events of a node that tries again. */
const UNPREPARED = new Set(["FailedMount", "FailedAttachVolume", "FailedCreatePodSandBox"]);

/** Since 1.24 each message ends with why no pod of lower priority is removed instead, whatever the trouble is. */
const AFTERTHOUGHT = /\bpreemption: .*$/is;

/** The trouble of the newest pod, or of a Job that has no pod; nothing when all goes its way. */
export function troubleOf(
  pod: KubePod | undefined,
  warnings: readonly Warning[],
  job?: KubeJob,
): Trouble | undefined {
  if (!pod) return suspension(job) ?? jobTrouble(warnings);
  return scheduling(pod) ?? waiting(pod, warnings) ?? preparing(pod, warnings);
}

/** Its author, or a queue of the cluster, lets no pod be made yet. */
function suspension(job: KubeJob | undefined): Trouble | undefined {
  if (job?.spec.suspend !== true) return undefined;
  const message = "the Job is suspended: its author, or a queue of the cluster, has yet to let it begin";
  return { reason: "UNSCHEDULABLE", message, heals: true };
}

/** The Job controller could not make a pod. */
function jobTrouble(warnings: readonly Warning[]): Trouble | undefined {
  const warning = warnings.findLast(({ kind, reason }) => kind === "Job" && reason === "FailedCreate");
  if (!warning) return undefined;
  const message = warning.message.replace(/^Error creating: /, "");
  if (/exceeded quota/.test(message))
    return { reason: "QUOTA", message: `no pod may be made: ${message}`, heals: true };
  if (/serviceaccount .* not found|service account .* not found/i.test(message)) {
    return { reason: "CONFIG_MISSING", message, heals: false };
  }
  return { reason: "POD_FAILED", message: `no pod can be made: ${message}`, heals: false };
}

function scheduling({ status }: KubePod): Trouble | undefined {
  const condition = status?.conditions?.find(
    ({ type, status }) => type === "PodScheduled" && status === "False",
  );
  if (condition?.reason === "SchedulingGated") {
    const message = `the pod has scheduling gates that somebody has yet to remove: ${condition.message ?? ""}`;
    return { reason: "UNSCHEDULABLE", message, heals: true };
  }
  if (condition?.reason !== "Unschedulable") return undefined;
  const message = condition.message ?? "it does not say why";
  // Others end and give back what they use; a label or volume that no node has does not come by itself.
  return {
    reason: "UNSCHEDULABLE",
    message: `no node takes the pod: ${message}`,
    heals: MAY_PASS.test(message.replace(AFTERTHOUGHT, "")),
  };
}

function waiting({ spec, status }: KubePod, warnings: readonly Warning[]): Trouble | undefined {
  for (const { name, state } of [
    ...(status?.initContainerStatuses ?? []),
    ...(status?.containerStatuses ?? []),
  ]) {
    const { reason = "", message = "" } = state?.waiting ?? {};
    if (IMAGE_REASONS.has(reason)) {
      const image = [...(spec.initContainers ?? []), ...spec.containers].find(
        (one) => one.name === name,
      )?.image;
      // While it backs off, only the event still tells what the registry said.
      const said = warnings.findLast((warning) =>
        /^Failed to (pull|apply)|Failed to inspect/.test(warning.message),
      )?.message;
      const why = reason === "ImagePullBackOff" ? (said ?? message) : message || reason;
      return {
        reason: "IMAGE_PULL",
        message: `container \`${name}\`: image \`${image ?? "?"}\` cannot be pulled: ${why}`,
        heals: false,
      };
    }
    if (reason === "CreateContainerConfigError") {
      return {
        reason: "CONFIG_MISSING",
        message: `container \`${name}\` lacks its configuration: ${message}`,
        // The node has not heard of the Secret or ConfigMap yet, and tries again.
        heals: /failed to sync (secret|configmap) cache/.test(message),
      };
    }
    if (CONTAINER_REASONS.has(reason)) {
      return {
        reason: "INVALID_CONTAINER",
        message: `container \`${name}\` cannot be made: ${message || reason}`,
        heals: false,
      };
    }
  }
  return undefined;
}

/** What a node cannot prepare, volumes or the pod's network, shows in events alone. */
function preparing({ status }: KubePod, warnings: readonly Warning[]): Trouble | undefined {
  const started = status?.containerStatuses?.some(({ state }) => state?.running || state?.terminated);
  if (started || status?.phase !== "Pending") return undefined;
  const warning = warnings.findLast(
    ({ kind, reason, message }) =>
      kind === "Pod" && UNPREPARED.has(reason) && !message.startsWith("Unable to attach or mount"),
  );
  if (!warning) return undefined;
  const isMissing = warning.reason === "FailedMount" && /not found/.test(warning.message);
  return { reason: isMissing ? "CONFIG_MISSING" : "POD_FAILED", message: warning.message, heals: !isMissing };
}
