// What a session started in a running container is ended with it, found by a marker in its environment.

import type { KubePod } from "@mflow/core/kubernetes/kube-objects";
import type { ClusterClient } from "../api/cluster-client.ts";
import { ignoreGone } from "../api/ignore-gone.ts";
import { statusOf } from "./debug-pod.ts";
import { type ExecPlace, runInContainer } from "./exec.ts";

/** Variable whose value is the session that a process belongs to. */
export const MARKER = "MFLOW_TERMINAL";

/**
 * Ends every process of a container whose environment has the marker of the session: first asks it, as a terminal does
 * that is closed, then kills it.
 */
const END_ALL = `
tell() {
  for process in /proc/[0-9]*; do
    case "$(cat $process/environ 2>/dev/null)" in
      *${MARKER}=$1*) kill -$2 \${process#/proc/} 2>/dev/null && found=yes ;;
    esac
  done
}
tell "$1" HUP
[ -n "$found" ] || exit 0
sleep 1
tell "$1" KILL`;

/** A container, as it was when a session was opened in it. */
export interface SessionPlace extends ExecPlace {
  /** Changes when the container is started again. */
  containerId: string | undefined;
}

/**
 * Ends all of a session that has a shell. Rejects when it may go on and can be ended later: with a KubeError, or an Error
 * that says how it went instead.
 */
export async function endSession(client: ClusterClient, place: SessionPlace, session: string): Promise<void> {
  const ended = await runInContainer(client, place, ["/bin/sh", "-c", END_ALL, "sh", session]).catch(
    (error: unknown) => ({ exitCode: undefined, isMissing: undefined, error }),
  );
  if (ended.exitCode !== undefined || ended.isMissing) return;
  // Where the container is gone, so is what ran in it. The API server says that in many ways.
  if (!(await isThere(client, place))) return;
  throw "error" in ended ? ended.error : new Error(ended.reason);
}

async function isThere(
  client: ClusterClient,
  { namespace, pod, container, containerId }: SessionPlace,
): Promise<boolean> {
  const found = await ignoreGone(client.get<KubePod>(`/api/v1/namespaces/${namespace}/pods/${pod}`));
  const status = found && statusOf(found, container);
  return status?.state?.running !== undefined && status.containerID === containerId;
}
