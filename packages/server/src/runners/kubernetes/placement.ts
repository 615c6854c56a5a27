// What the runner remembers of an attempt, in the store: where its Job is, and how far it got. Written before anything is
// made in a cluster, so that nothing is made that nobody knows of, and so that a restart needs no cluster to know what
// there is.

import type { Keep } from "@mflow/core/keep";
import { jobNameOf } from "@mflow/core/kubernetes/render-job";
import type { AttemptRef } from "../runner.ts";
import type { Result } from "./attempt-result.ts";

/**
 * `QUEUED`: waits for a place in the cluster. `PLACED`: its Job is being created; whether it exists is not known.
 * `CREATED`: the Job exists, or did. `ENDED`: the result is accepted; Job and pods are kept for a while. `STOPPED`: it was
 * stopped before it was started, and never starts.
 */
export type PlacementState = "QUEUED" | "PLACED" | "CREATED" | "ENDED" | "STOPPED";

/** Which cluster. */
export interface Where {
  /** Name of one that is set up; absent with a kubeconfig of the task's own. */
  cluster?: string;
  /** The task's own kubeconfig, sealed. */
  kubeconfig?: string;
}

export interface Placement extends Where {
  state: PlacementState;
  /** When it was written first, milliseconds since the epoch. */
  since: number;
  /** Namespace of Kubernetes. */
  namespace: string;
  jobName: string;
  /** Of the Job, once it is known to exist. */
  uid?: string;
  /** What its log must not show: a JSON list, sealed. */
  secrets: string;
  /** How long a trouble that does not heal is borne, milliseconds. */
  creationGraceMs: number;
  /** How long Job and pods are kept, milliseconds. */
  keepForMs: number;
  keepFailedForMs: number;
  /** What it does with files, if anything. */
  keep?: Keep;
  /** The run, or lone task, whose volume it mounts. */
  workspaceOf?: string;
  /** It was asked to stop. */
  isStopping?: boolean;
  /** It was asked to stop at once. */
  isForced?: boolean;
  /** The end that was decided here, while its Job is taken down for it. */
  verdict?: Result;
  /** ENDED: until when Job and pods are kept, milliseconds since the epoch. */
  keptUntil?: number;
}

/** Where the volumes of a run are. Kept as attempt 0 of the run. */
export interface Workspaces {
  state: "WORKSPACES";
  /** The run has ended: they go with the last pod of its tasks that is kept. */
  isReleased?: boolean;
  claims: (Where & { namespace: string; name: string })[];
}

/** The attempt under which the volumes of a run are kept. */
export const WORKSPACES_ATTEMPT = 0;

/** Whether the engine still waits for the result. */
export function isOpen({ state }: Placement): boolean {
  return state === "QUEUED" || state === "PLACED" || state === "CREATED";
}

/** Whether a Job may be there, with pods. */
export function hasJob({ state }: Placement): boolean {
  return state === "CREATED" || state === "ENDED";
}

/** That an attempt never starts; `placement`: where a late creation might still make its Job. */
export function tombstone({ taskId, attempt }: AttemptRef, placement?: Placement): Placement {
  const { cluster, namespace = "" } = placement?.kubeconfig === undefined ? (placement ?? {}) : {};
  return {
    state: "STOPPED",
    since: Date.now(),
    ...(cluster !== undefined && { cluster }),
    namespace,
    jobName: jobNameOf(taskId, attempt),
    secrets: "",
    creationGraceMs: 0,
    keepForMs: 0,
    keepFailedForMs: 0,
  };
}
