// A pod without the containers that mflow added for files: they are no work. What they say of themselves is read here.

import type { Masker } from "../mask.ts";
import { FETCH_CONTAINER, isHelper, KEEP_CONTAINER } from "./helper-names.ts";
import type { KubeContainerStatus, KubePod, KubeTerminated } from "./kube-objects.ts";

/** What of mflow's own an attempt waits for. */
export interface HelperAtWork {
  step: "fetch" | "keep";
  /** With `keep`: how the author's containers ended. */
  workEnd?: "SUCCEEDED" | "FAILED";
}

/** Reasons that helpers may end with. */
const REASONS: ReadonlySet<string> = new Set([
  "FETCH_FAILED",
  "ARTIFACT_MISSING",
  "ARTIFACT_TOO_LARGE",
  "ARTIFACT_REFUSED",
  "RUNNER_ERROR",
]);

/** The same pod with the author's containers alone. */
export function withoutHelpers(pod: KubePod): KubePod {
  const { initContainerStatuses, containerStatuses } = pod.status ?? {};
  if (!helperStatuses(pod).length) return pod;
  const others = (statuses: readonly KubeContainerStatus[]) => statuses.filter(({ name }) => !isHelper(name));
  return {
    ...pod,
    status: {
      ...pod.status,
      ...(initContainerStatuses && { initContainerStatuses: others(initContainerStatuses) }),
      ...(containerStatuses && { containerStatuses: others(containerStatuses) }),
    },
  };
}

/** What of mflow's own is at work while no other container is; nothing when it is the author's turn. */
export function helperAtWork(pod: KubePod | undefined): HelperAtWork | undefined {
  const { initContainerStatuses = [], containerStatuses = [] } = pod?.status ?? {};
  const fetch = initContainerStatuses.find(({ name }) => name === FETCH_CONTAINER);
  if (fetch?.state?.running) return { step: "fetch" };
  const keep = containerStatuses.find(({ name }) => name === KEEP_CONTAINER);
  if (!keep?.state?.running) return undefined;
  const ends = containerStatuses.filter(({ name }) => !isHelper(name)).map(({ state }) => state?.terminated);
  if (ends.length === 0 || ends.some((end) => end === undefined)) return undefined;
  return { step: "keep", workEnd: ends.every((end) => end?.exitCode === 0) ? "SUCCEEDED" : "FAILED" };
}

/** Why a helper failed: by its last words, a reason and a sentence on two lines; nothing when none did. */
export function helperFailure(pod: KubePod, mask: Masker): { reason: string; message: string } | undefined {
  for (const { name, state } of helperStatuses(pod)) {
    const ended = state?.terminated;
    if (!ended || ended.exitCode === 0) continue;
    return saidIn(ended, mask) ?? { reason: "RUNNER_ERROR", message: `mflow's own ${endIn(name, ended)}` };
  }
  return undefined;
}

function saidIn(
  { message = "" }: KubeTerminated,
  mask: Masker,
): { reason: string; message: string } | undefined {
  const [, reason = "", sentence = ""] = /^([A-Z_]+)\n([\s\S]+)$/.exec(message.trim()) ?? [];
  return REASONS.has(reason) ? { reason, message: mask(sentence) } : undefined;
}

function endIn(name: string, { reason, exitCode, message }: KubeTerminated): string {
  const container = `container \`${name}\``;
  if (reason === "OOMKilled") return `${container} used more memory than its limit and was killed`;
  if (reason === "StartError" || reason === "ContainerCannotRun") {
    return `${container} could not be started: ${message ?? reason}; an admin can set \`helperImage\` of the cluster`;
  }
  return `${container} exited with code ${exitCode}`;
}

function helperStatuses({ status }: KubePod): KubeContainerStatus[] {
  const all = [...(status?.initContainerStatuses ?? []), ...(status?.containerStatuses ?? [])];
  return all.filter(({ name }) => isHelper(name));
}
