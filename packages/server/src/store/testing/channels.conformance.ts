// Channels by name.

import type { Channel } from "@mflow/core/schema/channel";
import { describe, expect, test } from "vitest";
import type { Bench } from "./bench.ts";
import { timeOf } from "./records.ts";

const aChannel = (name: string, revision = 1): Channel => ({
  name,
  spec: { kind: "WEBHOOK", url: `https://example.com/${name}/${revision}`, secret: "sealed:🚀" },
  createdBy: "ana",
  createdAt: timeOf(0),
  updatedAt: timeOf(revision),
  revision,
});

export function describeChannels(bench: Bench): void {
  describe("channels", () => {
    test("are kept, replaced on their revision and listed by name", async () => {
      const { channels } = bench.store;
      expect(await channels.list()).toEqual([]);
      for (const name of ["ops", "dev", "qa"]) await channels.put(aChannel(name), 0);
      await channels.put(aChannel("ops", 2), 1);
      await bench.store.close();
      const reopened = await bench.another();
      const kept = [aChannel("dev"), aChannel("ops", 2), aChannel("qa")];
      expect(await reopened.channels.list()).toEqual(kept);
    });

    test("are not written over a name that is taken or another revision", async () => {
      const { channels } = bench.store;
      await channels.put(aChannel("ops"), 0);
      await expect(channels.put(aChannel("ops", 2), 0)).rejects.toMatchObject({ code: "NAME_TAKEN" });
      await expect(channels.put(aChannel("ops", 3), 2)).rejects.toMatchObject({ code: "STALE_REVISION" });
      await expect(channels.put(aChannel("dev", 2), 1)).rejects.toMatchObject({ code: "STALE_REVISION" });
      expect(await channels.list()).toEqual([aChannel("ops")]);
    });

    test("are removed once, and their name is free then", async () => {
      const { channels } = bench.store;
      await channels.put(aChannel("ops"), 0);
      await channels.remove("ops");
      await expect(channels.remove("ops")).rejects.toMatchObject({ code: "NOT_FOUND" });
      await channels.put(aChannel("ops"), 0);
      expect(await channels.list()).toEqual([aChannel("ops")]);
    });
  });
}
