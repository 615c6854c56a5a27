// How a cluster is reached: from the settings of a cluster, or a kubeconfig that a task brings, to the configuration of
// the client library. What people supply must hold everything itself: `exec` plugins and `auth-provider`s would run
// programs of the server's machine, and file paths would read its files.

import type { KubeConfig } from "@kubernetes/client-node";
import { MflowError } from "@mflow/core/errors";
import { readKubeconfig } from "@mflow/core/kubernetes/kubeconfig";
import type { ClusterSpec } from "@mflow/core/schema/cluster";
import { clientLibrary } from "./client-library.ts";

/** The configuration of a cluster with opened secrets. Throws INVALID_DOCUMENT that says what is wrong. */
export async function kubeConfigOf(spec: ClusterSpec): Promise<KubeConfig> {
  if (spec.kubeconfig !== undefined)
    return kubeConfigOfText(spec.kubeconfig, spec.context, "/spec/kubeconfig");
  const { KubeConfig } = await clientLibrary();
  const config = new KubeConfig();
  if (spec.inCluster) {
    config.loadFromCluster();
    return config;
  }
  const cluster: { name: string; server: string; skipTLSVerify: boolean; caData?: string } = {
    name: "cluster",
    server: (spec.server ?? "").replace(/\/$/, ""),
    skipTLSVerify: false,
  };
  if (spec.certificateAuthority !== undefined) {
    cluster.caData = Buffer.from(spec.certificateAuthority).toString("base64");
  }
  config.loadFromClusterAndUser(cluster, { name: "user", token: spec.token });
  return config;
}

/** A kubeconfig that was handed in; `path` names it in refusals. Throws INVALID_DOCUMENT. */
export async function kubeConfigOfText(
  text: string,
  context: string | undefined,
  path: string,
): Promise<KubeConfig> {
  const { config: plain, problems } = readKubeconfig(text, context, path);
  if (!plain) {
    const message = problems.map((problem) => problem.message).join("; ");
    throw new MflowError("INVALID_DOCUMENT", message, problems);
  }
  const { KubeConfig } = await clientLibrary();
  const config = new KubeConfig();
  // Not the text itself: the library's parser may find in it what was not looked at.
  config.loadFromString(JSON.stringify(plain));
  return config;
}
