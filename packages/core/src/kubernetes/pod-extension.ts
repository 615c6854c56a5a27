// What mflow adds to all containers of a pod: environment, volumes and mounts. What the author wrote stays, but for
// variables that a param has a value for.

import { isMap } from "../is-map.ts";
import { textOf } from "./author-fields.ts";
import type { KubeContainer, KubeEnvVar, KubePodSpec, KubeVolume, KubeVolumeMount } from "./kube-objects.ts";

export interface PodExtension {
  /** Replace a container's own variables of these names. */
  params: KubeEnvVar[];
  /** Variables for containers that have none of the name. */
  defaults: KubeEnvVar[];
  volumes: KubeVolume[];
  /** For containers that mount nothing at the path. */
  mounts: KubeVolumeMount[];
}

/**
 * A variable with this very value. Kubernetes replaces `$(NAME)` in it and reads `$$` as `$`, so each `$` is doubled
 * (k8s.io/kubernetes third_party/forked/golang/expansion).
 */
export function plainEnvVar(name: string, value: string): KubeEnvVar {
  return { name, value: value.replaceAll("$", "$$$$") };
}

/** The pod's spec with the extension in each container and init container. */
export function extendPod(pod: KubePodSpec, extension: PodExtension): KubePodSpec {
  const extend = (container: KubeContainer) => extendContainer(container, extension);
  const extended: KubePodSpec = { ...pod, containers: pod.containers.map(extend) };
  if (pod.initContainers) extended.initContainers = pod.initContainers.map(extend);
  if (extension.volumes.length > 0) extended.volumes = [...(pod.volumes ?? []), ...extension.volumes];
  return extended;
}

function extendContainer(container: KubeContainer, extension: PodExtension): KubeContainer {
  const extended: KubeContainer = { ...container };
  for (const key of ["command", "args"] as const) {
    if (Array.isArray(container[key])) extended[key] = container[key].map(textOf) as string[];
  }
  const env = environmentOf(container.env ?? [], extension);
  if (env.length > 0) extended.env = env;
  const mounts = missingMounts(container.volumeMounts ?? [], extension.mounts);
  if (mounts.length > 0) extended.volumeMounts = [...(container.volumeMounts ?? []), ...mounts];
  return extended;
}

/** Params come first, so that the container's own variables may name them as `$(NAME)`. */
function environmentOf(own: readonly KubeEnvVar[], { params, defaults }: PodExtension): KubeEnvVar[] {
  const replaced = new Set(params.map(({ name }) => name));
  const kept = own.filter((entry) => !replaced.has(entry?.name)).map(withText);
  const env = [...params, ...kept];
  const present = new Set(env.map((entry) => entry?.name));
  return [...env, ...defaults.filter(({ name }) => !present.has(name))];
}

/** Kubernetes takes text alone, and a TEMPLATE param may have put in a number. */
function withText(entry: KubeEnvVar): KubeEnvVar {
  if (!isMap(entry) || entry.value === undefined) return entry;
  return { ...entry, value: textOf(entry.value) as string };
}

function missingMounts(
  own: readonly KubeVolumeMount[],
  mounts: readonly KubeVolumeMount[],
): KubeVolumeMount[] {
  const taken = new Set(own.map((mount) => withoutSlash(mount?.mountPath)));
  return mounts.filter(({ mountPath }) => !taken.has(withoutSlash(mountPath)));
}

/** `/a/` and `/a` are one path. */
function withoutSlash(path: string | undefined): string | undefined {
  return typeof path === "string" ? path.replace(/(?<=.)\/+$/, "") : undefined;
}
