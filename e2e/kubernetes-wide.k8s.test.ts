// A hundred tasks at once on a real cluster through a whole server, within the limits of the cluster; and kubeconfigs
// that tasks bring.

import type { JobTaskView } from "@mflow/core/schema/api";
import { testKubeconfig } from "@mflow/server/runners/kubernetes/testing/kube-place";
import { afterEach, expect, test } from "vitest";
import { parse, stringify } from "yaml";
import { KubeServer, wide, writingJob } from "./kube-server.ts";

const TASKS = 100;
const FINAL = new Set(["SUCCEEDED", "FAILED", "CANCELED", "SKIPPED"]);

let server: KubeServer;

afterEach(() => server.dispose());

/** The tasks of a run once it has ended. */
async function ended(runId: string): Promise<JobTaskView[]> {
  const open = async () => {
    const { tasks } = await server.client.runs.get(runId);
    return tasks.filter(({ status }) => !FINAL.has(status.stage)).length;
  };
  await expect.poll(open, { timeout: 300_000, interval: 300 }).toBe(0);
  return (await server.client.runs.get(runId)).tasks as JobTaskView[];
}

async function runWide(tasks: number, lines: number, seconds: number): Promise<JobTaskView[]> {
  const job = writingJob("work", lines, seconds);
  const { run } = await server.client.runs.start({ spec: wide(tasks, "work"), documents: [job] });
  return ended(run.id);
}

/** All SUCCEEDED with their own output and whole log, one Job and one pod each; nothing is left. */
async function verify(tasks: readonly JobTaskView[], lines: number): Promise<void> {
  const log = Array.from({ length: lines }, (_, index) => `stdout| line ${index + 1}`);
  for (const { id, status } of tasks) {
    const is = { id, stage: status.stage, envs: status.runtimeEnvs, log: await server.log(id) };
    expect({ ...is, ...server.counter.of(id) }).toEqual({
      ...{ id, stage: "SUCCEEDED", envs: { SEEN: id }, log },
      ...{ jobs: 1, pods: 1 },
    });
  }
  await expect.poll(() => server.left()).toEqual([]);
}

test("a hundred tasks at once all succeed", async () => {
  server = await KubeServer.make();
  const tasks = await runWide(TASKS, 10, 1);
  expect(tasks).toHaveLength(TASKS);
  await verify(tasks, 10);
  await server.stop();
  expect(server.placements()).toEqual([]);
}, 400_000);

test("no more run at once than the cluster's limit, and no more Jobs are created in a second", async () => {
  server = await KubeServer.make({ maxTasks: 10, createRate: 4 });
  type Created = { metadata: { name: string; creationTimestamp: string } };
  const created = new Map<string, number>();
  const look = async () => {
    for (const { metadata } of await server.place.items<Created>(server.place.jobsPath))
      created.set(metadata.name, Date.parse(metadata.creationTimestamp));
  };
  const looking = setInterval(() => void look().catch(() => {}), 400);
  const tasks = await runWide(40, 5, 1).finally(() => clearInterval(looking));
  await verify(tasks, 5);
  expect(server.counter.mostAtOnce).toBeLessThanOrEqual(10);
  expect(created.size).toBe(40);
  // The first second has what was saved up besides; creation times are whole seconds.
  const perSecond = new Map<number, number>();
  for (const at of created.values()) perSecond.set(at, (perSecond.get(at) ?? 0) + 1);
  expect(Math.max(...perSecond.values())).toBeLessThanOrEqual(9);
}, 300_000);

test("a kubeconfig that a task brings is used and shown nowhere, and one with `exec` is refused", async () => {
  server = await KubeServer.make();
  const kubeconfig = testKubeconfig();
  const job = writingJob("work", 3, 0.3);
  const brought = (text: string) => [
    { name: "PASSWORD", sensitive: true, value: "correct horse battery" },
    { name: "_kube_config_from", usageType: "RUNNER" as const, value: "MANUAL" },
    { name: "_kube_config", usageType: "RUNNER" as const, value: text, sensitive: true },
    { name: "_namespace", usageType: "RUNNER" as const, value: server.place.namespace },
  ];
  const withConfig = (text: string) => ({ ...job, spec: { ...job.spec, runParams: brought(text) } });
  const { run } = await server.client.runs.start({
    spec: wide(1, "work"),
    documents: [withConfig(kubeconfig)],
  });
  const tasks = await ended(run.id);
  await verify(tasks, 3);

  const config = parse(kubeconfig);
  config.users[0].user = { exec: { apiVersion: "client.authentication.k8s.io/v1", command: "touch" } };
  const refusal = await server.client.runs
    .start({ spec: wide(1, "work"), documents: [withConfig(stringify(config))] })
    .then(
      async (started) => (await ended(started.run.id))[0]?.status.message,
      (error: Error) => error.message,
    );
  expect(refusal).toMatch(/has `exec`, which is refused in a kubeconfig that is handed in; give a token/);

  const [task] = tasks as [JobTaskView];
  const shown = JSON.stringify([
    ...(await server.history()),
    await server.client.runs.get(run.id),
    await server.client.tasks.get(task.id),
    await server.log(task.id),
    server.said,
  ]);
  const { "client-key-data": key } = parse(kubeconfig).users[0].user;
  for (const secret of [key, key.slice(100, 160), kubeconfig.slice(0, 200)])
    expect(shown).not.toContain(secret);
});
