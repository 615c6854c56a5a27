// Nothing is lost and nothing runs twice on a real cluster: a server with tasks in every state is killed with SIGKILL at
// random moments, and exactly between a call to the cluster and its note of the answer, and started again.

import { setTimeout as delay } from "node:timers/promises";
import type { JobTaskView } from "@mflow/core/schema/api";
import type { ClusterSpec } from "@mflow/core/schema/cluster";
import { type Asked, KubeProxy } from "@mflow/server/runners/kubernetes/testing/kube-proxy";
import { describe, expect, test } from "vitest";
import { eventually, KubeServer, wide, writingJob } from "./kube-server.ts";

const ROUNDS = Number(process.env.KUBE_CRASH_ROUNDS ?? 2);
const FINAL = new Set(["SUCCEEDED", "FAILED", "CANCELED", "SKIPPED"]);
const LINES = 40;

/** Gives the test a server, behind a proxy when it asks for one. */
async function withServer(
  test: (server: KubeServer, proxy: KubeProxy) => Promise<void>,
  cluster: Partial<ClusterSpec> = {},
): Promise<void> {
  const proxy = await KubeProxy.make();
  const server = await KubeServer.make({ kubeconfig: proxy.kubeconfig(), ...cluster });
  try {
    await test(server, proxy);
  } finally {
    await server.dispose();
    await proxy.close();
  }
}

async function begin(server: KubeServer, tasks: number): Promise<string> {
  const job = writingJob("work", LINES, 3);
  const { run } = await server.client.runs.start({ spec: wide(tasks, "work"), documents: [job] });
  return run.id;
}

/** Resolves once the run has ended. */
async function ended(server: KubeServer, runId: string): Promise<JobTaskView[]> {
  const open = async () => {
    const { tasks } = await server.client.runs.get(runId);
    return tasks.filter(({ status }) => !FINAL.has(status.stage)).map(({ id, status }) => [id, status]);
  };
  await eventually(open, (found) => expect(found).toEqual([]), 120_000);
  return (await server.client.runs.get(runId)).tasks as JobTaskView[];
}

/** Every task SUCCEEDED once, with one Job and one pod, its whole log and its output. */
async function verify(server: KubeServer, tasks: readonly JobTaskView[]): Promise<void> {
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
  await eventually(
    () => server.left(),
    (left) => expect(left).toEqual([]),
  );
  await server.stop();
  expect(server.placements()).toEqual([]);
}

test(
  `after ${ROUNDS} rounds of kills while Jobs are created and watched nothing is lost and nothing ran twice`,
  () =>
    withServer(async (server) => {
      const runs: string[] = [];
      for (let round = 0; round < ROUNDS; round++) {
        runs.push(await begin(server, 30));
        // While it creates, then while it watches.
        for (const most of [600, 5000]) {
          await delay(Math.random() * most);
          await server.kill();
          await server.start();
        }
      }
      const tasks: JobTaskView[] = [];
      for (const run of runs) tasks.push(...(await ended(server, run)));
      expect(tasks.length).toBe(30 * ROUNDS);
      await verify(server, tasks);
    }),
  60_000 + ROUNDS * 60_000,
);

describe.concurrent("a server that is killed", () => {
  test("while tasks wait for their place in the cluster loses none", () =>
    withServer(
      async (server) => {
        const run = await begin(server, 12);
        for (let kills = 0; kills < 5; kills++) {
          await delay(Math.random() * 3000);
          await server.kill();
          await server.start();
        }
        await verify(server, await ended(server, run));
        expect(server.counter.mostAtOnce).toBeLessThanOrEqual(3);
      },
      { maxTasks: 3, createRate: 20 },
    ));

  const moments: [string, "hold" | "withhold", (asked: Asked) => boolean][] = [
    ["the Job is created", "hold", ({ method, path }) => method === "POST" && path.endsWith("/jobs")],
    ["the Secret is created", "hold", ({ method, path }) => method === "POST" && path.endsWith("/secrets")],
    ["the result is accepted", "withhold", ({ method }) => method === "PATCH"],
    ["the finalizer is removed", "hold", ({ method }) => method === "PATCH"],
  ];

  test.each(moments)("when %s, before it notes that, goes on from there", (_, kind, isIt) =>
    withServer(async (server, proxy) => {
      const { promise, resolve: reached } = Promise.withResolvers<void>();
      const until = new Promise<void>(() => {});
      proxy.meddle = (asked) => (isIt(asked) ? { kind, until, reached } : undefined);
      const run = await begin(server, 3);
      await promise;
      await server.kill();
      proxy.meddle = () => undefined;
      await server.start();
      await verify(server, await ended(server, run));
    }),
  );

  test("is ready at once when it starts while the cluster is away, and goes on when that is back", () =>
    withServer(async (server, proxy) => {
      const run = await begin(server, 6);
      const pods = async () => (await server.place.items(server.place.podsPath)).length;
      await eventually(pods, (count) => expect(count).toBeGreaterThan(0));
      const usual = server.readyAfterMs;
      await server.kill();
      await proxy.away();
      await server.start();
      expect(server.readyAfterMs).toBeLessThan(usual * 2 + 3000);
      const during = await begin(server, 1);
      const told = async () => (await server.client.runs.get(during)).tasks[0]?.status.message;
      await eventually(told, (said) =>
        expect(said).toMatch(/^cluster \S+: the API server https:\S+ cannot be reached: /),
      );
      await proxy.back();
      await verify(server, [...(await ended(server, run)), ...(await ended(server, during))]);
    }));
});
