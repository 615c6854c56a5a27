// The life of a copy of a pod: made, waited for until it runs, removed with its session. What a server that died left is
// removed by the next one.

import { setTimeout } from "node:timers/promises";
import { MflowError } from "@mflow/core/errors";
import { selectorOf } from "@mflow/core/kubernetes/job-identity";
import type { KubePod } from "@mflow/core/kubernetes/kube-objects";
import { troubleOf } from "@mflow/core/kubernetes/trouble";
import { type ClusterClient, KubeError } from "../api/cluster-client.ts";
import { ignoreGone } from "../api/ignore-gone.ts";
import type { CleanUps } from "./clean-ups.ts";
import { DEBUG_LABEL, type DebugPodParts, debugPodName, debugPodOf } from "./debug-pod.ts";

/** How long a copy may take until it runs, milliseconds. */
const RUNNING_MS = 60_000;
const FIRST_LOOK_MS = 100;
const LOOK_MS = 1000;

export interface DebugCopyParts extends DebugPodParts {
  namespace: string;
  /** Sees to it that nothing is left when it fails. */
  cleanUps: CleanUps;
  /** Aborted when nobody waits for it any more. */
  signal?: AbortSignal;
}

/**
 * Makes the copy of a pod and waits until it runs; answers its name. Rejects with CONFLICT that says why it cannot run, or
 * a KubeError; then nothing is left of it, or is removed as soon as the cluster answers.
 */
export async function makeDebugCopy(
  client: ClusterClient,
  pod: KubePod,
  parts: DebugCopyParts,
): Promise<string> {
  const { namespace, session, cleanUps } = parts;
  const name = debugPodName(session);
  let isMade = false;
  try {
    await client.create(`/api/v1/namespaces/${namespace}/pods`, debugPodOf(pod, parts), {
      fieldManager: "mflow",
    });
    isMade = true;
    await untilRunning(client, name, parts);
    return name;
  } catch (error) {
    // An answer that never came may have been a yes. Of a no there is nothing to remove.
    if (isMade || !(error instanceof KubeError) || error.isRetryable)
      await removeDebugCopy(client, namespace, name, cleanUps);
    throw error;
  }
}

/**
 * Removes a copy at once, and tries it again until it is gone. Resolves when it is, or after a while; never rejects. What
 * cannot be removed in this life is removed by the next one, and ends by its deadline.
 */
export async function removeDebugCopy(
  client: ClusterClient,
  namespace: string,
  name: string,
  cleanUps: CleanUps,
): Promise<void> {
  await cleanUps.run(`copy ${name} of a pod in namespace ${namespace}`, () =>
    deleteCopy(client, namespace, name),
  );
}

/**
 * Removes the copies of this installation in a namespace that sessions of an earlier life left, and tries it again until
 * they are gone. Resolves when they are, or after a while; never rejects.
 */
export async function sweepDebugCopies(
  client: ClusterClient,
  namespace: string,
  installation: string,
  cleanUps: CleanUps,
): Promise<void> {
  const labelSelector = `${selectorOf(installation)},${DEBUG_LABEL}`;
  const path = `/api/v1/namespaces/${namespace}/pods`;
  await cleanUps.run(`copies of pods in namespace ${namespace}`, async () => {
    const { items } = await client.get<{ items: KubePod[] }>(path, { labelSelector });
    const left = items.filter(({ metadata }) => !cleanUps.isOwn(metadata?.labels?.[DEBUG_LABEL] ?? ""));
    await Promise.all(left.map(({ metadata }) => deleteCopy(client, namespace, metadata?.name ?? "")));
  });
}

async function deleteCopy(client: ClusterClient, namespace: string, name: string): Promise<void> {
  const path = `/api/v1/namespaces/${namespace}/pods/${name}`;
  await ignoreGone(client.delete(path, { gracePeriodSeconds: 0 }));
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
