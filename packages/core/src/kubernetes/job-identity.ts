// How mflow finds again what it made in a cluster: names, labels, annotations and the finalizer. Nothing without these
// is ever touched.

import { sha256 } from "@noble/hashes/sha2.js";
import { bytesToHex, utf8ToBytes } from "@noble/hashes/utils.js";

/** Names of the labels of every Job, pod and Secret of mflow. */
export const LABELS = {
  managedBy: "app.kubernetes.io/managed-by",
  /** Tells the installations of mflow on one cluster apart. */
  installation: "mflow.dev/installation",
  taskId: "mflow.dev/task-id",
  attempt: "mflow.dev/attempt",
  /** Absent for a task that was run alone. */
  runId: "mflow.dev/run-id",
  task: "mflow.dev/task",
  job: "mflow.dev/job",
  domain: "mflow.dev/domain",
  namespace: "mflow.dev/namespace",
} as const;

/** Value of the label `app.kubernetes.io/managed-by`. */
export const MANAGED_BY = "mflow";

/** Annotation of a Job whose stage follows from what its pods do; missing with `manualUpdateStatus`. */
export const TASK_ID_ANNOTATION = "mflow.dev/task-id";

/** Annotation by which an author asks for a kubeconfig: path of the file in each container. */
export const KUBE_CONFIG_MOUNT_ANNOTATION = "mflow.dev/kube-config-mount";

/** Finalizer that keeps a Job until mflow has committed its result. */
export const RESULT_FINALIZER = "mflow.dev/result";

const MAX_LABEL = 63;
const SAFE_LABEL = /^[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?$/;
/** The controller adds `-`, an index and a suffix of five to a Job's name, and 63 are allowed. */
const MAX_JOB_NAME = 52;
const DNS_LABEL = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/;
/** 40 bits. */
const HASH_LENGTH = 10;

function shortHash(text: string): string {
  return bytesToHex(sha256(utf8ToBytes(text))).slice(0, HASH_LENGTH);
}

/** What is left of a text and a hash of the whole, so that different texts stay different. */
function shortened(text: string, unsafe: RegExp, length: number): string {
  const cleaned = text
    .slice(0, length - HASH_LENGTH - 1)
    .replace(unsafe, "-")
    .replace(/^[^A-Za-z0-9]+|[^A-Za-z0-9]+$/g, "");
  return cleaned === "" ? shortHash(text) : `${cleaned}-${shortHash(text)}`;
}

/**
 * The text as the value of a label: as it is when Kubernetes takes it, else cleaned, cut to 63 characters and with a
 * hash of the whole, so that different texts stay different.
 */
export function labelValue(text: string): string {
  if (text.length <= MAX_LABEL && SAFE_LABEL.test(text)) return text;
  return shortened(text, /[^-A-Za-z0-9_.]+/g, MAX_LABEL);
}

/** A DNS label of at most `length` characters that stands for the text alone. */
function dnsLabel(text: string, length: number): string {
  if (text.length <= length && DNS_LABEL.test(text)) return text;
  return shortened(text, /[^-A-Za-z0-9]+/g, length).toLowerCase();
}

/** Name of the Job of an attempt: the same for the same attempt, so that a Job is never created twice. */
export function jobNameOf(taskId: string, attempt: number): string {
  const suffix = `-${attempt}`;
  return dnsLabel(taskId, MAX_JOB_NAME - suffix.length) + suffix;
}

/** Name of the Secret with what is secret of an attempt. */
export function secretNameOf(taskId: string, attempt: number): string {
  return jobNameOf(taskId, attempt);
}

/** Name of the PersistentVolumeClaim that the tasks of a run share; of a lone task, by the task's id. */
export function workspaceClaimOf(runId: string): string {
  const suffix = "-workspace";
  return dnsLabel(runId, MAX_LABEL - suffix.length) + suffix;
}

/** Label selector of all that an installation of mflow made, for lists and watches. */
export function selectorOf(installation: string): string {
  return `${LABELS.managedBy}=${MANAGED_BY},${LABELS.installation}=${labelValue(installation)}`;
}

/** Whom an object of mflow belongs to. */
export interface JobIdentity {
  taskId: string;
  attempt: number;
  /** Name of the task. */
  name: string;
  /** Name of the job. */
  job: string;
  domain: string;
  /** Namespace of mflow. */
  namespace: string;
  pipelineTaskId?: string;
  /** 20 characters that tell this installation of mflow from others on the same cluster. */
  installation: string;
}

/** The labels of everything that belongs to an attempt. */
export function labelsOf(identity: JobIdentity): Record<string, string> {
  const { pipelineTaskId } = identity;
  return {
    [LABELS.managedBy]: MANAGED_BY,
    [LABELS.installation]: labelValue(identity.installation),
    [LABELS.taskId]: labelValue(identity.taskId),
    [LABELS.attempt]: String(identity.attempt),
    ...(pipelineTaskId === undefined ? {} : { [LABELS.runId]: labelValue(pipelineTaskId) }),
    [LABELS.task]: labelValue(identity.name),
    [LABELS.job]: labelValue(identity.job),
    [LABELS.domain]: labelValue(identity.domain),
    [LABELS.namespace]: labelValue(identity.namespace),
  };
}
