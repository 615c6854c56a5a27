// Work per change must not grow with a run's width: a change of one of two thousand tasks reads and writes as
// little as one of two.

import { describe, expect, test } from "vitest";
import type { Decision } from "./state.ts";
import type { Play } from "./testing/play.ts";
import { type PlayOptions, playPipeline } from "./testing/start.ts";
import { World } from "./testing/world.ts";

const names = (width: number) => Array.from({ length: width }, (_, index) => `t${index}`);

function playWide(width: number, maxParallel: number, options: PlayOptions = {}): Play {
  return playPipeline(`[${names(width).join(" ")}]/${maxParallel} > last`, {
    world: new World({ slots: 10_000 }),
    ...options,
  });
}

/** What a decision wrote, and how many rows and runtime envs it read; looking through all of them throws. */
function cost(play: Play, act: () => Decision): Record<string, number> {
  let reads = 0;
  const maps: Map<string, unknown>[] = [play.state.tasks, play.state.exported];
  const { id } = play.task();
  expect(play.state.tasks.get(id)).toBeDefined();
  const all = () => {
    throw new Error("a decision looked through all tasks");
  };
  for (const map of maps) {
    const get = (key: string) => {
      reads++;
      return Map.prototype.get.call(map, key);
    };
    Object.defineProperty(map, "get", { value: get, configurable: true });
    for (const verb of ["values", "keys", "entries", "forEach", Symbol.iterator]) {
      Object.defineProperty(map, verb, { value: all, configurable: true });
    }
  }
  try {
    const { tasks, history, effects, notices } = act();
    const told = notices.length;
    return { tasks: tasks.length, history: history.length, effects: effects.length, told, reads };
  } finally {
    for (const map of maps) {
      for (const verb of ["get", "values", "keys", "entries", "forEach", Symbol.iterator]) {
        Reflect.deleteProperty(map, verb);
      }
    }
  }
}

/** The costs of changes in the middle of a run of this width, of which every task hands a runtime env on. */
function costs(width: number): Record<string, Record<string, number>> {
  const play = playWide(width, width / 2, {
    jobs: { noop: { runParams: [{ name: "V0" }, { name: "V1" }] } },
    tasks: { t3: { confirm: { checkers: ["ann"] } } },
    spec: { webhooks: [{ url: "https://example.com/", scope: "*" }] },
  });
  const ids = new Map(names(width).map((name) => [name, play.task(name).id]));
  const at = play.world.now;
  const report = (name: string, stage: "ACTIVE" | "SUCCEEDED" | "FAILED") => {
    const runtimeEnvs = { [`V${name.slice(1)}`]: "1" };
    return play.submit({
      type: "report",
      report: { taskId: ids.get(name) ?? "", attempt: 1, stage, at, runtimeEnvs },
    });
  };
  for (let index = 4; index < width / 2; index++) report(`t${index}`, "SUCCEEDED");
  const taskId = ids.get("t3") ?? "";
  const confirm = { verdict: "PASS" } as const;
  return {
    runs: cost(play, () => report("t0", "ACTIVE")),
    ends: cost(play, () => report("t0", "SUCCEEDED")),
    opensNext: cost(play, () => report("t1", "SUCCEEDED")),
    reports: cost(play, () => report("t3", "SUCCEEDED")),
    confirms: cost(play, () =>
      play.submit({ type: "confirm", taskId, request: confirm }, { name: "ann", operator: false }),
    ),
    late: cost(play, () => report("t0", "FAILED")),
  };
}

describe("a run of two thousand parallel tasks", () => {
  test("costs as much per change as one of eight", () => {
    const wide = costs(2000);
    expect(wide).toEqual(costs(8));
    expect(Object.values(wide).map(({ tasks }) => tasks)).toEqual([1, 2, 2, 1, 2, 0]);
    expect(Object.values(wide).map(({ told }) => told)).toEqual([1, 2, 2, 2, 3, 0]);
    for (const { reads } of Object.values(wide)) expect(reads).toBeLessThan(20);
  });

  test.each(["fails", "is canceled"])(
    "costs as much per ending while it %s, once the rest is ended",
    (how) => {
      const play = playWide(2000, 1000);
      const at = play.world.now;
      const report = (name: string, stage: "SUCCEEDED" | "FAILED") => {
        const { id } = play.task(name);
        return () => play.submit({ type: "report", report: { taskId: id, attempt: 1, stage, at } });
      };
      const first = how === "fails" ? report("t0", "FAILED")() : play.cancelRun();
      const second = cost(play, report("t1", "FAILED"));
      const third = cost(play, report("t2", "FAILED"));
      expect([first.tasks.length, second, third]).toEqual([
        how === "fails" ? 1002 : 2001,
        { tasks: 1, history: 1, effects: 0, told: 0, reads: second.reads },
        second,
      ]);
      expect(second.reads).toBeLessThan(20);
    },
  );
});

const LAYERS = 10;
const inLayer = (layer: number, index: number) => `l${layer}-${index}`;

/** A run of ten layers of this width: each task needs two of the layer before, and hands a runtime env on. */
function playLayers(width: number): Play {
  const all = Array.from({ length: LAYERS * width }, (_, number) => {
    const [layer, index] = [Math.floor(number / width), number % width];
    const needs = [index, (index + 1) % width].map((before) => inLayer(layer - 1, before));
    return { name: inLayer(layer, index), needs: layer === 0 ? [] : needs };
  });
  return playPipeline(`[${all.map(({ name }) => name).join(" ")}]`, {
    world: new World({ slots: 10_000 }),
    jobs: { noop: { runParams: [{ name: "V0" }, { name: "V1" }] } },
    tasks: Object.fromEntries(all.map(({ name, needs }) => [name, { needs }])),
  });
}

/** The costs of changes in the middle of such a run. */
function costsOfLayers(width: number): Record<string, Record<string, number>> {
  const play = playLayers(width);
  const ids = new Map([...play.state.tasks.values()].map(({ name, id }) => [name, id]));
  const at = play.world.now;
  const report = (layer: number, index: number, stage: "ACTIVE" | "SUCCEEDED" | "FAILED") => {
    const taskId = ids.get(inLayer(layer, index)) ?? "";
    const runtimeEnvs = { [`V${index}`]: "1" };
    return play.submit({ type: "report", report: { taskId, attempt: 1, stage, at, runtimeEnvs } });
  };
  for (let layer = 0; layer < LAYERS / 2; layer++) {
    for (let index = 0; index < width; index++) report(layer, index, "SUCCEEDED");
  }
  const middle = LAYERS / 2;
  const costs = {
    runs: cost(play, () => report(middle, 0, "ACTIVE")),
    ends: cost(play, () => report(middle, 0, "SUCCEEDED")),
    opensNext: cost(play, () => report(middle, 1, "SUCCEEDED")),
    opensAfter: cost(play, () => report(middle + 1, 0, "SUCCEEDED")),
    late: cost(play, () => report(middle, 0, "FAILED")),
  };
  report(middle, 2, "FAILED");
  return { ...costs, endsFailing: cost(play, () => report(middle, 3, "SUCCEEDED")) };
}

describe("a run of two thousand tasks that need each other in ten layers", () => {
  test("costs as much per change as one of eighty", () => {
    const wide = costsOfLayers(200);
    expect(wide).toEqual(costsOfLayers(8));
    expect(Object.values(wide).map(({ tasks }) => tasks)).toEqual([1, 1, 2, 1, 0, 1]);
    for (const { reads } of Object.values(wide)) expect(reads).toBeLessThan(20);
  });
});
