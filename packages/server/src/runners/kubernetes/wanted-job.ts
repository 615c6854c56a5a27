// What a task asks of a cluster, checked before anything is noted of it, and the Job that it comes to there.

import { checkedSpec } from "@mflow/core/checked-spec";
import { MflowError } from "@mflow/core/errors";
import { type RenderedJob, renderJob } from "@mflow/core/kubernetes/render-job";
import { K8sJobSpec } from "@mflow/core/schema/runner-spec";
import type { RunnerHost, StartRequest } from "../runner.ts";
import { type ClusterChoice, chooseCluster, type KnownClusters, placedCluster } from "./cluster-choice.ts";
import type { Placement, Where } from "./placement.ts";

/** What a task asks for, checked. */
export interface Wanted {
  choice: ClusterChoice;
  spec: K8sJobSpec;
  where: Where;
}

/** What a server has for it. */
export interface WantedParts {
  clusters: KnownClusters;
  host: Pick<RunnerHost, "files">;
  seal(plain: string): string;
  unseal(sealed: string): string;
}

/** Where a Job is made, and by whom. */
export interface JobTarget {
  installation: string;
  /** Namespace of Kubernetes. */
  namespace: string;
  /** Name of the claim of the run's volume, where it has one. */
  claim: string | undefined;
}

/**
 * What a task asks for; `placed`: where it was placed before, which is where it stays, whatever clusters there are by now.
 * Throws RUNNER_REFUSED that names place or param, and remedy, and RetryableStartError when that cluster is not set up.
 */
export function wantedOf(
  request: StartRequest,
  { clusters, host, seal, unseal }: WantedParts,
  placed?: Placement,
): Wanted {
  const spec = checkedSpec(K8sJobSpec, request.spec);
  if (request.keep && !host.files) {
    throw new MflowError("RUNNER_REFUSED", "this server keeps no artifacts and caches");
  }
  if (placed?.kubeconfig !== undefined) {
    const choice = { kubeconfig: unseal(placed.kubeconfig), spec: {} };
    return { choice, spec, where: { kubeconfig: placed.kubeconfig } };
  }
  const choice = placed ? placedCluster(request, placed, clusters) : chooseCluster(request, clusters);
  const { cluster, kubeconfig } = choice;
  const where = kubeconfig === undefined ? { cluster } : { kubeconfig: seal(kubeconfig) };
  return { choice, spec, where };
}

/** The Job of an attempt, and the Secret that goes with it. */
export function renderedJobOf(
  request: StartRequest,
  { choice, spec }: Wanted,
  { installation, namespace: kubeNamespace, claim: workspaceClaim }: JobTarget,
): RenderedJob {
  const { taskId, attempt, name, job, domain, namespace, pipelineTaskId, env, secretEnv } = request;
  return renderJob({
    ...{ taskId, attempt, name, job, domain, namespace, pipelineTaskId, env, secretEnv, spec },
    ...{ kubeNamespace, workspaceClaim, installation },
    timeoutMs: request.timeoutMs,
    manualUpdateStatus: request.manualUpdateStatus,
    kubeconfig: choice.kubeconfig ?? choice.spec.kubeconfig,
    ...(request.keep && { keep: request.keep }),
    workspaceSizeLimit: choice.spec.workspace?.sizeLimit,
    ...(choice.spec.helperImage !== undefined && { helperImage: choice.spec.helperImage }),
  });
}
