// The objects of Kubernetes that mflow writes and reads, as far as it looks into them. They are structural: a field that
// is not named here passes through as it came. Fields are those of Kubernetes 1.34 (batch/v1, v1); all may be missing,
// because clusters are of many versions and lists leave out `apiVersion` and `kind` of their items.

/** A reference from an object to one that it is removed with. */
export interface KubeOwnerReference {
  apiVersion: string;
  kind: string;
  name: string;
  uid: string;
  controller?: boolean;
  blockOwnerDeletion?: boolean;
}

export interface KubeMeta {
  name?: string;
  namespace?: string;
  uid?: string;
  labels?: Record<string, string>;
  annotations?: Record<string, string>;
  finalizers?: string[];
  /** Set once somebody deleted the object; it stays until its finalizers are gone. */
  deletionTimestamp?: string;
  /** RFC 3339, whole seconds. */
  creationTimestamp?: string;
  /** Opaque: may be compared for equality alone. */
  resourceVersion?: string;
  ownerReferences?: KubeOwnerReference[];
}

/** Any object, e.g. one of a watch before its kind is known. */
export interface KubeObject {
  apiVersion?: string;
  kind?: string;
  metadata?: KubeMeta;
}

/** A condition of a Job or a pod. */
export interface KubeCondition {
  type: string;
  /** `True`, `False` or `Unknown`. */
  status: string;
  reason?: string;
  message?: string;
  lastTransitionTime?: string;
}

export interface KubeEnvVar {
  name: string;
  value?: string;
  valueFrom?: {
    secretKeyRef?: { name?: string; key: string; optional?: boolean };
    [source: string]: unknown;
  };
}

export interface KubeVolumeMount {
  name: string;
  mountPath: string;
  subPath?: string;
  readOnly?: boolean;
  [field: string]: unknown;
}

export interface KubeVolume {
  name: string;
  [source: string]: unknown;
}

export interface KubeContainer {
  name: string;
  image?: string;
  command?: string[];
  args?: string[];
  env?: KubeEnvVar[];
  volumeMounts?: KubeVolumeMount[];
  [field: string]: unknown;
}

export interface KubePodSpec {
  /** Node that the pod runs on; absent until it is scheduled. */
  nodeName?: string;
  containers: KubeContainer[];
  initContainers?: KubeContainer[];
  restartPolicy?: string;
  serviceAccountName?: string;
  automountServiceAccountToken?: boolean;
  terminationGracePeriodSeconds?: number;
  volumes?: KubeVolume[];
  [field: string]: unknown;
}

export interface KubePodTemplate {
  metadata?: KubeMeta;
  spec: KubePodSpec;
}

export interface KubeJobSpec {
  template: KubePodTemplate;
  backoffLimit?: number;
  activeDeadlineSeconds?: number;
  podReplacementPolicy?: string;
  ttlSecondsAfterFinished?: number;
  [field: string]: unknown;
}

export interface KubeJobStatus {
  /** `Complete`, `Failed`, `Suspended` and, since 1.30, `FailureTarget` and `SuccessCriteriaMet`. */
  conditions?: KubeCondition[];
  startTime?: string;
  /** Of a Job that succeeded. */
  completionTime?: string;
  active?: number;
  succeeded?: number;
  failed?: number;
}

export interface KubeJob extends KubeObject {
  spec: KubeJobSpec;
  status?: KubeJobStatus;
}

/** A container that does not run, or not yet. */
export interface KubeWaiting {
  /** E.g. `ContainerCreating`, `ImagePullBackOff`, `CreateContainerConfigError`. */
  reason?: string;
  message?: string;
}

export interface KubeRunning {
  startedAt?: string;
}

export interface KubeTerminated {
  exitCode: number;
  signal?: number;
  /** E.g. `Completed`, `Error`, `OOMKilled`. */
  reason?: string;
  /** The termination message of the container. */
  message?: string;
  startedAt?: string;
  finishedAt?: string;
  containerID?: string;
}

/** One of the three. */
export interface KubeContainerState {
  waiting?: KubeWaiting;
  running?: KubeRunning;
  terminated?: KubeTerminated;
}

export interface KubeContainerStatus {
  name: string;
  state?: KubeContainerState;
  /** The state before the last restart. */
  lastState?: KubeContainerState;
  ready?: boolean;
  started?: boolean;
  restartCount?: number;
  image?: string;
  imageID?: string;
  containerID?: string;
}

export interface KubePodStatus {
  /** `Pending`, `Running`, `Succeeded`, `Failed` or `Unknown`. */
  phase?: string;
  /** E.g. `Evicted`, `NodeLost`, `DeadlineExceeded`. */
  reason?: string;
  message?: string;
  /** E.g. `PodScheduled`, `Ready`, `DisruptionTarget`. */
  conditions?: KubeCondition[];
  startTime?: string;
  containerStatuses?: KubeContainerStatus[];
  initContainerStatuses?: KubeContainerStatus[];
}

export interface KubePod extends KubeObject {
  spec: KubePodSpec;
  status?: KubePodStatus;
}

export interface KubeSecret extends KubeObject {
  type?: string;
  immutable?: boolean;
  /** Plain values; the API server answers with `data` instead. */
  stringData?: Record<string, string>;
  /** Base64. */
  data?: Record<string, string>;
}
