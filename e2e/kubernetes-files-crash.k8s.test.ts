// A server is killed while pods fetch, work and keep: nothing is lost, nothing runs twice, and what a task kept is there
// once it SUCCEEDED.

import { createHash } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import type { JobTaskView } from "@mflow/core/schema/api";
import { IMAGE } from "@mflow/server/runners/kubernetes/testing/kube-place";
import { expect, test } from "vitest";
import { eventually, KubeServer } from "./kube-server.ts";
import { forwardFromPods, POD_ADDRESS } from "./pod-forward.ts";

const FINAL = new Set(["SUCCEEDED", "FAILED", "CANCELED", "SKIPPED"]);
const TASKS = 3;
const KILLS = 6;

function job(name: string, script: string) {
  const container = { name: "main", image: IMAGE, command: ["sh", "-ec", script], workingDir: "/workspace" };
  const runnerSpec = { spec: { template: { spec: { containers: [container] } } } };
  return { kind: "Job" as const, metadata: { name }, spec: { runnerType: "K8S_JOB" as const, runnerSpec } };
}

const MAKE =
  'sleep 1; head -c 12000000 /dev/urandom > big; echo "SUM=$(sha256sum < big | cut -c 1-64)" > /dev/termination-log';
const USE = 'echo "SUM=$(sha256sum < big | cut -c 1-64)" > /dev/termination-log';

test.skipIf(POD_ADDRESS === undefined)(
  "a server that is killed while pods fetch and keep loses nothing",
  async () => {
    let server: KubeServer | undefined;
    const forward = await forwardFromPods(POD_ADDRESS ?? "", () => server?.port ?? 0);
    try {
      server = await KubeServer.make({ helperImage: IMAGE }, ["--public-url", forward.url]);
      const { client } = server;
      const named = (kind: string, more: (index: number) => object) =>
        Array.from({ length: TASKS }, (_, index) => ({ name: `${kind}${index}`, job: kind, ...more(index) }));
      const stages = [
        {
          name: "make",
          isParallel: true,
          tasks: named("make", () => ({ artifacts: [{ name: "big", path: "big" }] })),
        },
        {
          ...{ name: "use", isParallel: true },
          tasks: named("use", (index) => ({ fetch: [{ from: `make${index}`, name: "big" }] })),
        },
      ];
      const { run } = await client.runs.start({
        spec: { stages },
        documents: [job("make", MAKE), job("use", USE)],
      });
      for (let kills = 0; kills < KILLS; kills++) {
        await delay(Math.random() * 4000);
        await server.kill();
        await delay(Math.random() * 1000);
        await server.start();
      }
      const { client: last, counter } = server;
      const tasks = async () => (await last.runs.get(run.id)).tasks as JobTaskView[];
      await eventually(
        async () =>
          (await tasks()).filter(({ status }) => !FINAL.has(status.stage)).map(({ status }) => status),
        (open) => expect(open).toEqual([]),
        120_000,
      );
      const sums = new Map<string, string>();
      for (const { id, name } of (await tasks()).slice(0, TASKS)) {
        const bytes = await (await last.artifacts.download(id, "big")).arrayBuffer();
        sums.set(name.slice(-1), createHash("sha256").update(Buffer.from(bytes)).digest("hex"));
      }
      const found = (await tasks()).map(({ id, name, status, attempt }) => ({
        ...{ name, attempt, stage: status.stage, message: status.message, sum: status.runtimeEnvs?.SUM },
        ...counter.of(id),
      }));
      const expected = ["make", "use"].flatMap((kind) =>
        Array.from({ length: TASKS }, (_, index) => ({
          ...{ name: `${kind}${index}`, attempt: 1, stage: "SUCCEEDED", message: undefined },
          ...{ sum: sums.get(String(index)), jobs: 1, pods: 1 },
        })),
      );
      expect(found).toEqual(expected);
    } finally {
      await server?.dispose();
      forward.close();
    }
  },
  240_000,
);
