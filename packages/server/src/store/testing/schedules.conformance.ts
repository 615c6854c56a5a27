// Schedules and what they have done: guards, lists, and that a state goes with its schedule.

import type { Schedule, ScheduleState } from "@mflow/core/schema/schedule";
import { describe, expect, test } from "vitest";
import type { CatalogChange } from "../store.ts";
import type { Bench } from "./bench.ts";
import { anEvent, aSchedule, timeOf } from "./records.ts";

const scope = { domain: "default", namespace: "default" };
const put = (schedule: Schedule, expectedRevision = 0): CatalogChange => ({
  put: "schedule",
  schedule,
  expectedRevision,
});

function aState(schedule: Schedule, revision = 1): ScheduleState {
  return {
    scheduleId: schedule.id,
    revision,
    doneUntil: timeOf(revision),
    timing: "of the spec",
    firings: [{ time: timeOf(0), at: timeOf(1), outcome: "STARTED", runId: "run-🚀" }],
  };
}

export function describeSchedules(bench: Bench): void {
  const commit = (...changes: CatalogChange[]) => bench.store.catalog.commit(changes, []);

  describe("schedules", () => {
    test("are found by id and full name, and listed newest first by every filter", async () => {
      const nightly = aSchedule(1, { labels: { team: "a" } });
      const hourly = aSchedule(2, { name: "hourly", namespace: "ops" });
      await commit(put(nightly), put(hourly));
      const { catalog } = bench.store;
      expect(await catalog.schedule(nightly.id)).toEqual(nightly);
      expect(await catalog.schedule("schedule-unknown")).toBeUndefined();
      expect(await catalog.findSchedule(scope, "nightly")).toEqual(nightly);
      expect(await catalog.findSchedule(scope, "hourly")).toBeUndefined();
      expect((await catalog.listSchedules({ limit: 10 })).items).toEqual([hourly, nightly]);
      expect((await catalog.listSchedules({ limit: 10, name: "hourly" })).items).toEqual([hourly]);
      expect((await catalog.listSchedules({ limit: 10, scope, labels: { team: "a" } })).items).toEqual([
        nightly,
      ]);
    });

    test("are written on the revision that was read, and have a name of their own", async () => {
      await commit(put(aSchedule(1)));
      await commit(put(aSchedule(1, { revision: 2 }), 1));
      await expect(commit(put(aSchedule(1, { revision: 3 }), 1))).rejects.toMatchObject({
        code: "STALE_REVISION",
      });
      await expect(commit(put(aSchedule(2)))).rejects.toMatchObject({
        code: "NAME_TAKEN",
        message: expect.stringContaining("nightly@default.default"),
      });
    });

    test("keep what they have done over a restart, with its events", async () => {
      const [first, second] = [aSchedule(1), aSchedule(2, { name: "hourly" })];
      await commit(put(first), put(second));
      const event = anEvent({ type: "SCHEDULE_STARTED", name: "nightly" });
      expect(await bench.store.schedules.putState(aState(first), 0, [event])).toEqual([{ seq: 1, ...event }]);
      await bench.store.schedules.putState(aState(first, 2), 1, []);
      await bench.store.close();
      const reopened = await bench.another();
      expect(await reopened.schedules.all()).toEqual([
        { schedule: first, state: aState(first, 2) },
        { schedule: second },
      ]);
      expect(await reopened.schedules.find(second.id)).toEqual({ schedule: second });
      expect(await reopened.schedules.find("schedule-unknown")).toBeUndefined();
    });

    test("refuse a state that was decided on another one, and write nothing then", async () => {
      await commit(put(aSchedule(1)));
      const { schedules, history } = bench.store;
      await schedules.putState(aState(aSchedule(1)), 0, []);
      for (const expected of [0, 2]) {
        const stale = schedules.putState(aState(aSchedule(1), 3), expected, [anEvent()]);
        await expect(stale).rejects.toMatchObject({ code: "STALE_REVISION" });
      }
      const unknown = schedules.putState(aState(aSchedule(9)), 0, [anEvent()]);
      await expect(unknown).rejects.toMatchObject({ code: "NOT_FOUND" });
      expect(await history.lastSeq()).toBe(0);
      expect(await schedules.all()).toEqual([{ schedule: aSchedule(1), state: aState(aSchedule(1)) }]);
    });

    test("take what they have done along when they are removed", async () => {
      await commit(put(aSchedule(1)));
      await bench.store.schedules.putState(aState(aSchedule(1)), 0, []);
      await commit({ remove: "schedule", id: aSchedule(1).id, expectedRevision: 1 });
      await commit(put(aSchedule(1)));
      expect(await bench.store.schedules.all()).toEqual([{ schedule: aSchedule(1) }]);
    });
  });
}
