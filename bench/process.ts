// What a server costs before anybody asks anything of it, and after much work: its start, its memory, its idle CPU.

import { setTimeout as delay } from "node:timers/promises";
import type { PipelineSpec } from "@mflow/core/schema/pipeline";
import type { Benchmark } from "./benchmark.ts";
import { noop, noopStage } from "./engine-rig.ts";
import { inFolder, onBareServer, onServer, type StartedServer } from "./server-process.ts";

const IDLE_MS = 5000;
const RUNS = 100;
const TASKS_PER_RUN = 100;
/** Runs under way at once. */
const AT_ONCE = 10;

const bareRss = () => onBareServer((server) => server.rssMb());

/** Runs pipelines of no-op tasks over the API, as its clients do, and looks at the list of what ran. */
async function runMany({ client }: StartedServer): Promise<void> {
  const spec: PipelineSpec = { stages: [noopStage(TASKS_PER_RUN)] };
  let left = RUNS;
  const one = async () => {
    while (left-- > 0) {
      const { run } = await client.runs.start({ spec, documents: [noop] });
      const after = 0;
      for await (const event of client.events({ pipelineTaskId: run.id, after }))
        if (event.type === "RUN_STAGE" && event.stage === "SUCCEEDED") break;
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, one));
  await client.runs.list({ stage: ["SUCCEEDED"] });
}

export const benchmarks: readonly Benchmark[] = [
  {
    id: "start",
    work: "process start to first request answered, empty data folder",
    unit: "ms",
    referenceIs: "the same of Node alone with an HTTP server, ms",
    goal: "at most 500 ms",
    reaches: (value) => value <= 500,
    pass: () =>
      inFolder(async (folder) => {
        const reference = await onBareServer(async ({ startMs }) => startMs);
        return { value: await onServer(folder, [], async ({ startMs }) => startMs), reference };
      }),
  },
  {
    id: "idle.rss",
    work: "memory of the server after its start",
    unit: "MB",
    referenceIs: "Node alone with an HTTP server, MB",
    goal: "at most 120 MB",
    reaches: (value) => value <= 120,
    pass: () =>
      inFolder(async (folder) => {
        const reference = await bareRss();
        return { value: await onServer(folder, [], (server) => server.rssMb()), reference };
      }),
  },
  {
    id: "idle.rss10k",
    work: `memory of the server after ${(RUNS * TASKS_PER_RUN).toLocaleString("en")} no-op tasks in ${RUNS} runs over the API, and a list of them`,
    unit: "MB",
    referenceIs: "Node alone with an HTTP server, MB",
    goal: "at most 200 MB",
    reaches: (value) => value <= 200,
    pass: () =>
      inFolder(async (folder) => {
        const reference = await bareRss();
        const value = await onServer(folder, [], async (server) => {
          await runMany(server);
          return server.rssMb();
        });
        return { value, reference };
      }),
  },
  {
    id: "idle.cpu",
    work: `CPU time of a server without work, over ${IDLE_MS / 1000} s`,
    unit: "ms/s",
    goal: "at most 10 ms/s",
    reaches: (value) => value <= 10,
    pass: () =>
      inFolder((folder) =>
        onServer(folder, [], async (server) => {
          await server.rssMb();
          const before = server.cpuMs();
          await delay(IDLE_MS);
          return { value: (server.cpuMs() - before) / (IDLE_MS / 1000) };
        }),
      ),
  },
];
