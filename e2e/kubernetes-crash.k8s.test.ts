// Nothing is lost and nothing runs twice on a real cluster: a server with tasks in every state is killed with SIGKILL at
// random moments, and exactly between a call to the cluster and its note of the answer, and started again.

import { setTimeout as delay } from "node:timers/promises";
import type { JobTaskView } from "@mflow/core/schema/api";
import { type Asked, KubeProxy } from "@mflow/server/runners/kubernetes/testing/kube-proxy";
import { afterEach, describe, expect, test } from "vitest";
import { KubeServer, wide, writingJob } from "./kube-server.ts";

const ROUNDS = Number(process.env.KUBE_CRASH_ROUNDS ?? 4);
const FINAL = new Set(["SUCCEEDED", "FAILED", "CANCELED", "SKIPPED"]);
const LINES = 40;

let server: KubeServer;
let proxy: KubeProxy | undefined;

afterEach(async () => {
  await server.dispose();
  await proxy?.close();
  proxy = undefined;
});

async function begin(tasks: number): Promise<string> {
  const job = writingJob("work", LINES, 3);
  const { run } = await server.client.runs.start({ spec: wide(tasks, "work"), documents: [job] });
  return run.id;
}

/** Resolves once the run has ended. */
async function ended(runId: string): Promise<JobTaskView[]> {
  const open = async () => {
    const { tasks } = await server.client.runs.get(runId);
    return tasks.filter(({ status }) => !FINAL.has(status.stage)).map(({ id, status }) => [id, status]);
  };
  await expect.poll(open, { timeout: 120_000, interval: 200 }).toEqual([]);
  return (await server.client.runs.get(runId)).tasks as JobTaskView[];
}

/** Every task SUCCEEDED once, with one Job and one pod, its whole log and its output. */
async function verify(tasks: readonly JobTaskView[]): Promise<void> {
  const log = Array.from({ length: LINES }, (_, index) => `stdout| line ${index + 1}`);
  const history = await server.history();
  for (const { id, status, attempt } of tasks) {
    const endings = history.filter(
      ({ type, taskId, stage }) => type === "TASK_STAGE" && taskId === id && FINAL.has(stage ?? ""),
    );
    expect({
      ...{ id, attempt, stage: status.stage, reason: status.reason, envs: status.runtimeEnvs },
      ...{ endings: endings.length, log: await server.log(id), ...server.counter.of(id) },
    }).toEqual({
      ...{ id, attempt: 1, stage: "SUCCEEDED", reason: undefined, envs: { SEEN: id } },
      ...{ endings: 1, log, jobs: 1, pods: 1 },
    });
  }
  await expect.poll(() => server.left()).toEqual([]);
  await server.stop();
  expect(server.placements()).toEqual([]);
}

test(
  `after ${ROUNDS} rounds of kills while Jobs are created and watched nothing is lost and nothing ran twice`,
  async () => {
    server = await KubeServer.make();
    const runs: string[] = [];
    for (let round = 0; round < ROUNDS; round++) {
      runs.push(await begin(30));
      // While it creates, then while it watches.
      for (const most of [600, 5000]) {
        await delay(Math.random() * most);
        await server.kill();
        await server.start();
      }
    }
    const tasks: JobTaskView[] = [];
    for (const run of runs) tasks.push(...(await ended(run)));
    expect(tasks.length).toBe(30 * ROUNDS);
    await verify(tasks);
  },
  60_000 + ROUNDS * 60_000,
);

test("a kill while tasks wait for their place in the cluster loses none", async () => {
  server = await KubeServer.make({ maxTasks: 3, createRate: 20 });
  const run = await begin(12);
  for (let kills = 0; kills < 5; kills++) {
    await delay(Math.random() * 3000);
    await server.kill();
    await server.start();
  }
  await verify(await ended(run));
  expect(server.counter.mostAtOnce).toBeLessThanOrEqual(3);
});

describe("a kill between what the cluster did and the note of it", () => {
  const moments: [string, (asked: Asked) => boolean][] = [
    ["the Job is created", ({ method, path }) => method === "POST" && path.endsWith("/jobs")],
    ["the Secret is created", ({ method, path }) => method === "POST" && path.endsWith("/secrets")],
    ["the finalizer is removed", ({ method }) => method === "PATCH"],
  ];

  test.each(moments)("%s", async (_, isIt) => {
    proxy = await KubeProxy.make();
    server = await KubeServer.make({ kubeconfig: proxy.kubeconfig() });
    const { promise: reached, resolve } = Promise.withResolvers<void>();
    const never = new Promise<void>(() => {});
    proxy.meddle = (asked) => (isIt(asked) ? { kind: "hold", until: never, reached: resolve } : undefined);
    const run = await begin(3);
    await reached;
    await server.kill();
    proxy.meddle = () => undefined;
    await server.start();
    await verify(await ended(run));
  });

  test("the result is accepted, and nothing else happened yet", async () => {
    proxy = await KubeProxy.make();
    server = await KubeServer.make({ kubeconfig: proxy.kubeconfig() });
    // The finalizer stays: the API server never hears that it may go.
    const { promise: reached, resolve } = Promise.withResolvers<void>();
    const never = new Promise<void>(() => {});
    proxy.meddle = ({ method }) => {
      if (method !== "PATCH") return undefined;
      resolve();
      return { kind: "withhold", until: never };
    };
    const run = await begin(3);
    await reached;
    await server.kill();
    proxy.meddle = () => undefined;
    await server.start();
    await verify(await ended(run));
  });
});

test("a server that starts while the cluster is away is ready at once, and goes on when it is back", async () => {
  proxy = await KubeProxy.make();
  server = await KubeServer.make({ kubeconfig: proxy.kubeconfig() });
  const run = await begin(6);
  await expect.poll(async () => (await server.place.items(server.place.podsPath)).length).toBeGreaterThan(0);
  const usual = server.readyAfterMs;
  await server.kill();
  await proxy.away();
  await server.start();
  expect(server.readyAfterMs).toBeLessThan(usual * 2 + 2000);
  const during = await begin(1);
  const told = async () => (await server.client.runs.get(during)).tasks[0]?.status.message;
  await expect.poll(told).toMatch(/^the API server https:\S+ did not answer: /);
  await proxy.back();
  await verify([...(await ended(run)), ...(await ended(during))]);
});
