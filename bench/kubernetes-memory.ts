// Memory of a server that has many Jobs in a cluster: tasks of its own that wait there, and Jobs of others beside them.

import { setTimeout as delay } from "node:timers/promises";
import type { KubePlace } from "@mflow/server/runners/kubernetes/testing/kube-place";
import type { Benchmark, Pass } from "./benchmark.ts";
import { noopStage } from "./engine-rig.ts";
import { kubeNoop, makePlace, missingCluster, trueSpec } from "./kubernetes-place.ts";
import { inFolder, onServer, type StartedServer } from "./server-process.ts";

const JOBS = 1000;
const GOAL_MB = 200;
/** Jobs per second that a server creates unless it is told otherwise. */
const USUAL_RATE = 50;
const CREATED_MS = 300_000;
/** No pods are made of it: the node of a test cluster is small. */
const podless = { ...trueSpec, parallelism: 0 };
const flags = ["--max-tasks", String(2 * JOBS)];

/** Resolves when the namespace has so many Jobs. */
async function untilJobs(place: KubePlace, count: number): Promise<void> {
  for (const end = Date.now() + CREATED_MS; Date.now() < end; await delay(1000)) {
    const page = await place.client.get<{ metadata: { remainingItemCount?: number }; items: object[] }>(
      place.jobsPath,
      { limit: 1 },
    );
    if (page.items.length + (page.metadata.remainingItemCount ?? 0) >= count) return;
  }
  throw new Error(`namespace ${place.namespace} has not ${count} Jobs after ${CREATED_MS / 1000} s`);
}

/** A run of tasks whose Jobs wait, each followed by the server. */
async function startTasks({ client }: StartedServer, place: KubePlace): Promise<void> {
  await client.runs.start({ spec: { stages: [noopStage(JOBS, true)] }, documents: [kubeNoop(podless)] });
  await untilJobs(place, JOBS);
}

async function createForeignJobs(place: KubePlace): Promise<void> {
  const kinds = { apiVersion: "batch/v1", kind: "Job" };
  await Promise.all(
    Array.from({ length: JOBS }, (_, n) =>
      place.client.create(place.jobsPath, { ...kinds, metadata: { name: `foreign-${n}` }, spec: podless }),
    ),
  );
}

async function pass(): Promise<Pass> {
  const place = await makePlace();
  try {
    return await inFolder(async (folder) => {
      const running = await onServer(folder, flags, async (server) => {
        const unused = await server.rssMb();
        await server.client.clusters.put("bench", { ...place.spec, createRate: USUAL_RATE });
        await server.client.clusters.check("bench");
        const loaded = await server.rssMb();
        await startTasks(server, place);
        const value = await server.rssMb();
        await createForeignJobs(place);
        return { unused, loaded, value, withForeign: await server.rssMb() };
      });
      const restarted = await onServer(folder, flags, (server) => server.rssMb());
      return {
        value: running.value,
        beside: {
          "without Kubernetes in use": running.unused,
          "with its client loaded, after a check of the cluster": running.loaded,
          "with as many Jobs of others in the namespace too": running.withForeign,
          "after a restart with all of them": restarted,
        },
      };
    });
  } finally {
    await place.dispose();
  }
}

export const benchmarks: readonly Benchmark[] = [
  {
    id: "kubernetes.memory",
    work: `memory of the server with ${JOBS.toLocaleString("en")} tasks whose Jobs wait in one namespace`,
    unit: "MB",
    goal: `at most ${GOAL_MB} MB`,
    reaches: (value) => value <= GOAL_MB,
    missing: missingCluster,
    pass,
  },
];
