// Whom the credentials of a cluster belong to: what a RoleBinding names.

import { X509Certificate } from "node:crypto";
import { readFile } from "node:fs/promises";
import type { KubeConfig } from "@kubernetes/client-node";
import { type ClusterClient, KubeError } from "../api/cluster-client.ts";

/** Of a pod's own account. */
const TOKEN_FILE = "/var/run/secrets/kubernetes.io/serviceaccount/token";

interface SelfSubjectReview {
  status?: { userInfo?: { username?: string } };
}

/**
 * The name by which the API server knows them: it says so itself since Kubernetes 1.28; before that the token or the
 * certificate does. Undefined when neither can be read.
 */
export async function usernameOf(
  client: ClusterClient,
  config: KubeConfig,
  inCluster: boolean,
): Promise<string | undefined> {
  try {
    const apiVersion = "authentication.k8s.io/v1";
    const review = { apiVersion, kind: "SelfSubjectReview" };
    const { status } = await client.create<SelfSubjectReview>(
      `/apis/${apiVersion}/selfsubjectreviews`,
      review,
    );
    if (status?.userInfo?.username) return status.userInfo.username;
  } catch (error) {
    if (!(error instanceof KubeError) || error.isRetryable) throw error;
  }
  const user = config.getCurrentUser();
  const token = inCluster ? await readFile(TOKEN_FILE, "utf8").catch(() => undefined) : user?.token;
  if (token !== undefined) return subjectOfToken(token);
  return user?.certData === undefined ? undefined : commonName(user.certData);
}

/** `sub` of a JSON Web Token; a service account's token is one. */
function subjectOfToken(token: string): string | undefined {
  try {
    const { sub } = JSON.parse(Buffer.from(token.split(".")[1] ?? "", "base64url").toString("utf8"));
    return typeof sub === "string" ? sub : undefined;
  } catch {
    return undefined;
  }
}

function commonName(certificate: string): string | undefined {
  try {
    const { subject } = new X509Certificate(Buffer.from(certificate, "base64"));
    return /^CN=(.+)$/m.exec(subject)?.[1];
  } catch {
    return undefined;
  }
}
