// K8S_JOB tasks through engine, runner and a real cluster, beside the same Jobs without mflow, and how often the cluster is
// called for them.

import { setTimeout as delay } from "node:timers/promises";
import { createKubernetesRunner } from "@mflow/server/runners/kubernetes/kubernetes-runner";
import type { KubePlace } from "@mflow/server/runners/kubernetes/testing/kube-place";
import { countApiCalls } from "./api-calls.ts";
import type { Benchmark, Pass } from "./benchmark.ts";
import { type EngineRig, noopStage, openEngineRig } from "./engine-rig.ts";
import { kubeNoop, makePlace, missingCluster, untilEmpty } from "./kubernetes-place.ts";
import { PlainJobs } from "./plain-jobs.ts";

const AT_ONCE = 30;
const GOAL = 1.15;
const MAX_CALLS = 6;
const NODE_LOOKS_EVERY_MS = 1000;

interface Bench {
  place: KubePlace;
  rig: EngineRig;
  plain: PlainJobs;
}

let isPlainFirst = false;
let opened: Promise<Bench> | undefined;

/** Made once for all passes: both sides watch already, and their code has been compiled. */
function openBench(): Promise<Bench> {
  opened ??= (async () => {
    const place = await makePlace();
    const bench = { place, rig: await openRig(place), plain: await PlainJobs.open(place) };
    await runTasks(bench, AT_ONCE);
    await bench.plain.run(AT_ONCE);
    return bench;
  })();
  return opened;
}

export async function close(): Promise<void> {
  if (!opened) return;
  const { place, rig, plain } = await opened;
  opened = undefined;
  await rig.close();
  await plain.close();
  await place.dispose();
}

/** An engine whose runner works in the namespace of a place, with the place's kubeconfig. */
function openRig(place: KubePlace): Promise<EngineRig> {
  return openEngineRig({
    maxTasks: 10 * AT_ONCE,
    job: kubeNoop(),
    runner: ({ store, keys }) =>
      createKubernetesRunner({
        clusters: {
          names: () => ["bench"],
          open: () => place.spec,
          onChange: () => () => {},
        },
        attempts: store.runnerAttempts,
        vault: keys,
        logBytesPerTask: 2 ** 20,
        artifactBytes: 2 ** 20,
        mayDial: () => true,
        log: { warn: (message) => console.error(message) },
      }),
  });
}

/** Milliseconds from the request of a run of so many tasks at once to its end, which is committed. */
async function runTasks({ rig, place }: Pick<Bench, "rig" | "place">, tasks: number): Promise<number> {
  const start = performance.now();
  await rig.run({ stages: [noopStage(tasks, true)] });
  const ms = performance.now() - start;
  await untilEmpty(place);
  return ms;
}

/**
 * Resolves at any moment of a second. A node looks at its containers once a second: what begins when something was seen to
 * have ended, always begins at the same moment of it.
 */
function anyMoment(): Promise<void> {
  return delay(Math.random() * NODE_LOOKS_EVERY_MS);
}

/** Takes both sides in turns, and each time in the other order. */
async function passOf(tasks: number, turns: number): Promise<Pass> {
  const bench = await openBench();
  const sides = {
    mflow: () => runTasks(bench, tasks),
    plain: () => bench.plain.run(tasks),
  };
  const times = { mflow: [] as number[], plain: [] as number[] };
  for (let turn = 0; turn < turns; turn++) {
    isPlainFirst = !isPlainFirst;
    for (const side of isPlainFirst ? (["plain", "mflow"] as const) : (["mflow", "plain"] as const)) {
      await anyMoment();
      times[side].push(await sides[side]());
    }
  }
  await anyMoment();
  const byKubectl = await bench.plain.runByKubectl(tasks);
  return {
    value: mean(times.mflow),
    reference: mean(times.plain),
    beside: byKubectl === undefined ? {} : { "kubectl create and kubectl wait, ms": byKubectl },
  };
}

function mean(times: readonly number[]): number {
  return times.reduce((sum, time) => sum + time, 0) / times.length;
}

/** Calls of the runner for one task; the shared ones apart. */
async function countCalls(): Promise<Pass> {
  const place = await makePlace();
  const rig = await openRig(place);
  const counted = countApiCalls(place.client.server);
  try {
    await rig.run({ stages: [noopStage(AT_ONCE, true)] });
    await untilForgotten(rig);
    const calls = [...counted.calls].toSorted(([one], [other]) => one.localeCompare(other));
    const isShared = ([call]: readonly [string, number]) => /^(list|watch) /.test(call);
    const ofTasks = calls.filter((call) => !isShared(call));
    const beside = Object.fromEntries([
      ...ofTasks.map(([call, count]) => [`${call}, per task`, count / AT_ONCE]),
      ...calls.filter(isShared).map(([call, count]) => [`${call}, for all tasks together`, count]),
      ["connections opened", counted.connections()],
    ]);
    return { value: ofTasks.reduce((sum, [, count]) => sum + count, 0) / AT_ONCE, beside };
  } finally {
    counted.stop();
    await rig.close();
    await place.dispose();
  }
}

/** Resolves when the runner has nothing to do any more for what it ran. Asks the store: a question to the cluster would be counted. */
async function untilForgotten({ store }: EngineRig): Promise<void> {
  while ((await store.runnerAttempts.list("K8S_JOB")).length > 0) await delay(100);
}

interface Width {
  tasks: number;
  /** Turns of a pass, whose mean is taken. */
  turns: number;
  passes: number;
  work: string;
}

function overhead(id: string, { tasks, turns, passes, work }: Width): Benchmark {
  return {
    id,
    work,
    unit: "ms",
    referenceIs: "the same Jobs without mflow: one client that posts them and watches them to `Complete`, ms",
    goal: `at most ${GOAL}x`,
    reaches: (_, ratio) => (ratio ?? Number.POSITIVE_INFINITY) <= GOAL,
    passes,
    missing: missingCluster,
    pass: () => passOf(tasks, turns),
  };
}

export const benchmarks: readonly Benchmark[] = [
  overhead("kubernetes.task.1", {
    tasks: 1,
    turns: 8,
    passes: 5,
    work: "a run of one K8S_JOB task that runs `true`, from the request to the commit of its end: the mean of 8",
  }),
  overhead("kubernetes.task.30", {
    tasks: AT_ONCE,
    turns: 1,
    passes: 3,
    work: `a run of ${AT_ONCE} such tasks at once`,
  }),
  {
    id: "kubernetes.calls",
    work: `calls to the API server per task of ${AT_ONCE} at once, with a Secret and the log followed, counted at the wire`,
    unit: "calls",
    goal: `at most ${MAX_CALLS}`,
    reaches: (value) => value <= MAX_CALLS,
    passes: 1,
    missing: missingCluster,
    pass: countCalls,
  },
];
