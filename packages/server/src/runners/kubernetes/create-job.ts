// Makes the Job of an attempt, once: the name says which attempt it is, so that a second creation, after a crash or an
// answer that never came, finds the first and takes it over.

import { MflowError } from "@mflow/core/errors";
import type { KubeJob, KubeObject } from "@mflow/core/kubernetes/kube-objects";
import { LABELS, type RenderedJob } from "@mflow/core/kubernetes/render-job";
import { RetryableStartError } from "../runner.ts";
import { type ClusterClient, KubeError, STRATEGIC_MERGE_PATCH } from "./api/cluster-client.ts";

export interface Created {
  job: KubeJob;
  /** It existed already. */
  isAdopted: boolean;
}

/**
 * Creates Job and Secret, or takes over those of this very attempt. Rejects with RetryableStartError when another try may
 * help, with RUNNER_REFUSED when none will; then nothing is left.
 */
export async function createJob(client: ClusterClient, { job, secret }: RenderedJob): Promise<Created> {
  const jobs = `/apis/batch/v1/namespaces/${job.metadata?.namespace}/jobs`;
  const created = await createOrAdopt(client, jobs, job);
  if (!secret) return created;
  // The Secret comes second, so that it can be owned by the Job and never outlives it. The pod waits for it.
  const owner = {
    apiVersion: "batch/v1",
    kind: "Job",
    name: created.job.metadata?.name ?? "",
    uid: created.job.metadata?.uid ?? "",
  };
  const owned = { ...secret, metadata: { ...secret.metadata, ownerReferences: [owner] } };
  try {
    await createOrAdopt(client, `/api/v1/namespaces/${job.metadata?.namespace}/secrets`, owned);
  } catch (error) {
    // What cannot be removed now is an orphan, and removed as one.
    if (!(error instanceof RetryableStartError)) await removeJob(client, jobs, created.job).catch(() => {});
    throw error;
  }
  return created;
}

async function createOrAdopt<T extends KubeObject>(
  client: ClusterClient,
  path: string,
  wanted: T,
): Promise<{ job: T; isAdopted: boolean }> {
  try {
    return { job: await client.create<T>(path, wanted), isAdopted: false };
  } catch (error) {
    if (!(error instanceof KubeError) || error.status !== 409 || error.reason !== "AlreadyExists")
      throw startError(error);
  }
  const existing = await client.get<T>(`${path}/${wanted.metadata?.name}`).catch((error: unknown) => {
    // Secrets are made, but may not be read. The name has the task's id in it, which nobody else knew before.
    if (wanted.kind === "Secret" && error instanceof KubeError && error.status === 403) return wanted;
    throw error instanceof KubeError && error.status === 404
      ? new RetryableStartError(`${wanted.kind} ${wanted.metadata?.name} existed a moment ago and is gone`)
      : startError(error);
  });
  if (!isOurs(existing, wanted)) {
    throw new MflowError(
      "RUNNER_REFUSED",
      `namespace \`${wanted.metadata?.namespace}\` has a ${wanted.kind} \`${wanted.metadata?.name}\` that is not this task's; delete it, or run the task in another namespace`,
    );
  }
  return { job: existing, isAdopted: true };
}

/** Whether an object was made by this installation for this attempt. */
export function isOurs(existing: KubeObject, wanted: KubeObject): boolean {
  const one = existing.metadata?.labels ?? {};
  const other = wanted.metadata?.labels ?? {};
  return [LABELS.managedBy, LABELS.installation, LABELS.taskId, LABELS.attempt].every(
    (label) => one[label] !== undefined && one[label] === other[label],
  );
}

/** What was created a moment ago, and may not stay. */
async function removeJob(client: ClusterClient, jobs: string, { metadata }: KubeJob): Promise<void> {
  const path = `${jobs}/${metadata?.name}`;
  await client.delete(path, { propagationPolicy: "Background", preconditions: { uid: metadata?.uid } });
  const patch = {
    metadata: { "$deleteFromPrimitiveList/finalizers": metadata?.finalizers, uid: metadata?.uid },
  };
  await client.patch(path, patch, STRATEGIC_MERGE_PATCH);
  // A pod that waits for a Secret has nothing to be stopped, but its node takes a minute to see that.
  const labels = metadata?.labels ?? {};
  const labelSelector = [LABELS.taskId, LABELS.attempt].map((label) => `${label}=${labels[label]}`).join(",");
  const pods = `/api/v1/namespaces/${metadata?.namespace}/pods`;
  const { items } = await client.get<{ items: KubeObject[] }>(pods, { labelSelector });
  for (const pod of items) {
    if (!pod.metadata?.ownerReferences?.some(({ uid }) => uid === metadata?.uid)) continue;
    const preconditions = { uid: pod.metadata.uid };
    await client.delete(`${pods}/${pod.metadata.name}`, { gracePeriodSeconds: 0, preconditions });
  }
}

/** What a refused creation means: whether another try may help. */
export function startError(error: unknown): Error {
  if (!(error instanceof KubeError)) return error instanceof Error ? error : new Error(String(error));
  // A quota is free again when other work has ended; a token that has expired is renewed by an admin.
  const mayPass = error.isRetryable || error.status === 401 || /exceeded quota/.test(error.message);
  if (mayPass) return new RetryableStartError(error.message);
  return new MflowError("RUNNER_REFUSED", `Kubernetes refuses the Job: ${error.message}`);
}
