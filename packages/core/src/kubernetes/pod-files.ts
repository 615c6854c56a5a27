// What mflow adds to a pod whose task fetches or keeps files: a workspace that all containers share, an init container that
// fetches, and a container beside the author's that packs and sends once they have ended. Both ask the server what to do
// (the answer is sh), so that the pod holds no more than the question, and a server of a later version may answer.

import { MflowError } from "../errors.ts";
import { isMap } from "../is-map.ts";
import type { Keep } from "../keep.ts";
import { FETCH_CONTAINER, KEEP_CONTAINER } from "./helper-names.ts";
import type { KubeContainer, KubeEnvVar, KubePodSpec, KubeVolumeMount } from "./kube-objects.ts";

/** An image with `sh`, `tar`, `wget` and what else busybox has. */
const DEFAULT_HELPER_IMAGE = "busybox:1.36.1";

/** Where the workspace is, unless the runner spec says. */
export const DEFAULT_WORKSPACE_PATH = "/workspace";
export const WORKSPACE_VOLUME = "mflow-workspace";

const FILES_VOLUME = "mflow-files";
const FILES_PATH = "/mflow-files";

/** What the two containers need to know; nothing else of the task's environment is theirs. */
const VARIABLES: ReadonlySet<string> = new Set(["MFLOW_URL", "JOB_TASK_ID", "JOB_TASK_UPDATE_TOKEN"]);

/** Small, and within what a quota asks every container to say. */
const RESOURCES = {
  requests: { cpu: "10m", memory: "32Mi" },
  limits: { cpu: "1", memory: "256Mi" },
};

/**
 * Asks for the step `$1` until the server answers with a script, and does it; a script that does not exit is asked for
 * anew. It holds no `$(`, which Kubernetes would replace. wget is waited for in the background: else sh would hear of
 * SIGTERM only when it has ended.
 */
const ASK = `trap 'exit 143' TERM INT
dir=${FILES_PATH}
at="$MFLOW_URL/api/v1/job-tasks/$JOB_TASK_ID/pod-files"
: >"$dir/none"
while :; do
  timeout 90 wget -q -O "$dir/script" --header "Authorization: Bearer $JOB_TASK_UPDATE_TOKEN" --post-file "$dir/none" "$at/$1" 2>"$dir/why" &
  if wait $! && [ -s "$dir/script" ]; then
    . "$dir/script"
  else
    sleep 2 &
    wait $!
  fi
done
`;

/** Why a Job with this spec cannot keep or fetch files, as a sentence with its remedy; nothing when it can. */
export function filesProblem(
  jobSpec: Record<string, unknown>,
  pod: Record<string, unknown>,
): string | undefined {
  const once = "a task that keeps or fetches files runs one pod, once";
  for (const key of ["parallelism", "completions"]) {
    if (jobSpec[key] != null && jobSpec[key] !== 1) return `${once}; remove \`${key}\``;
  }
  if (jobSpec.backoffLimit != null && jobSpec.backoffLimit !== 0) {
    return `${once}; remove \`backoffLimit\`, and say \`retry\` on the task`;
  }
  for (const key of ["backoffLimitPerIndex", "podFailurePolicy"]) {
    if (jobSpec[key] != null) return `${once}; remove \`${key}\``;
  }
  if (pod.restartPolicy != null && pod.restartPolicy !== "Never") {
    return `${once}, and no container of it twice; remove \`restartPolicy\``;
  }
  return undefined;
}

export interface PodFiles {
  keep: Keep;
  /** Image of the two containers (default: `DEFAULT_HELPER_IMAGE`). */
  image?: string;
  /** Where the workspace is. */
  path: string;
}

/**
 * The pod with the containers that the files need. `env`: the variables of the task. The volume of the workspace is there
 * already. Throws RUNNER_REFUSED when the server has no address that the pod reaches.
 */
export function withFiles(pod: KubePodSpec, files: PodFiles, env: readonly KubeEnvVar[]): KubePodSpec {
  const { keep } = files;
  refuseLoopback(pod, env);
  const doesKeep = keep.artifacts.length > 0 || keep.caches.length > 0;
  const doesFetch = keep.fetch.length > 0 || keep.caches.length > 0;
  const added: KubePodSpec = {
    ...pod,
    volumes: [...(pod.volumes ?? []), { name: FILES_VOLUME, emptyDir: {} }],
  };
  if (doesKeep) {
    added.containers = [...pod.containers, helper(KEEP_CONTAINER, "keep", pod, files, env)];
  }
  if (doesFetch) {
    added.initContainers = [helper(FETCH_CONTAINER, "fetch", pod, files, env), ...(pod.initContainers ?? [])];
  }
  return added;
}

function helper(
  name: string,
  step: "fetch" | "keep",
  pod: KubePodSpec,
  { image = DEFAULT_HELPER_IMAGE, path }: PodFiles,
  env: readonly KubeEnvVar[],
): KubeContainer {
  const { privileged: _, ...securityContext } = isMap(pod.containers[0]?.securityContext)
    ? pod.containers[0].securityContext
    : {};
  return {
    name,
    image,
    command: ["sh", "-c", ASK, "sh", step],
    workingDir: path,
    env: env.filter((variable) => VARIABLES.has(variable.name)),
    resources: RESOURCES,
    // What is kept and fetched is the work's: whoever does that may read and write it.
    ...(Object.keys(securityContext).length > 0 && { securityContext }),
    volumeMounts: [workspaceMount(pod, path), { name: FILES_VOLUME, mountPath: FILES_PATH }],
  };
}

/** What the work has at the path of the workspace: an author's own volume comes before that of mflow. */
function workspaceMount({ containers }: KubePodSpec, path: string): KubeVolumeMount {
  const mounts = containers.flatMap(({ volumeMounts = [] }) => volumeMounts);
  const found = mounts.find((mount) => mount?.mountPath?.replace(/(?<=.)\/+$/, "") === path);
  if (!found) return { name: WORKSPACE_VOLUME, mountPath: path };
  const { readOnly: _, ...writable } = found;
  return { ...writable, mountPath: path };
}

/** The server on its own machine alone is not there for pods. */
function refuseLoopback(pod: KubePodSpec, env: readonly KubeEnvVar[]): void {
  const url = env.find(({ name }) => name === "MFLOW_URL")?.value ?? "";
  if (pod.hostNetwork === true || !/^https?:\/\/(localhost|127\.[\d.]+|\[::1\])(:|\/|$)/i.test(url)) return;
  throw new MflowError(
    "RUNNER_REFUSED",
    `the task keeps or fetches files, and its pod cannot reach this server at ${url}; start the server with a \`--public-url\` that pods reach`,
  );
}
