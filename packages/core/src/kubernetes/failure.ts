// Which container made a pod fail, and why, in words.

import type { Masker } from "../mask.ts";
import type { KubeContainerStatus, KubePod, KubeTerminated } from "./kube-objects.ts";
import { parseTerminationOutput } from "./termination-output.ts";

/** Longest part of a termination message that is repeated. */
const MAX_SAID = 512;

/**
 * The failure of the first container that failed, init containers before the others, and sidecars last, because they are
 * ended when the others have; nothing when none did. A container that has begun again, or is about to, failed too. `mask`: what hides secrets in its words. `until`: ends from this
 * time on (ms since 1970) say nothing, e.g. because the pod was being deleted.
 */
export function containerFailure(
  pod: KubePod,
  mask: Masker,
  until = Number.POSITIVE_INFINITY,
): { reason: string; message: string } | undefined {
  const { initContainerStatuses = [], containerStatuses = [] } = pod.status ?? {};
  const { init, sidecars } = Object.groupBy(initContainerStatuses, ({ name }) =>
    isSidecar(pod, name) ? "sidecars" : "init",
  );
  const found =
    firstFailed(init ?? [], "init container", until) ??
    firstFailed(containerStatuses, "container", until) ??
    firstFailed(sidecars ?? [], "sidecar", until);
  if (!found) return undefined;
  const { name, noun, ended } = found;
  const said = wordsOf(ended.message, mask);
  const called = `${noun} \`${name}\``;
  if (ended.reason === "OOMKilled") {
    return {
      reason: "OOMKILLED",
      message: `${called} used more memory than its limit and was killed${said}`,
    };
  }
  if (ended.reason === "StartError" || ended.reason === "ContainerCannotRun") {
    return { reason: "INVALID_CONTAINER", message: `${called} could not be started${said}` };
  }
  if (ended.signal !== undefined && ended.signal > 0) {
    return { reason: "EXIT_CODE", message: `${called} was ended by signal ${ended.signal}${said}` };
  }
  return { reason: "EXIT_CODE", message: `${called} exited with code ${ended.exitCode}${said}` };
}

/** Whether it is an init container that goes on beside the others (Kubernetes 1.29 and later). */
function isSidecar({ spec }: KubePod, container: string): boolean {
  return spec.initContainers?.find(({ name }) => name === container)?.restartPolicy === "Always";
}

function firstFailed(
  statuses: readonly KubeContainerStatus[],
  noun: string,
  until: number,
): { name: string; noun: string; ended: KubeTerminated } | undefined {
  const failed = statuses.flatMap((status) => {
    const ended = lastEnd(status, until);
    return ended && ended.exitCode !== 0 ? [{ name: status.name, noun, ended }] : [];
  });
  const oom = failed.find(({ ended }) => ended.reason === "OOMKilled");
  return (
    oom ??
    failed.toSorted((one, other) =>
      (one.ended.finishedAt ?? "").localeCompare(other.ended.finishedAt ?? ""),
    )[0]
  );
}

function lastEnd({ state, lastState }: KubeContainerStatus, until: number): KubeTerminated | undefined {
  const ended = state?.terminated;
  // Whole seconds are told: an end in the very second is taken for one that followed.
  const counts = ended && !(Date.parse(ended.finishedAt ?? "") >= until);
  // The end before a restart is older than all that could follow from `until`.
  return counts ? ended : lastState?.terminated;
}

/** A termination message that is no output, as the end of a sentence. Masked whole: the rest of a cut secret would show. */
function wordsOf(message: string | undefined, mask: Masker): string {
  const text = message?.trim() ?? "";
  if (text === "" || parseTerminationOutput(text)) return "";
  return `: ${mask(text).slice(-MAX_SAID)}`;
}
