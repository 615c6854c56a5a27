// Which container made a pod fail, and why, in words.

import type { KubeContainerStatus, KubePod, KubeTerminated } from "./kube-objects.ts";
import { parseTerminationOutput } from "./termination-output.ts";

/** Longest part of a termination message that is repeated. */
const MAX_SAID = 512;

/** The failure of the first container that failed, init containers before the others; nothing when none did. */
export function containerFailure(pod: KubePod): { reason: string; message: string } | undefined {
  const { initContainerStatuses = [], containerStatuses = [] } = pod.status ?? {};
  const found =
    firstFailed(initContainerStatuses, "init container") ?? firstFailed(containerStatuses, "container");
  if (!found) return undefined;
  const { name, noun, ended } = found;
  const said = wordsOf(ended.message);
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

function firstFailed(
  statuses: readonly KubeContainerStatus[],
  noun: string,
): { name: string; noun: string; ended: KubeTerminated } | undefined {
  const failed = statuses.flatMap(({ name, state }) => {
    const ended = state?.terminated;
    return ended && ended.exitCode !== 0 ? [{ name, noun, ended }] : [];
  });
  const oom = failed.find(({ ended }) => ended.reason === "OOMKilled");
  return (
    oom ??
    failed.toSorted((one, other) =>
      (one.ended.finishedAt ?? "").localeCompare(other.ended.finishedAt ?? ""),
    )[0]
  );
}

/** A termination message that is no output, as the end of a sentence. */
function wordsOf(message: string | undefined): string {
  const text = message?.trim() ?? "";
  if (text === "" || parseTerminationOutput(text)) return "";
  return `: ${text.length > MAX_SAID ? `${text.slice(-MAX_SAID)}` : text}`;
}
