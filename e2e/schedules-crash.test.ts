// A server with schedules is killed with SIGKILL around the times at which they fire, again and again. Afterwards every
// time is accounted for, by the policy of its schedule, and none started two runs.

import { setTimeout as delay } from "node:timers/promises";
import { eachItem } from "@mflow/sdk";
import { afterAll, beforeAll, expect, test } from "vitest";
import { CrashPlace } from "./crash-place.ts";

const ROUNDS = Number(process.env.SCHEDULE_CRASH_ROUNDS ?? 10);
const SECOND_MS = 1000;

const place = new CrashPlace("schedules");

/** `all` catches up with every second, `skip` with none, and `cancel` has runs that are always in its way. */
const manifests = `
kind: Job
metadata: { name: work }
publish: true
spec: { runnerType: FAKE, runnerSpec: { duration: 50ms } }
---
kind: Job
metadata: { name: long }
publish: true
spec: { runnerType: FAKE, runnerSpec: { duration: 10m } }
---
kind: Pipeline
metadata: { name: quick }
spec: { isParallel: true, stages: [{ name: main, tasks: [{ name: work, job: work }] }] }
---
kind: Pipeline
metadata: { name: slow }
spec: { stages: [{ name: main, tasks: [{ name: long, job: long }] }] }
---
kind: Schedule
metadata: { name: all }
spec: { pipeline: quick, cron: "* * * * * *", overlap: ALLOW, catchUp: { policy: ALL, limit: 100 } }
---
kind: Schedule
metadata: { name: skip }
spec: { pipeline: quick, cron: "* * * * * *", overlap: ALLOW }
---
kind: Schedule
metadata: { name: cancel }
spec: { pipeline: slow, cron: "*/2 * * * * *", overlap: CANCEL_RUNNING }
`;

beforeAll(async () => {
  await place.start();
  await place.client.manifests.apply({ manifests });
}, 60_000);

afterAll(() => place.dispose(), 60_000);

/** The times that runs of a schedule are for, milliseconds, in order; one that has two runs stands there twice. */
async function startedTimes(schedule: string): Promise<number[]> {
  const { client } = place;
  const times: number[] = [];
  const pages = (cursor: string | undefined) =>
    client.runs.list({ label: [`mflow.schedule=${schedule}`], limit: 500, cursor });
  for await (const run of eachItem(pages)) times.push(Date.parse(run.labels?.["mflow.scheduledAt"] ?? ""));
  return times.sort((a, b) => a - b);
}

/** The times that events say were missed. */
async function missedTimes(schedule: string, stepMs: number): Promise<number[]> {
  const { client } = place;
  const times: number[] = [];
  for await (const event of client.events({ after: 0, until: await client.newestEvent() })) {
    if (event.type !== "SCHEDULE_MISSED" || event.name !== schedule) continue;
    const [first, last = first] = event.message?.match(/\d{4}-\S+Z/g) ?? [];
    for (let at = Date.parse(first ?? ""); at <= Date.parse(last ?? ""); at += stepMs) times.push(at);
  }
  return times;
}

/** Every step from the first to the last of some times. */
function everyStep(times: readonly number[], stepMs: number): number[] {
  const [first = 0, last = 0] = [times[0], times.at(-1)];
  return Array.from({ length: (last - first) / stepMs + 1 }, (_, n) => first + n * stepMs);
}

test(
  `after ${ROUNDS} kills around the times of schedules nothing started twice, and nothing is forgotten`,
  async () => {
    for (let round = 0; round < ROUNDS; round++) {
      // Up to 300 ms before or after a full second, in which runs are decided on, stored and noted.
      await delay(SECOND_MS - (Date.now() % SECOND_MS) + 700 + Math.random() * 600);
      await place.kill();
      await place.start();
    }
    const { client } = place;
    for (const name of ["all", "skip", "cancel"]) await client.schedules.pause(name);

    const all = await startedTimes("all");
    expect(all).toEqual(everyStep(all, SECOND_MS));
    expect(await missedTimes("all", SECOND_MS)).toEqual([]);
    // The last outcome is written down like the others.
    const [newest] = (await client.schedules.get("all")).status.firings;
    expect(Date.parse(newest?.time ?? "")).toBe(all.at(-1));

    const skip = await startedTimes("skip");
    const missed = await missedTimes("skip", SECOND_MS);
    const accounted = [...skip, ...missed].sort((a, b) => a - b);
    expect(accounted).toEqual(everyStep(accounted, SECOND_MS));

    const cancel = await startedTimes("cancel");
    expect(cancel).toEqual([...new Set(cancel)]);
    expect(cancel.length).toBeGreaterThan(ROUNDS / 2);
    const { items } = await client.runs.list({
      label: ["mflow.schedule=cancel"],
      stage: ["PENDING", "ACTIVE"],
    });
    expect(items.length).toBeLessThanOrEqual(1);
  },
  60_000 + ROUNDS * 20_000,
);
