// A whole server in a process of its own, to be killed and started again, and a namespace of the real cluster that it
// works in.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import type { ClusterSpec } from "@mflow/core/schema/cluster";
import type { HistoryEvent } from "@mflow/core/schema/event";
import type { Client } from "@mflow/sdk";
import { IMAGE, KubePlace } from "@mflow/server/runners/kubernetes/testing/kube-place";
import { PodCounter } from "@mflow/server/runners/kubernetes/testing/pod-counter";
import { vi } from "vitest";
import { type KillableServer, startKillableServer } from "./killable-server.ts";

export class KubeServer {
  readonly place: KubePlace;
  readonly counter: PodCounter;
  readonly folder = mkdtempSync(join(tmpdir(), "mflow-kube-"));
  /** How long the last start took until the server was ready, milliseconds. */
  readyAfterMs = 0;
  readonly #options: readonly string[];
  /** All its lives; the last one may have ended. */
  readonly #lives: KillableServer[] = [];
  #isRunning = false;

  private constructor(place: KubePlace, options: readonly string[]) {
    this.place = place;
    this.#options = options;
    this.counter = new PodCounter(place.client, place.namespace);
  }

  /** Starts one with a cluster `test`, always with these options. */
  static async make(
    cluster: Partial<ClusterSpec> = {},
    options: readonly string[] = [],
  ): Promise<KubeServer> {
    const place = await KubePlace.make({ keepFor: "0s", keepFailedFor: "0s", ...cluster });
    const server = new KubeServer(place, options);
    await server.start();
    await server.client.clusters.put("test", server.place.spec);
    return server;
  }

  get client(): Client {
    const life = this.#life;
    if (!life) throw new Error("the server does not run");
    return life.client;
  }

  /** Its port; 0 while it does not run. */
  get port(): number {
    return this.#life ? Number(new URL(this.#life.address).port) : 0;
  }

  /** What it wrote to stderr, over all its lives. */
  get said(): string {
    return this.#lives.map((life) => life.said()).join("");
  }

  async start(): Promise<void> {
    const begun = Date.now();
    const flags = ["--max-tasks", "500", "--allow-target", "127.0.0.1", ...this.#options];
    this.#lives.push(await startKillableServer(join(this.folder, "data"), flags));
    this.#isRunning = true;
    this.readyAfterMs = Date.now() - begun;
  }

  /** SIGKILL: the server has no time for anything. */
  async kill(): Promise<void> {
    await this.#end((life) => life.kill());
  }

  /** Ends as it should. */
  async stop(): Promise<void> {
    await this.#end((life) => life.stop());
  }

  /** Placements that are left in the database; the server must be stopped. */
  placements(): unknown[] {
    const db = new DatabaseSync(join(this.folder, "data", "mflow.db"), { readOnly: true });
    try {
      return db.prepare("SELECT task_id, attempt, body FROM runner_attempts").all();
    } finally {
      db.close();
    }
  }

  /** Names of the Jobs, pods and Secrets that are in the namespace. */
  left(): Promise<string[]> {
    return this.place.left();
  }

  /** The whole history. */
  async history(): Promise<HistoryEvent[]> {
    const events: HistoryEvent[] = [];
    const until = await this.client.newestEvent();
    for await (const event of this.client.events({ after: 0, until })) events.push(event);
    return events;
  }

  /** Lines of the log of a task as `stream| text`. */
  async log(taskId: string): Promise<string[]> {
    const { lines } = await this.client.logs.page(taskId, { limit: 1000 });
    return lines.map(({ stream, text }) => `${stream}| ${text}`);
  }

  async dispose(): Promise<void> {
    await this.stop();
    await this.counter.close();
    await this.place.dispose();
    rmSync(this.folder, { recursive: true, force: true, maxRetries: 10 });
  }

  /** The life it is in; none while it does not run. */
  get #life(): KillableServer | undefined {
    return this.#isRunning ? this.#lives.at(-1) : undefined;
  }

  async #end(how: (life: KillableServer) => Promise<void>): Promise<void> {
    const life = this.#life;
    this.#isRunning = false;
    if (life) await how(life);
  }
}

/** Looks again and again until what it finds passes. For tests that run side by side, where `expect.poll` cannot. */
export async function eventually<T>(look: () => Promise<T>, check: (found: T) => void, timeout = 60_000) {
  await vi.waitFor(async () => check(await look()), { timeout, interval: 200 });
}

/** A job whose pods write numbered lines over so many seconds and put out their task. */
export function writingJob(name: string, lines: number, seconds: number) {
  const pause = (seconds / lines).toFixed(3);
  const script = `i=1; while [ $i -le ${lines} ]; do echo "line $i"; i=$((i+1)); sleep ${pause}; done; echo "SEEN=$JOB_TASK_ID" > /dev/termination-log`;
  const resources = { requests: { cpu: "1m", memory: "1Mi" } };
  const container = { name: "main", image: IMAGE, command: ["sh", "-c", script], resources };
  return {
    kind: "Job" as const,
    metadata: { name },
    spec: {
      runnerType: "K8S_JOB" as const,
      runParams: [{ name: "PASSWORD", sensitive: true, value: "correct horse battery" }],
      runnerSpec: { spec: { template: { spec: { containers: [container] } } } },
    },
  };
}

/** A pipeline of one stage of so many tasks of a job, all at once. */
export function wide(tasks: number, job: string) {
  const named = Array.from({ length: tasks }, (_, index) => ({ name: `t${index + 1}`, job }));
  return { isParallel: true, stages: [{ name: "all", isParallel: true, tasks: named }] };
}
