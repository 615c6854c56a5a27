// Counts the Jobs and pods that there ever were in a namespace, by what the API server says: the proof that nothing ran
// twice does not rest on what mflow says of itself.

import type { KubeObject } from "@mflow/core/kubernetes/kube-objects";
import { LABELS } from "@mflow/core/kubernetes/render-job";
import type { ClusterClient } from "../api/cluster-client.ts";
import { linesOf } from "../api/stream-lines.ts";

interface WatchEvent {
  type: string;
  object: KubeObject & { status?: { phase?: string } };
}

export class PodCounter {
  readonly #client: ClusterClient;
  readonly #closing = new AbortController();
  /** By kind, then by `task.attempt`: the uids. */
  readonly #seen = { jobs: new Map<string, Set<string>>(), pods: new Map<string, Set<string>>() };
  /** uids of pods that have not ended. */
  readonly #going = new Set<string>();
  #most = 0;
  readonly #running: Promise<unknown>;

  constructor(client: ClusterClient, namespace: string) {
    this.#client = client;
    this.#running = Promise.all([
      this.#watch("jobs", `/apis/batch/v1/namespaces/${namespace}/jobs`),
      this.#watch("pods", `/api/v1/namespaces/${namespace}/pods`),
    ]);
  }

  /** How many Jobs and pods an attempt had. */
  of(taskId: string, attempt = 1): { jobs: number; pods: number } {
    const key = `${taskId}.${attempt}`;
    return { jobs: this.#seen.jobs.get(key)?.size ?? 0, pods: this.#seen.pods.get(key)?.size ?? 0 };
  }

  /** Attempts that had a Job. */
  get attempts(): string[] {
    return [...this.#seen.jobs.keys()];
  }

  /** The most pods that had not ended at one time. */
  get mostAtOnce(): number {
    return this.#most;
  }

  async close(): Promise<void> {
    this.#closing.abort();
    await this.#running;
  }

  async #watch(kind: "jobs" | "pods", path: string): Promise<void> {
    const { signal } = this.#closing;
    // From the beginning: what exists is told as ADDED.
    let resourceVersion: string | undefined;
    while (!signal.aborted) {
      try {
        const body = await this.#client.stream(path, { query: { watch: true, resourceVersion }, signal });
        for await (const lines of linesOf(body)) {
          for (const line of lines) {
            const event = JSON.parse(line) as WatchEvent;
            resourceVersion = event.object.metadata?.resourceVersion;
            this.#note(kind, event);
          }
        }
      } catch (error) {
        if (!signal.aborted) throw error;
      }
    }
  }

  #note(kind: "jobs" | "pods", { type, object: { metadata = {}, status } }: WatchEvent): void {
    const { uid = "", labels = {} } = metadata;
    const key = `${labels[LABELS.taskId]}.${labels[LABELS.attempt]}`;
    const seen = this.#seen[kind];
    seen.set(key, (seen.get(key) ?? new Set()).add(uid));
    if (kind === "jobs") return;
    const isOver = type === "DELETED" || status?.phase === "Succeeded" || status?.phase === "Failed";
    if (isOver) this.#going.delete(uid);
    else this.#going.add(uid);
    this.#most = Math.max(this.#most, this.#going.size);
  }
}
