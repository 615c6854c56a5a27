// What a cluster is given for one attempt of a K8S_JOB task: the author's Job with the name, labels, environment and
// defaults of mflow, and a Secret with what nobody who reads Jobs may see. Pure: the same input gives the same objects.

import { MflowError } from "../errors.ts";
import { isMap } from "../is-map.ts";
import type { Keep } from "../keep.ts";
import { createMasker } from "../mask.ts";
import type { K8sJobSpec } from "../schema/runner-spec.ts";
import { authorsPod, type Fields, textMap } from "./author-fields.ts";
import {
  type JobIdentity,
  jobNameOf,
  LABELS,
  labelsOf,
  RESULT_FINALIZER,
  secretNameOf,
  TASK_ID_ANNOTATION,
} from "./job-identity.ts";
import { KUBECONFIG_KEY, kubeConfigMount } from "./kube-config-mount.ts";
import type { KubeEnvVar, KubeJob, KubeMeta, KubePodSpec, KubeSecret } from "./kube-objects.ts";
import { extendPod, type PodExtension, plainEnvVar } from "./pod-extension.ts";
import { DEFAULT_WORKSPACE_PATH, filesProblem, WORKSPACE_VOLUME, withFiles } from "./pod-files.ts";

export {
  jobNameOf,
  LABELS,
  labelValue,
  MANAGED_BY,
  RESULT_FINALIZER,
  secretNameOf,
  selectorOf,
  TASK_ID_ANNOTATION,
  workspaceClaimOf,
} from "./job-identity.ts";

/** One attempt of a task, ready to run. Holds secrets: never stored, never logged. */
export interface JobToRender extends JobIdentity {
  /** The rendered runner spec, valid by K8sJobSpec. */
  spec: K8sJobSpec;
  /** ENV params and system variables. */
  env: Readonly<Record<string, string>>;
  /** Names in `env` whose values are secret. */
  secretEnv: readonly string[];
  /** How long the task may take, milliseconds. */
  timeoutMs?: number;
  /** The stage comes from the status call alone. */
  manualUpdateStatus: boolean;
  /** Namespace of Kubernetes. */
  kubeNamespace: string;
  /** What the pod's own workspace may hold, unless the spec says. */
  workspaceSizeLimit?: string;
  /** Name of the claim of the run's workspace, when `spec.workspace` is `run`. */
  workspaceClaim?: string;
  /** Text of the kubeconfig for pods that ask for it by annotation. */
  kubeconfig?: string;
  /** What the task does with files; absent: nothing. */
  keep?: Keep;
  /** Image of the containers that do it. */
  helperImage?: string;
}

export interface RenderedJob {
  job: KubeJob;
  /** Absent when nothing is secret. Who creates it adds `ownerReferences`, once the Job's uid is known. */
  secret?: KubeSecret;
}

/** Seconds after the task's own timeout at which the cluster stops the Job, when mflow was away. */
const DEADLINE_SLACK = 30;
/** Seconds between SIGTERM and SIGKILL. */
const DEFAULT_GRACE = 10;

/**
 * Renders the objects of one attempt. The input is not changed. Throws RUNNER_REFUSED when the spec has no pod template
 * with containers, asks for a kubeconfig that there is none of, or cannot do with files what the task says.
 */
export function renderJob(input: JobToRender): RenderedJob {
  const labels = labelsOf(input);
  const secretName = secretNameOf(input.taskId, input.attempt);
  const { template, templateMeta, pod } = authorsPod(input.spec);
  const extension: PodExtension = { params: [], defaults: [], volumes: [], mounts: [] };
  const secrets = addParams(extension, input, secretName);

  const mount = kubeConfigMount([input.spec.metadata, templateMeta], pod, input.kubeconfig, secretName);
  if (mount) {
    secrets[KUBECONFIG_KEY] = mount.text;
    extension.volumes.push(mount.volume);
    extension.mounts.push(mount.mount);
    extension.defaults.push(mount.variable);
  }
  if (input.spec.workspace === "run" || input.keep) addWorkspace(extension, input);

  const { ttlSecondsAfterFinished: _, ...authorsSpec } = input.spec.spec;
  const job: KubeJob = {
    apiVersion: "batch/v1",
    kind: "Job",
    metadata: {
      name: jobNameOf(input.taskId, input.attempt),
      namespace: input.kubeNamespace,
      labels: { ...authorsLabels(input.spec.metadata), ...labels },
      ...annotationsOf(input),
      finalizers: [RESULT_FINALIZER],
    },
    spec: {
      ...authorsSpec,
      ...jobDefaults(authorsSpec, input.timeoutMs),
      template: {
        ...template,
        metadata: {
          ...templateMeta,
          labels: { ...authorsLabels(templateMeta), ...labels },
          ...(isMap(templateMeta?.annotations) ? { annotations: textMap(templateMeta.annotations) } : {}),
        } as KubeMeta,
        spec: podWithFiles(extendPod({ ...pod, ...podDefaults(pod) }, extension), input, extension),
      },
    },
  };
  if (Object.keys(secrets).length === 0) return { job };
  const metadata = { name: secretName, namespace: input.kubeNamespace, labels };
  const kinds = { apiVersion: "v1", kind: "Secret", type: "Opaque", immutable: true };
  return { job, secret: { ...kinds, metadata, stringData: secrets } };
}

/**
 * Puts the params into the extension and answers those that belong into the Secret. A value that contains a secret one
 * is secret too.
 */
function addParams(
  extension: PodExtension,
  { env, secretEnv }: JobToRender,
  secretName: string,
): Record<string, string> {
  const secretNames = new Set(secretEnv);
  const mask = createMasker(
    Object.entries(env).flatMap(([name, value]) => (secretNames.has(name) ? value : [])),
  );
  const secrets = new Map<string, string>();
  for (const [name, value] of Object.entries(env)) {
    if (!secretNames.has(name) && mask(value) === value) {
      extension.params.push(plainEnvVar(name, value));
      continue;
    }
    secrets.set(name, value);
    const secretKeyRef = { name: secretName, key: name };
    extension.params.push({ name, valueFrom: { secretKeyRef } } satisfies KubeEnvVar);
  }
  return Object.fromEntries(secrets);
}

/** The volume of the run, or for files of this task alone one that ends with the pod. */
function addWorkspace(
  extension: PodExtension,
  { spec, workspaceClaim, workspaceSizeLimit }: JobToRender,
): void {
  const sizeLimit = spec.workspaceSizeLimit ?? workspaceSizeLimit;
  const source =
    spec.workspace === "run"
      ? { persistentVolumeClaim: { claimName: workspaceClaim } }
      : { emptyDir: sizeLimit === undefined ? {} : { sizeLimit } };
  extension.volumes.push({ name: WORKSPACE_VOLUME, ...source });
  extension.mounts.push({ name: WORKSPACE_VOLUME, mountPath: workspacePathOf(spec) });
}

function workspacePathOf({ workspaceMountPath = DEFAULT_WORKSPACE_PATH }: K8sJobSpec): string {
  return workspaceMountPath.replace(/(?<=.)\/+$/, "");
}

function podWithFiles(
  pod: KubePodSpec,
  { keep, helperImage: image, spec }: JobToRender,
  { params }: PodExtension,
): KubePodSpec {
  if (!keep) return pod;
  const problem = filesProblem(spec.spec, pod);
  if (problem !== undefined) throw new MflowError("RUNNER_REFUSED", problem);
  return withFiles(pod, { keep, path: workspacePathOf(spec), ...(image !== undefined && { image }) }, params);
}

const ours: ReadonlySet<string> = new Set(Object.values(LABELS));

/** The author's labels but those whose names are mflow's: one that is not set for this task must not be made up. */
function authorsLabels(metadata: Fields | undefined): Record<string, string> {
  const labels = textMap(isMap(metadata?.labels) ? metadata.labels : {});
  return Object.fromEntries(Object.entries(labels).filter(([name]) => !ours.has(name)));
}

function annotationsOf({ spec, taskId, manualUpdateStatus }: JobToRender): Pick<KubeMeta, "annotations"> {
  const authors = spec.metadata?.annotations;
  const { [TASK_ID_ANNOTATION]: _, ...kept } = textMap(isMap(authors) ? authors : {});
  const annotations = manualUpdateStatus ? kept : { ...kept, [TASK_ID_ANNOTATION]: taskId };
  return Object.keys(annotations).length === 0 ? {} : { annotations };
}

/** What the Job's spec says unless the author does. */
function jobDefaults(spec: Fields, timeoutMs: number | undefined): Fields {
  const defaults: Fields = {};
  // mflow's own retry is the policy. With a limit per index, one for all would fail the Job at the first failure.
  if (spec.backoffLimitPerIndex == null) defaults.backoffLimit = spec.backoffLimit ?? 0;
  // A pod that is being deleted may still run: no second one beside it. Clusters before 1.28 drop the field.
  defaults.podReplacementPolicy = spec.podReplacementPolicy ?? "Failed";
  if (timeoutMs !== undefined) {
    const deadline = Math.ceil(timeoutMs / 1000) + DEADLINE_SLACK;
    const own = spec.activeDeadlineSeconds;
    defaults.activeDeadlineSeconds = typeof own === "number" && own < deadline ? own : deadline;
  }
  return defaults;
}

/** What the pod's spec says unless the author does. */
function podDefaults(pod: KubePodSpec): Partial<KubePodSpec> {
  const defaults: Partial<KubePodSpec> = {
    restartPolicy: pod.restartPolicy ?? "Never",
    terminationGracePeriodSeconds: pod.terminationGracePeriodSeconds ?? DEFAULT_GRACE,
  };
  const account = pod.serviceAccountName ?? pod.serviceAccount;
  if (pod.automountServiceAccountToken == null && account == null) {
    defaults.automountServiceAccountToken = false;
  }
  return defaults;
}
