// What a thousand runs that wait for one lock cost the others: nothing but their rows.

import type { PipelineManifest } from "@mflow/core/schema/pipeline";
import { DEFAULT_SCOPE } from "@mflow/core/schema/scalars";
import type { Benchmark } from "./benchmark.ts";
import { type EngineRig, noopStage, openEngineRig } from "./engine-rig.ts";

const MAX_TASKS = 8192;
const WAITING = 1000;
const WARM_UP_ROUNDS = 5;

/** A run that holds its lock until it is told to end, and those that wait for it. */
async function fillLine(rig: EngineRig, waiting: number): Promise<void> {
  const actor = { name: "bench", operator: true };
  const held: PipelineManifest = {
    kind: "Pipeline",
    metadata: { name: "held" },
    spec: {
      queue: { maxLength: waiting },
      stages: [{ name: "main", tasks: [{ name: "wait", job: "noop", audit: { auditors: ["ann"] } }] }],
    },
  };
  const job = {
    kind: "Job" as const,
    metadata: { name: "noop" },
    spec: { runnerType: "FAKE" as const, runnerSpec: {} },
  };
  const request = { pipelineId: "held", documents: [job, held] };
  for (let n = 0; n <= waiting; n++) await rig.engine.runPipeline({ request, scope: DEFAULT_SCOPE, actor });
}

/** Milliseconds per task of pipelines that have nothing to do with the line. */
async function unrelated(rig: EngineRig, rounds: number): Promise<number> {
  const start = performance.now();
  for (let round = 0; round < rounds; round++) {
    await Promise.all(Array.from({ length: 100 }, () => rig.run({ stages: [noopStage(5)] })));
  }
  return (performance.now() - start) / (rounds * 500);
}

const queue: Benchmark = {
  id: "queue.1000",
  work: `a task of a pipeline while ${WAITING.toLocaleString("en")} runs of another wait for one lock`,
  unit: "ms per task",
  referenceIs: "the same while none waits",
  goal: "at most 1.1 times",
  reaches: (_value, ratio) => ratio !== undefined && ratio <= 1.1,
  passes: 5,
  async pass({ quick }) {
    const rounds = quick ? 2 : 15;
    const rigs = await Promise.all([
      openEngineRig({ maxTasks: MAX_TASKS }),
      openEngineRig({ maxTasks: MAX_TASKS }),
    ]);
    const [full, empty] = rigs;
    try {
      const filling = performance.now();
      await fillLine(full, quick ? 200 : WAITING);
      const queued = (performance.now() - filling) / (quick ? 200 : WAITING);
      for (let round = 0; round < WARM_UP_ROUNDS; round++) {
        for (const rig of rigs) await unrelated(rig, 1);
      }
      // In turns, so that both meet the same machine.
      let [value, reference] = [0, 0];
      for (let round = 0; round < rounds; round++) {
        value += await unrelated(full, 1);
        reference += await unrelated(empty, 1);
      }
      return {
        value: value / rounds,
        reference: reference / rounds,
        beside: { "a run that joins the line, ms": queued },
      };
    } finally {
      for (const rig of rigs) await rig.close();
    }
  },
};

export const benchmarks: readonly Benchmark[] = [queue];
