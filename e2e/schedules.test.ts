// Schedules in virtual time: what starts when, what happens to what does not, and that a server that goes away at any
// point fires nothing twice and forgets nothing.

import { afterEach, describe, expect, test } from "vitest";
import { ScheduleWorld } from "./schedule-world.ts";

let world: ScheduleWorld;
afterEach(() => world.dispose());

/** A pipeline whose one task takes so long, and a schedule for it. */
function manifests(took: string, schedule: string, pipeline = ""): string {
  return `
kind: Job
metadata: { name: dump }
publish: true
spec:
  runnerType: FAKE
  runParams: [{ name: TARGET, value: main }, { name: SECRET, sensitive: true }]
  runnerSpec: { duration: ${took} }
---
kind: Pipeline
metadata: { name: backup, labels: { kept: "yes" } }
spec:
${pipeline}  stages: [{ name: main, tasks: [{ name: dump, job: dump }] }]
---
kind: Schedule
metadata: { name: nightly }
spec:
  pipeline: backup
${schedule}`;
}

const HOURLY = "  cron: 0 * * * *\n";

test("a run starts at each time, with what the schedule says and the rights of its owner", async () => {
  world = await ScheduleWorld.at("2026-01-01T10:30:00Z");
  const spec = `${HOURLY}  runParams: { TARGET: other, SECRET: hush }\n  labels: { team: a }\n`;
  await world.apply(manifests("10m", spec));
  await world.goTo("2026-01-01T12:30:00Z");
  const [first, second, ...others] = await world.runs();
  expect(first).toMatchObject({
    name: "backup",
    pipelineId: (await world.store.catalog.findPipeline(first as never, "backup"))?.id,
    runBy: "ana",
    triggerMode: "SCHEDULE",
    labels: {
      kept: "yes",
      team: "a",
      "mflow.schedule": "nightly",
      "mflow.scheduledAt": "2026-01-01T11:00:00.000Z",
    },
    createdAt: "2026-01-01T11:00:00.000Z",
    status: { stage: "SUCCEEDED", endAt: "2026-01-01T11:10:00.000Z" },
  });
  expect([second?.createdAt, others]).toEqual(["2026-01-01T12:00:00.000Z", []]);
  const [task] = await world.store.runs.tasksOfRun(first?.id ?? "");
  expect(task?.params?.find(({ name }) => name === "TARGET")?.value).toBe("other");
  expect(JSON.stringify(await world.store.schedules.all())).not.toContain("hush");
  expect(world.events.map(({ type, name, pipelineTaskId }) => [type, name, pipelineTaskId])).toEqual([
    ["SCHEDULE_STARTED", "nightly", first?.id],
    ["SCHEDULE_STARTED", "nightly", second?.id],
  ]);
  const { status } = await world.view("nightly");
  expect(status.stage).toBe("ACTIVE");
  expect(status.nextTimes.map(({ time }) => time.slice(11, 16))).toEqual([
    "13:00",
    "14:00",
    "15:00",
    "16:00",
    "17:00",
  ]);
});

test("one timer is set, whatever number of schedules there is", async () => {
  world = await ScheduleWorld.at("2026-01-01T10:30:00Z");
  await world.apply(manifests("1s", HOURLY));
  for (let n = 0; n < 20; n++) {
    await world.apply(`kind: Schedule
metadata: { name: s${n} }
spec: { pipeline: backup, cron: "${n} 12 * * *" }`);
  }
  let timers = 0;
  const { setTimeout } = world.clock;
  world.clock.setTimeout = (callback, ms) => {
    timers++;
    const cancel = setTimeout.call(world.clock, callback, ms);
    return () => {
      timers--;
      cancel();
    };
  };
  await world.apply("kind: Schedule\nmetadata: { name: last }\nspec: { pipeline: backup, cron: '@daily' }");
  expect(timers).toBeLessThanOrEqual(1);
});

test("the clocks of a time zone are changed, and a nightly run starts once a night", async () => {
  world = await ScheduleWorld.at("2026-10-23T12:00:00Z");
  await world.apply(manifests("10m", "  cron: 30 2 * * *\n  timeZone: Europe/Berlin\n"));
  await world.goTo("2026-10-26T12:00:00Z");
  expect((await world.runs()).map(({ createdAt }) => createdAt)).toEqual([
    "2026-10-24T00:30:00.000Z",
    "2026-10-25T00:30:00.000Z",
    "2026-10-26T01:30:00.000Z",
  ]);
});

test("jitter starts a run later, at the time that was told, also after a restart", async () => {
  world = await ScheduleWorld.at("2026-01-01T10:30:00Z");
  await world.apply(manifests("1s", `${HOURLY}  jitter: 20m\n`));
  const [told] = (await world.view("nightly")).status.nextTimes;
  await world.downUntil("2026-01-01T11:00:00Z");
  expect(await world.runs()).toEqual([]);
  expect((await world.view("nightly")).status.nextTimes[0]).toEqual(told);
  await world.goTo("2026-01-01T11:30:00Z");
  const [run] = await world.runs();
  expect(run?.createdAt).toBe(told?.startsAt);
  expect(run?.labels?.["mflow.scheduledAt"]).toBe("2026-01-01T11:00:00.000Z");
});

describe("while a run has not ended, the next time", () => {
  const overlap = (value: string) => `${HOURLY}  overlap: ${value}\n`;

  test("is skipped by SKIP, which says which run was in the way", async () => {
    world = await ScheduleWorld.at("2026-01-01T10:30:00Z");
    await world.apply(manifests("90m", HOURLY, "  isParallel: true\n"));
    await world.goTo("2026-01-01T13:30:00Z");
    expect(await world.firings("nightly")).toEqual(["11:00 STARTED", "12:00 SKIPPED", "13:00 STARTED"]);
    const [, skipped] = (await world.view("nightly")).status.firings;
    const [run] = await world.runs();
    expect(skipped).toMatchObject({ runId: run?.id, message: `run ${run?.id} had not ended` });
  });

  test.each([
    ["", "a pipeline without a queue"],
    ["  queue: {}\n", "a pipeline with a queue"],
  ])("is skipped by SKIP for a run that somebody else started, too (%#)", async (spec) => {
    world = await ScheduleWorld.at("2026-01-01T10:30:00Z");
    await world.apply(manifests("90m", HOURLY, spec));
    const scope = { domain: "default", namespace: "default" };
    const actor = { name: "bob", operator: true };
    const { run } = await world.engine.runPipeline({ request: { pipelineId: "backup" }, scope, actor });
    await world.goTo("2026-01-01T11:30:00Z");
    expect((await world.view("nightly")).status.firings).toEqual([
      expect.objectContaining({ outcome: "SKIPPED", runId: run.id }),
    ]);
  });

  test("starts one more run by ALLOW, where the pipeline takes several", async () => {
    world = await ScheduleWorld.at("2026-01-01T10:30:00Z");
    await world.apply(manifests("90m", overlap("ALLOW"), "  isParallel: true\n"));
    await world.goTo("2026-01-01T12:20:00Z");
    expect(await world.started()).toEqual(["11:00 ACTIVE", "12:00 ACTIVE"]);
  });

  test("is refused by ALLOW where the pipeline takes one, and the reason is kept", async () => {
    world = await ScheduleWorld.at("2026-01-01T10:30:00Z");
    await world.apply(manifests("90m", overlap("ALLOW")));
    await world.goTo("2026-01-01T12:20:00Z");
    expect(await world.firings("nightly")).toEqual(["11:00 STARTED", "12:00 REFUSED"]);
    expect((await world.view("nightly")).status.firings[0]?.message).toMatch(
      /^pipeline `backup` is running as/,
    );
    expect(world.events.at(-1)).toMatchObject({ type: "SCHEDULE_REFUSED", name: "nightly" });
  });

  test("asks to wait in line by QUEUE, leaves it to the pipeline by ALLOW, and never waits by SKIP", async () => {
    world = await ScheduleWorld.at("2026-01-01T10:30:00Z");
    const asked: unknown[] = [];
    await world.downUntil("2026-01-01T10:31:00Z", {
      engine: (engine) => ({
        runPipeline: (input) => {
          asked.push(input.request.queue);
          return engine.runPipeline(input);
        },
        cancelRun: engine.cancelRun,
        subscribe: (listener) => engine.subscribe(listener),
      }),
    });
    await world.apply(manifests("10m", overlap("QUEUE")));
    await world.goTo("2026-01-01T11:30:00Z");
    await world.apply(manifests("10m", overlap("SKIP")));
    await world.goTo("2026-01-01T12:30:00Z");
    await world.apply(manifests("10m", overlap("ALLOW")));
    await world.goTo("2026-01-01T13:30:00Z");
    expect(asked).toEqual([true, false, undefined]);
  });

  test("waits in line by QUEUE and begins when the one before has ended, also over a restart", async () => {
    world = await ScheduleWorld.at("2026-01-01T10:30:00Z");
    await world.apply(manifests("90m", overlap("QUEUE")));
    await world.goTo("2026-01-01T13:10:00Z");
    expect(await world.started()).toEqual(["11:00 SUCCEEDED", "12:00 ACTIVE", "13:00 PENDING"]);
    // What the FAKE runner had under way is gone with the server.
    await world.downUntil("2026-01-01T13:20:00Z");
    await world.goTo("2026-01-01T14:10:00Z");
    const waited = ["11:00 SUCCEEDED", "12:00 FAILED", "13:00 ACTIVE", "14:00 PENDING"];
    expect(await world.started()).toEqual(waited);
    const begun = (await world.runs()).map(({ status }) => status.startAt?.slice(11, 16));
    expect(begun).toEqual(["11:00", "12:30", "13:20", undefined]);
    expect(await world.firings("nightly")).toEqual(
      ["11:00", "12:00", "13:00", "14:00"].map((time) => `${time} STARTED`),
    );
  });

  test("is refused by QUEUE when as many wait as may, and the reason is kept", async () => {
    world = await ScheduleWorld.at("2026-01-01T10:30:00Z");
    await world.apply(manifests("150m", overlap("QUEUE"), "  queue: { maxLength: 1 }\n"));
    await world.goTo("2026-01-01T13:20:00Z");
    expect(await world.started()).toEqual(["11:00 ACTIVE", "12:00 PENDING"]);
    expect(await world.firings("nightly")).toEqual(["11:00 STARTED", "12:00 STARTED", "13:00 REFUSED"]);
    expect((await world.view("nightly")).status.firings[0]?.message).toMatch(
      /^1 run waits for the sequence lock of pipeline `backup`/,
    );
  });

  test("waits in line by CANCEL_RUNNING for a run that somebody else started, and the time after it takes its place", async () => {
    world = await ScheduleWorld.at("2026-01-01T10:30:00Z");
    await world.apply(manifests("200m", overlap("CANCEL_RUNNING")));
    const scope = { domain: "default", namespace: "default" };
    const actor = { name: "bob", operator: true };
    await world.engine.runPipeline({ request: { pipelineId: "backup" }, scope, actor });
    await world.goTo("2026-01-01T12:20:00Z");
    expect(await world.started()).toEqual(["by hand ACTIVE", "11:00 CANCELED", "12:00 PENDING"]);
    await world.goTo("2026-01-01T13:55:00Z");
    expect(await world.started()).toEqual([
      "by hand SUCCEEDED",
      "11:00 CANCELED",
      "12:00 CANCELED",
      "13:00 ACTIVE",
    ]);
  });

  test.each(["pipeline", "server"])(
    "waits by QUEUE while the %s is paused, and begins once it goes on",
    async (what) => {
      world = await ScheduleWorld.at("2026-01-01T10:30:00Z");
      await world.apply(manifests("10m", overlap("QUEUE")));
      const paused =
        what === "server" ? what : { domain: "default", namespace: "default", pipeline: "backup" };
      const bob = { name: "bob", operator: true };
      await world.engine.pause(paused as Parameters<typeof world.engine.pause>[0], {}, bob);
      await world.goTo("2026-01-01T12:20:00Z");
      await world.downUntil("2026-01-01T12:25:00Z");
      expect(await world.started()).toEqual(["11:00 PENDING", "12:00 PENDING"]);
      await world.engine.resume(paused as Parameters<typeof world.engine.pause>[0], bob);
      await world.goTo("2026-01-01T12:40:00Z");
      expect(await world.started()).toEqual(["11:00 SUCCEEDED", "12:00 ACTIVE"]);
    },
  );

  test("cancels it by CANCEL_RUNNING, and starts when it has ended", async () => {
    world = await ScheduleWorld.at("2026-01-01T10:30:00Z");
    await world.apply(manifests("90m", overlap("CANCEL_RUNNING")));
    await world.goTo("2026-01-01T12:20:00Z");
    expect(await world.started()).toEqual(["11:00 CANCELED", "12:00 ACTIVE"]);
    expect(await world.firings("nightly")).toEqual(["11:00 STARTED", "12:00 STARTED"]);
    const [first] = await world.runs();
    expect(first?.status.message).toContain(
      "the next time of schedule nightly came: 2026-01-01T12:00:00.000Z",
    );
  });

  /** A run that goes on for an hour and a half after it is told to stop. */
  const slow = manifests("90m", overlap("CANCEL_RUNNING")).replace(
    "{ duration: 90m }",
    "{ duration: 150m, ignoreStop: true }",
  );

  test("waits by CANCEL_RUNNING for one that ends slowly, until the time after it comes", async () => {
    world = await ScheduleWorld.at("2026-01-01T10:30:00Z");
    await world.apply(slow);
    await world.goTo("2026-01-01T12:05:00Z");
    expect(await world.started()).toEqual(["11:00 CANCELING"]);
    const [run] = await world.runs();
    expect((await world.view("nightly")).status.waiting).toEqual({
      time: "2026-01-01T12:00:00.000Z",
      runIds: [run?.id],
    });
    await world.goTo("2026-01-01T13:05:00Z");
    expect(await world.firings("nightly")).toEqual(["11:00 STARTED", "12:00 SKIPPED"]);
    await world.goTo("2026-01-01T13:50:00Z");
    expect(await world.started()).toEqual(["11:00 CANCELED", "13:00 ACTIVE"]);
    expect((await world.view("nightly")).status.waiting).toBeUndefined();
  });

  test("starts by CANCEL_RUNNING also when one of several ends while the next is being canceled", async () => {
    world = await ScheduleWorld.at("2026-01-01T10:30:00Z");
    await world.apply(manifests("90m", overlap("CANCEL_RUNNING"), "  isParallel: true\n"));
    let canceled = 0;
    await world.downUntil("2026-01-01T10:40:00Z", {
      engine: (engine) => ({
        runPipeline: (input) => engine.runPipeline(input),
        subscribe: (listener) => engine.subscribe(listener),
        async cancelRun(...given) {
          // The first was looked at, and had not ended yet.
          if (++canceled === 2) await engine.settled();
          const run = await engine.cancelRun(...given);
          if (canceled === 2) await engine.settled();
          return run;
        },
      }),
    });
    const bob = { name: "bob", operator: true };
    for (let n = 0; n < 2; n++) await world.schedules.trigger(await world.schedule("nightly"), bob);
    await world.goTo("2026-01-01T11:00:00Z");
    expect(canceled).toBe(2);
    expect(await world.started()).toEqual(["by hand CANCELED", "by hand CANCELED", "11:00 ACTIVE"]);
    expect((await world.view("nightly")).status.waiting).toBeUndefined();
  });

  test("does not start by CANCEL_RUNNING while the schedule is paused, but when it is resumed", async () => {
    world = await ScheduleWorld.at("2026-01-01T10:30:00Z");
    await world.apply(slow);
    await world.goTo("2026-01-01T12:05:00Z");
    await world.schedules.pause(await world.schedule("nightly"), "bob");
    await world.goTo("2026-01-01T14:30:00Z");
    expect(await world.started()).toEqual(["11:00 CANCELED"]);
    await world.schedules.resume(await world.schedule("nightly"), "bob");
    await world.goTo("2026-01-01T14:31:00Z");
    expect(await world.started()).toEqual(["11:00 CANCELED", "12:00 ACTIVE"]);
  });

  test("keeps no idle server by CANCEL_RUNNING while the schedule is paused, also after a restart", async () => {
    world = await ScheduleWorld.at("2026-01-01T10:30:00Z");
    await world.apply(slow);
    await world.goTo("2026-01-01T12:05:00Z");
    await world.schedules.pause(await world.schedule("nightly"), "bob");
    await world.goTo("2026-01-01T14:30:00Z");
    expect([await world.started(), world.schedules.busy()]).toEqual([["11:00 CANCELED"], false]);
    await world.downUntil("2026-01-01T14:40:00Z");
    expect([await world.started(), world.schedules.busy()]).toEqual([["11:00 CANCELED"], false]);
    await world.schedules.resume(await world.schedule("nightly"), "bob");
    await world.settled();
    expect([await world.started(), world.schedules.busy()]).toEqual([
      ["11:00 CANCELED", "12:00 ACTIVE"],
      true,
    ]);
  });

  test("starts by CANCEL_RUNNING when what it waited for ended while the server was away", async () => {
    world = await ScheduleWorld.at("2026-01-01T10:30:00Z");
    await world.apply(slow);
    await world.goTo("2026-01-01T12:05:00Z");
    await world.downUntil("2026-01-01T12:20:00Z");
    expect(await world.started()).toEqual(["11:00 CANCELED", "12:00 ACTIVE"]);
    expect(await world.firings("nightly")).toEqual(["11:00 STARTED", "12:00 STARTED"]);
  });
});

describe("after the server was away,", () => {
  test.each([
    ["what passed is missed by default", "", [], ["12:00-14:00 MISSED (3)"]],
    ["a minute late is on time", "14:00:50", ["14:00 ACTIVE"], ["12:00-13:00 MISSED (2)", "14:00 STARTED"]],
    [
      "LAST runs the newest",
      "  catchUp: { policy: LAST }\n",
      ["14:00 ACTIVE"],
      ["12:00-13:00 MISSED (2)", "14:00 STARTED"],
    ],
    [
      "ALL runs each",
      "  catchUp: { policy: ALL }\n",
      ["12:00 ACTIVE", "13:00 ACTIVE", "14:00 ACTIVE"],
      ["12:00 STARTED", "13:00 STARTED", "14:00 STARTED"],
    ],
    [
      "ALL runs at most so many",
      "  catchUp: { policy: ALL, limit: 2 }\n",
      ["13:00 ACTIVE", "14:00 ACTIVE"],
      ["12:00 MISSED", "13:00 STARTED", "14:00 STARTED"],
    ],
    [
      "ALL runs none that is too old",
      "  catchUp: { policy: ALL, within: 100m }\n",
      ["13:00 ACTIVE", "14:00 ACTIVE"],
      ["12:00 MISSED", "13:00 STARTED", "14:00 STARTED"],
    ],
  ])("%s", async (_what, how, started, firings) => {
    const [back, spec] = how.startsWith("14") ? [how, ""] : ["14:30:00", how];
    world = await ScheduleWorld.at("2026-01-01T10:30:00Z");
    await world.apply(manifests("20m", `${HOURLY}  overlap: ALLOW\n${spec}`, "  isParallel: true\n"));
    await world.goTo("2026-01-01T11:30:00Z");
    await world.downUntil(`2026-01-01T${back}Z`);
    expect((await world.started()).slice(1)).toEqual(started);
    expect((await world.firings("nightly")).slice(1).map((each) => each.replace(" (1)", ""))).toEqual(
      firings,
    );
  });
});

describe("a server that dies", () => {
  const spec = `${HOURLY}  catchUp: { policy: ALL }\n`;
  const cut = new Error("the server died");

  test("after a run was stored, and before that was noted, finds it and starts no other", async () => {
    world = await ScheduleWorld.at("2026-01-01T10:30:00Z");
    await world.apply(manifests("3h", spec));
    await world.downUntil("2026-01-01T10:31:00Z", {
      store: (store) => ({
        ...store,
        schedules: {
          all: () => store.schedules.all(),
          find: (id) => store.schedules.find(id),
          putState: () => Promise.reject(cut),
        },
      }),
    });
    await world.goTo("2026-01-01T11:00:00Z");
    expect(await world.started()).toEqual(["11:00 ACTIVE"]);
    expect(await world.firings("nightly")).toEqual([]);
    // Longer than an Idempotency-Key is kept.
    await world.downUntil("2026-01-03T10:30:00Z");
    expect(await world.firings("nightly")).toContain("11:00 STARTED");
    const runs = (await world.runs()).filter(
      ({ labels }) => labels?.["mflow.scheduledAt"] === "2026-01-01T11:00:00.000Z",
    );
    expect(runs).toHaveLength(1);
  });

  test("before a run was stored starts it when it is back in time", async () => {
    world = await ScheduleWorld.at("2026-01-01T10:30:00Z");
    await world.apply(manifests("3h", HOURLY));
    await world.downUntil("2026-01-01T10:31:00Z", {
      engine: (engine) => ({
        runPipeline: () => Promise.reject(cut),
        cancelRun: engine.cancelRun,
        subscribe: (listener) => engine.subscribe(listener),
      }),
    });
    await world.goTo("2026-01-01T11:00:20Z");
    await world.downUntil("2026-01-01T11:00:30Z");
    expect(await world.started()).toEqual(["11:00 ACTIVE"]);
    expect(await world.firings("nightly")).toEqual(["11:00 STARTED"]);
  });

  test("goes on by itself when the store could not for a while", async () => {
    world = await ScheduleWorld.at("2026-01-01T10:30:00Z");
    await world.apply(manifests("3h", HOURLY));
    let failures = 3;
    await world.downUntil("2026-01-01T10:31:00Z", {
      store: (store) => ({
        ...store,
        schedules: {
          all: () => store.schedules.all(),
          find: (id) => store.schedules.find(id),
          putState: (...args) => (failures-- > 0 ? Promise.reject(cut) : store.schedules.putState(...args)),
        },
      }),
    });
    await world.goTo("2026-01-01T11:05:00Z");
    expect(await world.started()).toEqual(["11:00 ACTIVE"]);
    expect(await world.firings("nightly")).toEqual(["11:00 STARTED"]);
  });
});

describe("a schedule", () => {
  test("that is paused fires nothing, and what passed meanwhile is not missed", async () => {
    world = await ScheduleWorld.at("2026-01-01T10:30:00Z");
    await world.apply(manifests("1s", `${HOURLY}  catchUp: { policy: ALL }\n`));
    await world.schedules.pause(await world.schedule("nightly"), "bob", "the disk is full");
    await world.goTo("2026-01-01T13:30:00Z");
    const { status } = await world.view("nightly");
    expect(status).toEqual({
      stage: "PAUSED",
      paused: { by: "bob", at: "2026-01-01T10:30:00.000Z", message: "the disk is full" },
      nextTimes: [],
      firings: [],
    });
    // Applying its manifest again leaves it paused.
    await world.apply(manifests("1s", `${HOURLY}  catchUp: { policy: LAST }\n`));
    expect((await world.view("nightly")).status.stage).toBe("PAUSED");
    const again = world.schedules.pause(await world.schedule("nightly"), "eva");
    await expect(again).rejects.toMatchObject({ code: "CONFLICT" });
    await world.schedules.resume(await world.schedule("nightly"), "bob");
    await world.goTo("2026-01-01T14:30:00Z");
    expect(await world.firings("nightly")).toEqual(["14:00 STARTED"]);
    expect(world.events.map(({ type, actor }) => [type, actor])).toEqual([
      ["SCHEDULE_PAUSED", "bob"],
      ["SCHEDULE_RESUMED", "bob"],
      ["SCHEDULE_STARTED", undefined],
    ]);
  });

  test("that its manifest pauses is resumed by a manifest alone", async () => {
    world = await ScheduleWorld.at("2026-01-01T10:30:00Z");
    await world.apply(manifests("1s", `${HOURLY}  paused: true\n`));
    await world.goTo("2026-01-01T11:30:00Z");
    const resume = world.schedules.resume(await world.schedule("nightly"), "bob");
    await expect(resume).rejects.toMatchObject({ code: "CONFLICT" });
    await world.apply(manifests("1s", HOURLY));
    await world.goTo("2026-01-01T12:30:00Z");
    expect(await world.firings("nightly")).toEqual(["12:00 STARTED"]);
  });

  test("with another timing misses nothing of what was never due", async () => {
    world = await ScheduleWorld.at("2026-01-01T10:30:00Z");
    await world.apply(manifests("1s", "  cron: '@yearly'\n  catchUp: { policy: ALL }\n"));
    await world.goTo("2026-01-01T14:30:00Z");
    await world.apply(manifests("1s", `${HOURLY}  catchUp: { policy: ALL }\n`));
    await world.goTo("2026-01-01T15:30:00Z");
    expect(await world.firings("nightly")).toEqual(["15:00 STARTED"]);
  });

  test("whose owner may not run things any more is refused, until somebody takes it over", async () => {
    world = await ScheduleWorld.at("2026-01-01T10:30:00Z");
    await world.apply(manifests("1s", HOURLY));
    world.barred.set("ana", "is disabled");
    await world.goTo("2026-01-01T11:30:00Z");
    expect((await world.view("nightly")).status.firings).toEqual([
      {
        time: "2026-01-01T11:00:00.000Z",
        at: "2026-01-01T11:00:00.000Z",
        outcome: "REFUSED",
        message:
          "its owner ana is disabled; whoever may run the pipeline can take it over with `mflow schedule resume nightly`",
      },
    ]);
    // Another spec makes whoever applies it the owner.
    await world.apply(manifests("1s", `${HOURLY}  labels: { a: b }\n`), "eva");
    await world.goTo("2026-01-01T12:30:00Z");
    expect((await world.runs()).map(({ runBy }) => runBy)).toEqual(["eva"]);
  });

  test("whose pipeline is gone says so at each time", async () => {
    world = await ScheduleWorld.at("2026-01-01T10:30:00Z");
    await world.apply(manifests("1s", HOURLY));
    const { id, revision } = (await world.store.catalog.findPipeline(
      { domain: "default", namespace: "default" },
      "backup",
    )) as { id: string; revision: number };
    await world.store.catalog.commit([{ remove: "pipeline", id, expectedRevision: revision }], []);
    await world.goTo("2026-01-01T11:30:00Z");
    expect((await world.view("nightly")).status.firings[0]).toMatchObject({
      outcome: "REFUSED",
      message: "there is no pipeline `backup@default.default`",
    });
  });

  test("that is started by hand runs for who asks, and keeps its times", async () => {
    world = await ScheduleWorld.at("2026-01-01T10:30:00Z");
    await world.apply(manifests("1h", HOURLY));
    const { run } = await world.schedules.trigger(await world.schedule("nightly"), {
      name: "bob",
      operator: true,
    });
    expect([run.runBy, run.triggerMode, run.labels?.["mflow.schedule"]]).toEqual([
      "bob",
      "MANUAL",
      "nightly",
    ]);
    await world.goTo("2026-01-01T12:30:00Z");
    expect(await world.firings("nightly")).toEqual(["10:30 STARTED", "11:00 SKIPPED", "12:00 STARTED"]);
    expect((await world.view("nightly")).status.firings.at(-1)).toMatchObject({ by: "bob", runId: run.id });
  });

  test("keeps the last twenty outcomes", async () => {
    world = await ScheduleWorld.at("2026-01-01T10:30:00Z");
    await world.apply(manifests("1s", HOURLY));
    await world.goTo("2026-01-02T10:30:00Z");
    const firings = await world.firings("nightly");
    expect([firings.length, firings[0], firings.at(-1)]).toEqual([20, "15:00 STARTED", "10:00 STARTED"]);
  });

  test("that has no times any more has ended, and the server need not stay for it", async () => {
    world = await ScheduleWorld.at("2026-01-01T10:30:00Z");
    await world.apply(manifests("1s", `${HOURLY}  endAt: 2026-01-01T11:30:00Z\n`));
    expect(world.schedules.busy()).toBe(true);
    await world.goTo("2026-01-01T13:30:00Z");
    expect((await world.view("nightly")).status.stage).toBe("ENDED");
    expect(world.schedules.busy()).toBe(false);
  });

  test("that is deleted fires no more", async () => {
    world = await ScheduleWorld.at("2026-01-01T10:30:00Z");
    await world.apply(manifests("1s", HOURLY));
    const { id, revision } = await world.schedule("nightly");
    const change = { remove: "schedule", id, expectedRevision: revision } as const;
    await world.store.catalog.commit([change], []);
    world.schedules.written([change]);
    await world.goTo("2026-01-01T12:30:00Z");
    expect(await world.runs()).toEqual([]);
  });
});

test("the service survives being started and stopped twice", async () => {
  world = await ScheduleWorld.at("2026-01-01T10:30:00Z");
  await world.apply(manifests("1s", HOURLY));
  await Promise.all([world.schedules.start(), world.schedules.start()]);
  await world.goTo("2026-01-01T11:30:00Z");
  expect(await world.firings("nightly")).toEqual(["11:00 STARTED"]);
  await Promise.all([world.schedules.stop(), world.schedules.stop()]);
  await world.goTo("2026-01-01T12:30:00Z");
  expect(await world.firings("nightly")).toEqual(["11:00 STARTED"]);
  await world.schedules.start();
  await world.goTo("2026-01-01T13:30:00Z");
  expect(await world.firings("nightly")).toEqual(["11:00 STARTED", "12:00 MISSED", "13:00 STARTED"]);
});
