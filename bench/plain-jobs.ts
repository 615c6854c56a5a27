// What a task of Kubernetes is measured against: the same Jobs without mflow. Once by one client that lives on, which
// posts them and watches them to their condition Complete: the least that anybody does who waits for a Job; and once by
// kubectl, as people do it, where the start of its processes counts too.

import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { text } from "node:stream/consumers";
import type { KubeJob } from "@mflow/core/kubernetes/kube-objects";
import { ClusterClient } from "@mflow/server/runners/kubernetes/api/cluster-client";
import { Informer } from "@mflow/server/runners/kubernetes/api/informer";
import { kubeConfigOf } from "@mflow/server/runners/kubernetes/api/kube-config";
import type { KubePlace } from "@mflow/server/runners/kubernetes/testing/kube-place";
import { trueSpec, untilEmpty } from "./kubernetes-place.ts";

const kubectl = process.env.KUBECTL ?? "kubectl";
const LABEL = "mflow-bench";

/** `fields`: of its spec. */
function plainJob(name: string, fields: Partial<KubeJob["spec"]> = {}): KubeJob {
  const metadata = { name, labels: { [LABEL]: "plain" } };
  return { apiVersion: "batch/v1", kind: "Job", metadata, spec: { ...structuredClone(trueSpec), ...fields } };
}

function isComplete({ status }: KubeJob): boolean {
  return status?.conditions?.some(({ type, status }) => type === "Complete" && status === "True") ?? false;
}

export class PlainJobs {
  readonly #place: KubePlace;
  readonly #client: ClusterClient;
  readonly #watch: Informer<KubeJob>;
  readonly #completed = new Map<string, () => void>();
  readonly #listed = Promise.withResolvers<void>();
  #made = 0;

  private constructor(place: KubePlace, client: ClusterClient) {
    this.#place = place;
    this.#client = client;
    this.#watch = new Informer<KubeJob>(client, {
      path: place.jobsPath,
      query: { labelSelector: LABEL },
      trim: (job) => job,
      changed: (job) => {
        if (isComplete(job)) this.#completed.get(job.metadata?.name ?? "")?.();
      },
      removed: () => {},
      listed: () => this.#listed.resolve(),
      failed: (error) => console.error(error.message),
    });
  }

  /** A client that watches the Jobs of a place already. */
  static async open(place: KubePlace): Promise<PlainJobs> {
    const jobs = new PlainJobs(place, new ClusterClient(await kubeConfigOf(place.spec)));
    jobs.#watch.start();
    await jobs.#listed.promise;
    return jobs;
  }

  /** Milliseconds from the first of so many Jobs posted at once to the last one seen complete. */
  async run(count: number): Promise<number> {
    const names = this.#names(count);
    const complete = names.map((name) => new Promise<void>((tell) => this.#completed.set(name, tell)));
    const start = performance.now();
    // As mflow's, each is removed once it is complete: the node does that while others still run.
    const jobs = names.map((name) => plainJob(name, { ttlSecondsAfterFinished: 0 }));
    await Promise.all(jobs.map((job) => this.#client.create(this.#place.jobsPath, job)));
    await Promise.all(complete);
    const ms = performance.now() - start;
    this.#completed.clear();
    await this.#remove();
    return ms;
  }

  /** Milliseconds of `kubectl create` and `kubectl wait` for so many Jobs; undefined without kubectl. */
  async runByKubectl(count: number): Promise<number | undefined> {
    if (spawnSync(kubectl, ["version", "--client"], { stdio: "ignore" }).status !== 0) return undefined;
    const items = this.#names(count).map((name) => plainJob(name));
    const start = performance.now();
    await this.#kubectl(["create", "-f", "-"], JSON.stringify({ apiVersion: "v1", kind: "List", items }));
    await this.#kubectl(["wait", "--for=condition=complete", "--timeout=120s", "job", "-l", LABEL]);
    const ms = performance.now() - start;
    await this.#remove();
    return ms;
  }

  async close(): Promise<void> {
    await this.#watch.close();
    await this.#client.close();
  }

  #names(count: number): string[] {
    return Array.from({ length: count }, () => `plain-${++this.#made}`);
  }

  async #remove(): Promise<void> {
    const query = { labelSelector: LABEL, propagationPolicy: "Background" };
    await this.#client.call("DELETE", this.#place.jobsPath, { query });
    await untilEmpty(this.#place);
  }

  async #kubectl(args: readonly string[], input = ""): Promise<void> {
    const all = ["--namespace", this.#place.namespace, ...args];
    const child = spawn(kubectl, all, { stdio: ["pipe", "ignore", "pipe"] });
    child.stdin.end(input);
    const [said, [code]] = await Promise.all([text(child.stderr), once(child, "close")]);
    if (code !== 0) throw new Error(`kubectl ${args.join(" ")} ended with ${code}: ${said}`);
  }
}
