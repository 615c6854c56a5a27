// The copy of a pod in which somebody looks around once the work has ended: the same image, environment and volumes, the
// command held. Neither the Job controller, nor a Service, nor the runner takes it for the pod that it is a copy of, and
// it ends by itself even when mflow does not come back.
//
// What a copy has not: what init containers prepared (they do not run), files that the work wrote outside of volumes that
// last, and what came from a Secret or ConfigMap that is gone by now.

import { LABELS, labelValue, MANAGED_BY } from "@mflow/core/kubernetes/job-identity";
import type {
  KubeContainer,
  KubeContainerStatus,
  KubeEnvVar,
  KubePod,
  KubePodSpec,
  KubeVolume,
} from "@mflow/core/kubernetes/kube-objects";

/** Label of a copy; its value is the session that it was made for. */
export const DEBUG_LABEL = "mflow.dev/debug";

/** A copy ends after so long, whatever happens, seconds. */
export const COPY_LIFE_SECONDS = 8 * 3600;

export interface DebugPodParts {
  /** The container that is kept. */
  container: string;
  /** Names the session: lower-case letters and digits. */
  session: string;
  installation: string;
}

const HOLD = "trap 'exit 0' TERM INT; while :; do sleep 3600 & wait $!; done";

/** Annotations that confine a container; all others are for whoever watches the pod. */
const KEPT_ANNOTATION =
  /^(container\.apparmor\.security\.beta|container\.seccomp\.security\.alpha|seccomp\.security\.alpha)\.kubernetes\.io\//;

/** Name of the copy of a session. */
export function debugPodName(session: string): string {
  return `mflow-debug-${session}`;
}

/** All containers of a pod, those that do its work first. */
export function containersOf({ spec }: KubePod): KubeContainer[] {
  return [...spec.containers, ...(spec.initContainers ?? [])];
}

/** How it stands with a container. */
export function statusOf({ status }: KubePod, container: string): KubeContainerStatus | undefined {
  const { containerStatuses = [], initContainerStatuses = [] } = status ?? {};
  return [...containerStatuses, ...initContainerStatuses].find(({ name }) => name === container);
}

/** The copy. `pod` has the container. */
export function debugPodOf(pod: KubePod, { container, session, installation }: DebugPodParts): KubePod {
  const kept = containersOf(pod).find(({ name }) => name === container);
  if (!kept) throw new Error(`the pod has no container ${container}`);
  const annotations = Object.entries(pod.metadata?.annotations ?? {}).filter(([name]) =>
    KEPT_ANNOTATION.test(name),
  );
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: {
      name: debugPodName(session),
      labels: {
        [LABELS.managedBy]: MANAGED_BY,
        [LABELS.installation]: labelValue(installation),
        [DEBUG_LABEL]: session,
      },
      ...(annotations.length > 0 && { annotations: Object.fromEntries(annotations) }),
    },
    spec: heldSpec(pod.spec, kept),
  };
}

/** Fields of a pod's spec that a copy does without. */
const OF_THE_POD = [
  ...["nodeName", "initContainers", "ephemeralContainers", "readinessGates", "schedulingGates"],
  ...["priority", "preemptionPolicy"],
];
/** Fields of a container that a copy does without. */
const OF_THE_CONTAINER = [
  ...["args", "livenessProbe", "readinessProbe", "startupProbe", "lifecycle", "ports"],
  ...["restartPolicy", "restartPolicyRules", "stdin", "stdinOnce", "tty"],
];

function without<T extends object>(given: T, fields: readonly string[]): T {
  return Object.fromEntries(Object.entries(given).filter(([name]) => !fields.includes(name))) as T;
}

/** The spec without what the cluster chose for the pod, and without what it did besides its work. */
function heldSpec(spec: KubePodSpec, kept: KubeContainer): KubePodSpec {
  const { nodeName, volumes } = spec;
  const same = without(spec, OF_THE_POD);
  return {
    ...same,
    containers: [heldContainer(kept)],
    ...(volumes && { volumes: volumes.map(withoutNeed) }),
    ...(nodeName !== undefined && volumes?.some(isClaim) && { affinity: onNode(spec.affinity, nodeName) }),
    restartPolicy: "Never",
    activeDeadlineSeconds: COPY_LIFE_SECONDS,
    terminationGracePeriodSeconds: 0,
  };
}

function heldContainer(container: KubeContainer): KubeContainer {
  const { env, envFrom } = container;
  return {
    ...without(container, OF_THE_CONTAINER),
    command: ["/bin/sh", "-c", HOLD],
    ...(env && { env: env.map(variableWithoutNeed) }),
    ...(Array.isArray(envFrom) && { envFrom: envFrom.map(sourceWithoutNeed) }),
  };
}

type Source = Record<string, unknown>;

const REFERENCES = ["secretKeyRef", "configMapKeyRef", "secretRef", "configMapRef"] as const;

/** What a Secret or ConfigMap gives is taken while it is there. It may have been removed with the work. */
function sourceWithoutNeed(source: Source): Source {
  const changed: Source = { ...source };
  for (const reference of REFERENCES) {
    const named = source[reference];
    if (typeof named === "object" && named !== null) changed[reference] = { ...named, optional: true };
  }
  return changed;
}

function variableWithoutNeed(variable: KubeEnvVar): KubeEnvVar {
  if (!variable.valueFrom) return variable;
  return { ...variable, valueFrom: sourceWithoutNeed(variable.valueFrom) };
}

function withoutNeed(volume: KubeVolume): KubeVolume {
  const changed: KubeVolume = { ...volume };
  for (const kind of ["secret", "configMap"]) {
    const source = volume[kind];
    if (typeof source === "object" && source !== null) changed[kind] = { ...source, optional: true };
  }
  return changed;
}

function isClaim(volume: KubeVolume): boolean {
  return volume.persistentVolumeClaim !== undefined || volume.ephemeral !== undefined;
}

interface Affinity {
  nodeAffinity?: {
    requiredDuringSchedulingIgnoredDuringExecution?: { nodeSelectorTerms?: { matchFields?: unknown[] }[] };
  };
}

/** A volume may be bound to the node that the pod ran on: the copy has to run there, beside whatever it asks for. */
function onNode(given: unknown, nodeName: string): Affinity {
  const affinity = (given ?? {}) as Affinity;
  const node = affinity.nodeAffinity;
  const terms = node?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms ?? [{}];
  const field = { key: "metadata.name", operator: "In", values: [nodeName] };
  const nodeSelectorTerms = terms.map((term) => ({
    ...term,
    matchFields: [...(term.matchFields ?? []), field],
  }));
  return {
    ...affinity,
    nodeAffinity: { ...node, requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms } },
  };
}
