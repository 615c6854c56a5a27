// The RUNNER params that say which cluster a task runs on, and when one of them holds a kubeconfig. A kubeconfig is a
// secret, whatever declarations say: who has it rules the cluster.

/** Says what `_kube_config` holds: `MANUAL`: a kubeconfig; `CLUSTER_REF` (default): the name of a cluster. */
export const KUBE_CONFIG_FROM = "_kube_config_from";
export const KUBE_CONFIG = "_kube_config";

/**
 * Whether a value that somebody gives or declares is a kubeconfig. Where it is written nobody can say yet what
 * `_kube_config_from` will be; but names of clusters have no colon, and no kubeconfig, YAML or JSON, does without one.
 */
export function isKubeconfigValue({ name, value }: { name: string; value?: unknown }): boolean {
  return name === KUBE_CONFIG && typeof value === "string" && value.includes(":");
}
