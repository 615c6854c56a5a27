// kubectl for the checks: the one that came with the cluster for tests, else the one on the PATH.

import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Where the cluster for tests keeps what belongs to it. */
const TEST_CLUSTER = process.env.K8S_ROOT ?? join(tmpdir(), "mflow-k8s");
const TEST_KUBECTL = join(TEST_CLUSTER, "bin", "kubectl");

/** Path or name of kubectl. */
export function kubectlProgram(): string {
  return existsSync(TEST_KUBECTL) ? TEST_KUBECTL : "kubectl";
}

/** Socket of the containerd of the cluster for tests; nothing when the cluster is another one. */
export function testContainerd(): string | undefined {
  const run = join(TEST_CLUSTER, "run");
  const isTestCluster = process.env.KUBECONFIG?.startsWith(run) ?? false;
  return isTestCluster ? join(run, "containerd", "containerd.sock") : undefined;
}

/** Runs kubectl with the KUBECONFIG of this process; answers what it prints, rejects with what it complains of. */
export function kubectl(args: readonly string[], input: unknown = ""): Promise<string> {
  // Not whatever cluster a developer has worked on last.
  if (!process.env.KUBECONFIG) throw new Error("KUBECONFIG must name the cluster for the check");
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const options = { maxBuffer: 64 * 2 ** 20 };
  const child = execFile(kubectlProgram(), args, options, (error, stdout, stderr) => {
    if (error) reject(new Error(`kubectl ${args.join(" ")}: ${stderr || error.message}`));
    else resolve(stdout);
  });
  child.stdin?.end(typeof input === "string" ? input : JSON.stringify(input));
  return promise;
}

/** What kubectl prints as JSON. */
export async function kubectlJson<T>(args: readonly string[]): Promise<T> {
  return JSON.parse(await kubectl([...args, "-o", "json"])) as T;
}

/** A List, as `kubectl apply -f -` takes several objects. */
export function listOf(items: readonly object[]): object {
  return { apiVersion: "v1", kind: "List", items };
}
