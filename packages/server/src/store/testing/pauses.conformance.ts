// What is paused: kept with the history of it.

import type { Pause } from "@mflow/core/schema/pause";
import { describe, expect, test } from "vitest";
import type { Bench } from "./bench.ts";
import { anEvent, timeOf } from "./records.ts";

export function describePauses(bench: Bench): void {
  describe("pauses", () => {
    const aPause = (key: string, message?: string): Pause => ({
      key,
      by: "ana",
      at: timeOf(1),
      ...(message === undefined ? {} : { message }),
    });

    test("are kept with their history, replaced and listed by key", async () => {
      const { pauses } = bench.store;
      expect(await pauses.list()).toEqual([]);
      const event = anEvent();
      expect(await pauses.put(aPause("server", "upgrade"), [event])).toEqual([{ ...event, seq: 1 }]);
      await pauses.put(aPause("pipeline/default/default/release"), []);
      await pauses.put(aPause("server", "a longer upgrade"), []);
      await bench.store.close();
      const reopened = await bench.another();
      expect(await reopened.pauses.list()).toEqual([
        aPause("pipeline/default/default/release"),
        aPause("server", "a longer upgrade"),
      ]);
      expect(await reopened.history.lastSeq()).toBe(1);
    });

    test("are removed, also twice", async () => {
      const { pauses } = bench.store;
      await pauses.put(aPause("server"), []);
      await pauses.remove("server", []);
      await pauses.remove("server", []);
      expect(await pauses.list()).toEqual([]);
    });
  });
}
