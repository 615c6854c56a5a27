// A namespace of its own on the real cluster that KUBECONFIG names, and runners that work in it.

import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { LABELS } from "@mflow/core/kubernetes/render-job";
import type { ClusterSpec } from "@mflow/core/schema/cluster";
import { createKeys } from "../../../auth/keys.ts";
import type { RunnerAttempt, RunnerAttemptStore } from "../../../store/store.ts";
import type { RunnerHost, StartRequest } from "../../runner.ts";
import { startRequest } from "../../testing/start-request.ts";
import { ClusterClient, KubeError } from "../api/cluster-client.ts";
import { kubeConfigOf } from "../api/kube-config.ts";
import {
  type ClusterRunner,
  createKubernetesRunner,
  type KubernetesRunnerOptions,
} from "../kubernetes-runner.ts";

export const IMAGE = process.env.MFLOW_TEST_IMAGE ?? "k8s.test/busybox:1";

/** Text of the kubeconfig that KUBECONFIG names. */
export function testKubeconfig(): string {
  const path = process.env.KUBECONFIG;
  if (!path) throw new Error("set KUBECONFIG to the kubeconfig of a cluster for tests");
  return readFileSync(path, "utf8");
}

/**
 * A shell that is the first process of a container ignores SIGTERM until it comes to its `trap`: one that is stopped
 * before is killed after so many seconds, and not after the 30 that are usual.
 */
const GRACE_S = 5;

/** A spec whose one container runs a script. */
export function scriptJob(script: string, more: { container?: object; pod?: object; job?: object } = {}) {
  const container = { name: "main", image: IMAGE, command: ["sh", "-c", script], ...more.container };
  return {
    apiVersion: "batch/v1",
    kind: "Job",
    spec: {
      template: { spec: { terminationGracePeriodSeconds: GRACE_S, containers: [container], ...more.pod } },
      ...more.job,
    },
  };
}

/**
 * A spec whose pod no node takes. To be canceled before it begins: nodes before Kubernetes 1.22 may need minutes to end a
 * pod that is canceled just while they make it.
 */
export function unplaceableJob() {
  return scriptJob("true", { pod: { nodeSelector: { "no/such": "node" } } });
}

/** Says that it has begun, then goes on until it is asked to end. */
export const GOES_ON = scriptJob("trap 'exit 0' TERM; echo begun; sleep 3600 & wait");

/** Of a request whose Job comes with a Secret. */
export const WITH_PASSWORD = { env: { PASSWORD: "correct horse" }, secretEnv: ["PASSWORD"] };

/** What the store remembers, in memory. */
class MemoryAttempts implements RunnerAttemptStore {
  readonly #installation = randomBytes(10).toString("hex");
  readonly rows = new Map<string, RunnerAttempt>();

  async list(): Promise<RunnerAttempt[]> {
    return structuredClone([...this.rows.values()]);
  }

  async put(_runner: string, attempt: RunnerAttempt): Promise<void> {
    this.rows.set(`${attempt.taskId}.${attempt.attempt}`, structuredClone(attempt));
  }

  async remove(_runner: string, refs: readonly { taskId: string; attempt: number }[]): Promise<void> {
    for (const { taskId, attempt } of refs) this.rows.delete(`${taskId}.${attempt}`);
  }

  async installationId(): Promise<string> {
    return this.#installation;
  }
}

export class KubePlace {
  readonly namespace: string;
  readonly client: ClusterClient;
  readonly attempts = new MemoryAttempts();
  readonly warnings: string[] = [];
  /** Settings of the one cluster. */
  spec: ClusterSpec;
  readonly #keys = createKeys({ current: randomBytes(32) });
  readonly #changed = new Set<(name: string) => void>();

  private constructor(namespace: string, client: ClusterClient, spec: ClusterSpec) {
    this.namespace = namespace;
    this.client = client;
    this.spec = spec;
  }

  static async make(settings: Partial<ClusterSpec> = {}): Promise<KubePlace> {
    const namespace = `mflow-test-${randomBytes(4).toString("hex")}`;
    const kubeconfig = testKubeconfig();
    const client = new ClusterClient(await kubeConfigOf({ kubeconfig }));
    await client.create("/api/v1/namespaces", { metadata: { name: namespace } });
    const place = new KubePlace(namespace, client, { kubeconfig, defaultNamespace: namespace, ...settings });
    await place.accountIsThere();
    return place;
  }

  /** Pods are refused until the namespace's account was made. */
  async accountIsThere(): Promise<void> {
    const path = `/api/v1/namespaces/${this.namespace}/serviceaccounts/default`;
    for (const end = Date.now() + 30_000; Date.now() < end; ) {
      try {
        await this.client.get(path);
        return;
      } catch (error) {
        if (!(error instanceof KubeError) || error.status !== 404) throw error;
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
    }
    throw new Error(`namespace ${this.namespace} gets no service account`);
  }

  /** A runner on this place, as a server has it after each of its starts. */
  runner(options: Partial<KubernetesRunnerOptions> = {}): ClusterRunner {
    return createKubernetesRunner({
      clusters: {
        names: () => ["test"],
        open: (name) => (name === "test" ? this.spec : undefined),
        onChange: (listener) => {
          this.#changed.add(listener);
          return () => this.#changed.delete(listener);
        },
      },
      attempts: this.attempts,
      vault: this.#keys,
      logBytesPerTask: 64 * 2 ** 20,
      artifactBytes: 2 ** 30,
      mayDial: () => true,
      log: { warn: (message) => this.warnings.push(message) },
      ...options,
    });
  }

  /** The same, opened: the server has started. */
  async openRunner(host: RunnerHost, options: Partial<KubernetesRunnerOptions> = {}): Promise<ClusterRunner> {
    const runner = this.runner(options);
    await runner.open(host);
    return runner;
  }

  /** The cluster's settings are others now. */
  change(settings: Partial<ClusterSpec>): void {
    this.spec = { ...this.spec, ...settings };
    for (const listener of this.#changed) listener("test");
  }

  request(spec: Record<string, unknown>, changes: Partial<StartRequest> = {}): StartRequest {
    return startRequest(spec, changes);
  }

  /** What there is of a kind. */
  async items<T = { metadata: { name: string; uid: string } }>(path: string): Promise<T[]> {
    return (await this.client.get<{ items: T[] }>(path)).items;
  }

  /** Names of what there is of a kind. */
  async names(path: string): Promise<string[]> {
    return (await this.items(path)).map(({ metadata }) => metadata.name);
  }

  /** The pods of a task. */
  async podsOf<T = { metadata: { name: string } }>({ taskId }: { taskId: string }): Promise<T[]> {
    return this.items<T>(`${this.podsPath}?${ofTask(taskId)}`);
  }

  /** Names of the Jobs, pods and Secrets that there are, in this order; of one task or of all. */
  async left(task?: { taskId: string }): Promise<string[]> {
    type Item = { type?: string; metadata: { name: string } };
    const query = task ? `?${ofTask(task.taskId)}` : "";
    const paths = [this.jobsPath, this.podsPath, this.secretsPath];
    const items = (await Promise.all(paths.map((path) => this.items<Item>(path + query)))).flat();
    // Secrets of other types, such as tokens of accounts, are the cluster's own.
    return items.filter(({ type = "Opaque" }) => type === "Opaque").map(({ metadata }) => metadata.name);
  }

  get jobsPath(): string {
    return `/apis/batch/v1/namespaces/${this.namespace}/jobs`;
  }

  get podsPath(): string {
    return `/api/v1/namespaces/${this.namespace}/pods`;
  }

  get secretsPath(): string {
    return `/api/v1/namespaces/${this.namespace}/secrets`;
  }

  async dispose(): Promise<void> {
    // Jobs that a test left keep our finalizer, and the namespace with them.
    for (const { metadata } of await this.items(this.jobsPath)) {
      const path = `${this.jobsPath}/${metadata.name}`;
      await this.client
        .patch(path, { metadata: { finalizers: null } }, "application/merge-patch+json")
        .catch(() => {});
    }
    await this.client.delete(`/api/v1/namespaces/${this.namespace}`, { gracePeriodSeconds: 0 });
    await this.client.close();
  }
}

function ofTask(taskId: string): string {
  return `labelSelector=${LABELS.taskId}=${taskId}`;
}
