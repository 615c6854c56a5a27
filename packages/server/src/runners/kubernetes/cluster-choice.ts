// Where a task runs: which cluster and namespace its params name, and whether it may.

import { parseDuration } from "@mflow/core/duration";
import { MflowError } from "@mflow/core/errors";
import type { ClusterSpec } from "@mflow/core/schema/cluster";
import type { K8sJobSpec } from "@mflow/core/schema/runner-spec";
import { RetryableStartError, type StartRequest } from "../runner.ts";
import type { Limits } from "./admission.ts";
import type { Placement } from "./placement.ts";

/** The params of usage RUNNER by which a task chooses. */
const CLUSTER_PARAMS = {
  from: "_kube_config_from",
  config: "_kube_config",
  namespace: "_namespace",
} as const;

/** What is asked of the clusters that are set up. */
export interface KnownClusters {
  names(): string[];
  /** With opened secrets. */
  open(name: string): ClusterSpec | undefined;
}

export interface ClusterChoice {
  /** Name of a cluster that is set up; absent with `kubeconfig`. */
  cluster?: string;
  /** The task's own kubeconfig. */
  kubeconfig?: string;
  /** Settings; of a kubeconfig the defaults. */
  spec: ClusterSpec;
  /** Namespace that the task asks for. */
  namespace?: string;
}

/** The cluster that is used when a task names none and there are several. */
const DEFAULT_CLUSTER = "default";
const DEFAULTS = { maxTasks: 200, createRate: 50, creationGrace: "2m", keepFor: "0s", keepFailedFor: "1h" };

/** The cluster of a task. Throws RUNNER_REFUSED that names param and remedy. */
export function chooseCluster(request: StartRequest, clusters: KnownClusters): ClusterChoice {
  const { runnerParams } = request;
  const from = runnerParams[CLUSTER_PARAMS.from] ?? "CLUSTER_REF";
  const config = runnerParams[CLUSTER_PARAMS.config];
  const namespace = runnerParams[CLUSTER_PARAMS.namespace];
  if (from === "MANUAL") {
    if (config === undefined)
      refuse("param `_kube_config` must hold the kubeconfig, because `_kube_config_from` is MANUAL");
    return { kubeconfig: config, spec: {}, ...(namespace !== undefined && { namespace }) };
  }
  if (from !== "CLUSTER_REF")
    refuse(`param \`_kube_config_from\` must be \`MANUAL\` or \`CLUSTER_REF\`, but is \`${from}\``);
  const cluster = config ?? onlyCluster(clusters);
  const spec = clusters.open(cluster);
  if (!spec) refuse(`param \`_kube_config\`: there is no cluster \`${cluster}\`; ${thereAre(clusters)}`);
  refuseUnlessAllowed(cluster, spec, request);
  return { cluster, spec, ...(namespace !== undefined && { namespace }) };
}

/**
 * The cluster in which an attempt was placed, with its settings of now. Throws RetryableStartError when it is not set up
 * any more, and RUNNER_REFUSED when the task may not use it any more and nothing can have been made there yet.
 */
export function placedCluster(
  request: StartRequest,
  { cluster = "", state }: Placement,
  clusters: KnownClusters,
): ClusterChoice {
  const spec = settingsOf(cluster, clusters);
  if (state === "QUEUED") refuseUnlessAllowed(cluster, spec, request);
  return { cluster, spec };
}

/** The settings of a cluster in which something was begun. Throws RetryableStartError when it is not set up any more. */
export function settingsOf(cluster: string, clusters: KnownClusters): ClusterSpec {
  const spec = clusters.open(cluster);
  if (spec) return spec;
  throw new RetryableStartError(`there is no cluster \`${cluster}\` any more; an admin can add it again`);
}

/** The namespace of a task; `ofContext` is the kubeconfig's. Throws RUNNER_REFUSED. */
export function chooseNamespace(
  { cluster, spec, namespace }: ClusterChoice,
  ofContext: string | undefined,
): string {
  const usual = spec.defaultNamespace ?? ofContext ?? "default";
  if (namespace === undefined || namespace === usual) return usual;
  if (!/^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/.test(namespace)) {
    refuse(`param \`_namespace\` is \`${namespace}\`, which is no name of a namespace of Kubernetes`);
  }
  // With a kubeconfig of the task's own, the cluster alone says what it may.
  if (cluster === undefined || spec.allowedNamespaces?.includes(namespace)) return namespace;
  const allowed = [usual, ...(spec.allowedNamespaces ?? [])].map((name) => `\`${name}\``).join(", ");
  return refuse(
    `param \`_namespace\`: tasks may not run in namespace \`${namespace}\` of cluster \`${cluster}\`, only in ${allowed}; an admin can add it to \`allowedNamespaces\``,
  );
}

/** How much of a cluster may be used at once, with the defaults. */
export function limitsOf({
  maxTasks = DEFAULTS.maxTasks,
  createRate = DEFAULTS.createRate,
}: ClusterSpec): Limits {
  return { maxTasks, createRate };
}

/** How long troubles are borne and things kept: the job's, else the cluster's, else the default; milliseconds. */
export function timesOf(job: K8sJobSpec, cluster: ClusterSpec) {
  const ms = (key: "creationGrace" | "keepFor" | "keepFailedFor") =>
    parseDuration(job[key] ?? cluster[key] ?? DEFAULTS[key]);
  return {
    creationGraceMs: ms("creationGrace"),
    keepForMs: ms("keepFor"),
    keepFailedForMs: ms("keepFailedFor"),
  };
}

function onlyCluster(clusters: KnownClusters): string {
  const names = clusters.names();
  const [only] = names;
  if (only !== undefined && names.length === 1) return only;
  if (names.includes(DEFAULT_CLUSTER)) return DEFAULT_CLUSTER;
  return refuse(`param \`_kube_config\` must name the cluster; ${thereAre(clusters)}`);
}

function thereAre(clusters: KnownClusters): string {
  const names = clusters.names();
  if (names.length === 0) return "no cluster is set up; an admin can add one with `mflow cluster add`";
  return `there ${names.length === 1 ? "is" : "are"} ${names.map((name) => `\`${name}\``).join(", ")}`;
}

function refuseUnlessAllowed(cluster: string, spec: ClusterSpec, request: StartRequest): void {
  if (isAllowedFrom(spec, request)) return;
  refuse(
    `cluster \`${cluster}\` may not be used by tasks of \`${request.namespace}.${request.domain}\`; an admin can add it to the cluster's \`scopes\``,
  );
}

function isAllowedFrom({ scopes }: ClusterSpec, { domain, namespace }: StartRequest): boolean {
  if (!scopes) return true;
  const fits = (wanted: string, is: string) => wanted === "*" || wanted === is;
  return scopes.some((scope) => fits(scope.domain, domain) && fits(scope.namespace, namespace));
}

function refuse(message: string): never {
  throw new MflowError("RUNNER_REFUSED", message);
}
