// Makes the Job of an attempt, once: the name says which attempt it is, so that a second creation, after a crash or an
// answer that never came, finds the first and takes it over.

import { randomUUID } from "node:crypto";
import { MflowError } from "@mflow/core/errors";
import type { KubeJob, KubeObject } from "@mflow/core/kubernetes/kube-objects";
import { LABELS, RESULT_FINALIZER, type RenderedJob } from "@mflow/core/kubernetes/render-job";
import { RetryableStartError } from "../runner.ts";
import { type ClusterClient, KubeError, STRATEGIC_MERGE_PATCH } from "./api/cluster-client.ts";
import { ignoreGone } from "./api/ignore-gone.ts";
import { problemOf } from "./api/no-answer.ts";

/**
 * Creates Job and Secret, or takes over those of this very attempt; answers with the Job. Rejects with RetryableStartError
 * when another try may help, with RUNNER_REFUSED when none will; then nothing is left.
 */
export async function createJob(client: ClusterClient, { job, secret }: RenderedJob): Promise<KubeJob> {
  const namespace = job.metadata?.namespace ?? "";
  const created = await createOrAdopt(client, `/apis/batch/v1/namespaces/${namespace}/jobs`, job);
  if (!secret) return created;
  // The Secret comes second, so that it can be owned by the Job and never outlives it. The pod waits for it.
  const { name = "", uid = "" } = created.metadata ?? {};
  const ownerReferences = [{ apiVersion: "batch/v1", kind: "Job", name, uid }];
  const owned = { ...secret, metadata: { ...secret.metadata, ownerReferences } };
  try {
    await createOrAdopt(client, `/api/v1/namespaces/${namespace}/secrets`, owned);
  } catch (error) {
    if (!(error instanceof RetryableStartError)) await removeRefused(client, created, error as Error);
    throw error;
  }
  return created;
}

/** Removes a Job whose Secret was refused. Rejects with RetryableStartError when that fails now. */
async function removeRefused(client: ClusterClient, job: KubeJob, refusal: Error): Promise<void> {
  await ignoreGone(removeJob(client, job)).catch((error: unknown) => {
    const problem = startError(error, client.server);
    // One that may not be removed is an orphan, and found as one.
    if (!(problem instanceof RetryableStartError)) return;
    throw new RetryableStartError(`${refusal.message}; its Job cannot be removed now: ${problem.message}`);
  });
}

async function createOrAdopt<T extends KubeObject>(
  client: ClusterClient,
  path: string,
  wanted: T,
): Promise<T> {
  try {
    return await client.create<T>(path, wanted);
  } catch (error) {
    // Quotas and policies are asked before the name is: the refusal may be of what is there already.
    const made = isForbidden(error) && !isDenied(error) ? await madeBefore(client, path, wanted) : undefined;
    if (made) return made;
    if (!(error instanceof KubeError) || error.status !== 409 || error.reason !== "AlreadyExists")
      throw startError(error, client.server);
  }
  const existing = await client.get<T>(`${path}/${wanted.metadata?.name}`).catch((error: unknown) => {
    // Secrets are made, but may not be read. The name has the task's id in it, which nobody else knew before.
    if (wanted.kind === "Secret" && isForbidden(error)) return wanted;
    throw isMissing(error)
      ? new RetryableStartError(`${wanted.kind} ${wanted.metadata?.name} existed a moment ago and is gone`)
      : startError(error, client.server);
  });
  if (isOurs(existing, wanted)) return existing;
  throw new MflowError(
    "RUNNER_REFUSED",
    `namespace \`${wanted.metadata?.namespace}\` has a ${wanted.kind} \`${wanted.metadata?.name}\` that is not this task's; delete it, or run the task in another namespace`,
  );
}

/** What an earlier creation of this attempt made, of which the answer was lost; undefined when there is nothing of it. */
async function madeBefore<T extends KubeObject>(
  client: ClusterClient,
  path: string,
  wanted: T,
): Promise<T | undefined> {
  const own = `${path}/${wanted.metadata?.name}`;
  try {
    const existing = await client.get<T>(own);
    return isOurs(existing, wanted) ? existing : undefined;
  } catch (error) {
    if (isForbidden(error) && wanted.kind === "Secret")
      return (await isThere(client, own)) ? wanted : undefined;
    if (isForbidden(error) || isMissing(error)) return undefined;
    throw startError(error, client.server);
  }
}

/**
 * Whether there is an object that may be deleted, but not read; that is not known where neither is allowed, and then
 * false. Its deletion is asked for with the uid of no object: the API server refuses that as a conflict when it is there.
 */
async function isThere(client: ClusterClient, own: string): Promise<boolean> {
  try {
    await client.delete(own, { preconditions: { uid: randomUUID() } });
    return false;
  } catch (error) {
    if (error instanceof KubeError && error.status === 409) return true;
    if (isForbidden(error) || isMissing(error)) return false;
    throw startError(error, client.server);
  }
}

function isForbidden(error: unknown): boolean {
  return error instanceof KubeError && error.status === 403;
}

/** Whether the account may create none at all, so that it made none before: there is nothing to look for. */
function isDenied(error: unknown): boolean {
  return /cannot create resource/.test((error as Error).message);
}

function isMissing(error: unknown): boolean {
  return error instanceof KubeError && error.status === 404;
}

/** Whether an object was made by this installation for this attempt. */
function isOurs(existing: KubeObject, wanted: KubeObject): boolean {
  const one = existing.metadata?.labels ?? {};
  const other = wanted.metadata?.labels ?? {};
  return [LABELS.managedBy, LABELS.installation, LABELS.taskId, LABELS.attempt].every(
    (label) => one[label] !== undefined && one[label] === other[label],
  );
}

/** Removes a Job, its pods and its Secret, whatever they do; the one of this uid and no other. */
export async function removeJob(client: ClusterClient, { metadata }: KubeJob): Promise<void> {
  const { namespace, name, uid } = metadata ?? {};
  const path = `/apis/batch/v1/namespaces/${namespace}/jobs/${name}`;
  await client.delete(path, { propagationPolicy: "Background", preconditions: { uid } });
  const patch = { metadata: { "$deleteFromPrimitiveList/finalizers": [RESULT_FINALIZER], uid } };
  await client.patch(path, patch, STRATEGIC_MERGE_PATCH);
}

/** What a refused creation at an API server means: whether another try may help. */
export function startError(error: unknown, server: string): Error {
  if (!(error instanceof KubeError)) return error instanceof Error ? error : new Error(String(error));
  // A token that has expired is renewed by an admin.
  const isAway = error.status === 401 || (error.status === 0 && error.isRetryable);
  if (isAway) return new RetryableStartError(problemOf(server, error));
  // A quota is free again when other work has ended; many that are counted by it at once get in each other's way.
  const isCrowded = error.status === 409 && error.reason === "Conflict";
  const mayPass = error.isRetryable || isCrowded || /exceeded quota/.test(error.message);
  if (mayPass) return new RetryableStartError(error.message);
  return new MflowError("RUNNER_REFUSED", `Kubernetes refuses the Job: ${error.message}`);
}
