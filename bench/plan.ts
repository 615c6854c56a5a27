// What the plan of a run costs per task: a change must cost the same in a run of a hundred tasks and of ten thousand,
// side by side and in layers that need each other.

import type { PipelineSpec } from "@mflow/core/schema/pipeline";
import type { Benchmark } from "./benchmark.ts";
import { noopStage, openEngineRig } from "./engine-rig.ts";

const WIDE = 10_000;
const NARROW = 100;
const LAYERS = 10;
const WARM_UP_ROUNDS = 20;
/** A run that is over within some milliseconds is taken so often. */
const NARROW_RUNS = 20;

/** Ten stages side by side by their needs: each task needs two of the layer before. */
function layers(tasks: number): PipelineSpec {
  const width = tasks / LAYERS;
  const name = (layer: number, place: number) => `t${layer}-${place % width}`;
  const stages = Array.from({ length: LAYERS }, (_, layer) => ({
    name: `layer${layer}`,
    isParallel: true,
    tasks: Array.from({ length: width }, (_, place) => ({
      name: name(layer, place),
      job: "noop",
      needs: layer === 0 ? [] : [name(layer - 1, place), name(layer - 1, place + 1)],
    })),
  }));
  return { stages };
}

function perTask(id: string, work: string, specOf: (tasks: number) => PipelineSpec): Benchmark {
  return {
    id,
    work: `time per task of a run with ${WIDE.toLocaleString("en")} no-op tasks ${work}, over one with ${NARROW}`,
    unit: "ms/task",
    referenceIs: `time per task with ${NARROW} tasks, ms`,
    goal: "at most 2x",
    reaches: (_, ratio) => (ratio ?? Number.POSITIVE_INFINITY) <= 2,
    async pass({ quick }) {
      const rig = await openEngineRig({ maxTasks: 64 });
      try {
        const msPerTask = async (tasks: number, runs: number) => {
          const start = performance.now();
          for (let count = 0; count < runs; count++) await rig.run(specOf(tasks));
          return (performance.now() - start) / (tasks * runs);
        };
        await msPerTask(NARROW, WARM_UP_ROUNDS);
        const reference = await msPerTask(NARROW, quick ? NARROW_RUNS / 4 : NARROW_RUNS);
        return { value: await msPerTask(WIDE, 1), reference };
      } finally {
        await rig.close();
      }
    },
  };
}

export const benchmarks: readonly Benchmark[] = [
  perTask("plan.wide", "in a parallel stage", (tasks) => ({ stages: [noopStage(tasks, true)] })),
  perTask("plan.layers", `in ${LAYERS} layers that need each other`, layers),
];
