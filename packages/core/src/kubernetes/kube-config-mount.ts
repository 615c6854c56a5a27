// The kubeconfig that a Job may ask for by annotation, so that its containers can talk to the cluster: a file from the
// Secret of the attempt, and `KUBECONFIG` that names it.

import { MflowError } from "../errors.ts";
import { isMap } from "../is-map.ts";
import { quoted } from "../quoted.ts";
import type { Fields } from "./author-fields.ts";
import { KUBE_CONFIG_MOUNT_ANNOTATION } from "./job-identity.ts";
import type { KubeEnvVar, KubePodSpec, KubeVolume, KubeVolumeMount } from "./kube-objects.ts";
import { plainEnvVar } from "./pod-extension.ts";

/** Key of the Secret; no param is called so, because those that become variables begin in upper case. */
export const KUBECONFIG_KEY = "kubeconfig";

const VOLUME = "mflow-kubeconfig";
const OWNER_READS = 0o400;
const ALL_READ = 0o444;

export interface KubeConfigMount {
  text: string;
  volume: KubeVolume;
  mount: KubeVolumeMount;
  variable: KubeEnvVar;
}

/**
 * What puts the kubeconfig where one of the two metadata (Job, pod template) asks for it; nothing when none does.
 * Throws RUNNER_REFUSED when there is none to give, or the path is none.
 */
export function kubeConfigMount(
  metadata: readonly (Fields | undefined)[],
  pod: KubePodSpec,
  kubeconfig: string | undefined,
  secretName: string,
): KubeConfigMount | undefined {
  const path = metadata.map(askedPath).find((asked) => asked !== undefined);
  if (path === undefined) return undefined;
  if (!isFilePath(path)) {
    const shown = typeof path === "string" ? quoted(path) : "no text";
    const message = `annotation \`${KUBE_CONFIG_MOUNT_ANNOTATION}\` must be the absolute path of a file, but is ${shown}; write e.g. \`/etc/kube/config\``;
    throw new MflowError("RUNNER_REFUSED", message);
  }
  if (kubeconfig === undefined) {
    const message = `annotation \`${KUBE_CONFIG_MOUNT_ANNOTATION}\` asks for a kubeconfig, but the task's cluster has none to give; use a cluster with a \`kubeconfig\`, or remove the annotation and set \`serviceAccountName\``;
    throw new MflowError("RUNNER_REFUSED", message);
  }
  const items = [{ key: KUBECONFIG_KEY, path: KUBECONFIG_KEY, mode: modeFor(pod) }];
  return {
    text: kubeconfig,
    volume: { name: VOLUME, secret: { secretName, items } },
    mount: { name: VOLUME, mountPath: path, subPath: KUBECONFIG_KEY, readOnly: true },
    variable: plainEnvVar("KUBECONFIG", path),
  };
}

/** Whether a value is the absolute path of a file. */
export function isFilePath(value: unknown): value is string {
  return typeof value === "string" && /^\/.*[^/]$/.test(value);
}

function askedPath(metadata: Fields | undefined): unknown {
  return isMap(metadata?.annotations) ? metadata.annotations[KUBE_CONFIG_MOUNT_ANNOTATION] : undefined;
}

/**
 * The file belongs to root. A pod that says it runs as somebody else could not read it, unless `fsGroup` hands it to a
 * group: then Kubernetes lets the group read it too.
 */
function modeFor(pod: KubePodSpec): number {
  const ofPod = isMap(pod.securityContext) ? pod.securityContext : {};
  if (ofPod.fsGroup != null) return OWNER_READS;
  const containers = [...pod.containers, ...(pod.initContainers ?? [])];
  const contexts = [ofPod, ...containers.map(({ securityContext }) => securityContext)].filter(isMap);
  const notRoot = contexts.some(({ runAsUser, runAsNonRoot }) => !!runAsUser || runAsNonRoot === true);
  return notRoot ? ALL_READ : OWNER_READS;
}
