// The life of a copy of a pod: made, waited for until it runs, removed with its session. What a server that died left is
// removed by the next one.

import { setTimeout } from "node:timers/promises";
import { MflowError } from "@mflow/core/errors";
import { selectorOf } from "@mflow/core/kubernetes/job-identity";
import type { KubePod } from "@mflow/core/kubernetes/kube-objects";
import { troubleOf } from "@mflow/core/kubernetes/trouble";
import { type ClusterClient, KubeError } from "../api/cluster-client.ts";
import { DEBUG_LABEL, type DebugPodParts, debugPodName, debugPodOf } from "./debug-pod.ts";

/** How long a copy may take until it runs, milliseconds. */
const RUNNING_MS = 60_000;
const FIRST_LOOK_MS = 100;
const LOOK_MS = 1000;
/** Tries to remove a copy; then its deadline ends it, and the sweep of the next start removes it. */
const REMOVALS = 5;

export interface DebugCopyParts extends DebugPodParts {
  namespace: string;
  /** Aborted when nobody waits for it any more. */
  signal?: AbortSignal;
}

/**
 * Makes the copy of a pod and waits until it runs; answers its name. Rejects with CONFLICT that says why it cannot run, or
 * a KubeError; then nothing is left of it.
 */
export async function makeDebugCopy(
  client: ClusterClient,
  pod: KubePod,
  parts: DebugCopyParts,
): Promise<string> {
  const { namespace, session } = parts;
  const name = debugPodName(session);
  try {
    await client.create(`/api/v1/namespaces/${namespace}/pods`, debugPodOf(pod, parts), {
      fieldManager: "mflow",
    });
    await untilRunning(client, name, parts);
    return name;
  } catch (error) {
    // An answer that never came may have been a yes.
    await removeDebugCopy(client, namespace, name);
    throw error;
  }
}

/** Removes a copy at once. Never rejects: what cannot be removed now ends by its deadline. */
export async function removeDebugCopy(client: ClusterClient, namespace: string, name: string): Promise<void> {
  for (let tries = 1; ; tries++) {
    try {
      await client.delete(`/api/v1/namespaces/${namespace}/pods/${name}`, { gracePeriodSeconds: 0 });
      return;
    } catch (error) {
      const isWorthIt = error instanceof KubeError && error.isRetryable;
      if (!isWorthIt || tries === REMOVALS) return;
      await setTimeout(FIRST_LOOK_MS * 2 ** tries);
    }
  }
}

/** The clocks of cluster and server may be so far apart, milliseconds. */
const SKEW_MS = 60_000;

/**
 * Removes the copies of this installation in a namespace that were made before a time, milliseconds since the epoch: an
 * earlier life left them. Rejects with a KubeError.
 */
export async function sweepDebugCopies(
  client: ClusterClient,
  namespace: string,
  installation: string,
  before: number,
): Promise<void> {
  const labelSelector = `${selectorOf(installation)},${DEBUG_LABEL}`;
  const { items } = await client.get<{ items: KubePod[] }>(`/api/v1/namespaces/${namespace}/pods`, {
    labelSelector,
  });
  const left = items.filter(
    ({ metadata }) => Date.parse(metadata?.creationTimestamp ?? "") < before - SKEW_MS,
  );
  await Promise.all(left.map(({ metadata }) => removeDebugCopy(client, namespace, metadata?.name ?? "")));
}

async function untilRunning(
  client: ClusterClient,
  name: string,
  { namespace, container, signal }: DebugCopyParts,
): Promise<void> {
  const deadline = Date.now() + RUNNING_MS;
  let pod: KubePod = { spec: { containers: [] } };
  for (let look = FIRST_LOOK_MS; ; look = Math.min(look * 1.5, LOOK_MS)) {
    signal?.throwIfAborted();
    const missing = await client
      .get<KubePod>(`/api/v1/namespaces/${namespace}/pods/${name}`, {}, signal)
      .then((found) => {
        pod = found;
        return false;
      })
      .catch((error: unknown) => {
        if (error instanceof KubeError && error.isRetryable) return false;
        if (error instanceof KubeError && error.status === 404) return true;
        throw error;
      });
    if (missing) throw refused("somebody deleted it");
    const state = pod.status?.containerStatuses?.find((one) => one.name === container)?.state;
    if (state?.running) return;
    const trouble = troubleOf(pod, []);
    if (trouble && !trouble.heals) throw refused(trouble.message);
    if (state?.terminated || pod.status?.phase === "Failed") throw refused(endOf(pod, container));
    if (Date.now() > deadline) {
      throw refused(trouble?.message ?? `it did not start within ${RUNNING_MS / 1000} s`);
    }
    await setTimeout(look, undefined, { signal }).catch(() => {});
  }
}

/** A copy is held by a shell: it ends by itself when its image has none. */
function endOf({ status }: KubePod, container: string): string {
  const ended = status?.containerStatuses?.find((one) => one.name === container)?.state?.terminated;
  const words = ended?.message ?? status?.message ?? ended?.reason ?? status?.reason ?? "it does not say why";
  const hint = /\/bin\/sh/.test(words) ? "its image has no /bin/sh, which holds it" : "it ended at once";
  return `${hint} (${words.trim()})`;
}

function refused(why: string): MflowError {
  return new MflowError("CONFLICT", `The copy of the pod cannot run: ${why}.`);
}
