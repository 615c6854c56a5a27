// Records that are told by their name alone: channels, clusters and limits.

import type { Channel } from "@mflow/core/schema/channel";
import type { Cluster } from "@mflow/core/schema/cluster";
import type { Limit } from "@mflow/core/schema/limit";
import { describe, expect, test } from "vitest";
import type { NamedStore, Store } from "../store.ts";
import type { Bench } from "./bench.ts";
import { timeOf } from "./records.ts";

const told = (name: string, revision: number) => ({
  name,
  createdBy: "ana",
  createdAt: timeOf(0),
  updatedAt: timeOf(revision),
  revision,
});

const aChannel = (name: string, revision = 1): Channel => ({
  ...told(name, revision),
  spec: { kind: "WEBHOOK", url: `https://example.com/${name}/${revision}`, secret: "sealed:🚀" },
});

const aCluster = (name: string, revision = 1): Cluster => ({
  ...told(name, revision),
  spec: { kubeconfig: "sealed:🚀", maxTasks: revision, workspace: { template: { nested: [1, null] } } },
});

const aLimit = (name: string, revision = 1): Limit => ({
  ...told(name, revision),
  spec: { maxTasks: revision },
});

export function describeChannels(bench: Bench): void {
  describeNamed(bench, "channels", aChannel, (store) => store.channels);
}

export function describeClusters(bench: Bench): void {
  describeNamed(bench, "clusters", aCluster, (store) => store.clusters);
}

export function describeLimits(bench: Bench): void {
  describeNamed(bench, "limits", aLimit, (store) => store.limits);
}

function describeNamed<T>(
  bench: Bench,
  what: string,
  aRecord: (name: string, revision?: number) => T,
  of: (store: Store) => NamedStore<T>,
): void {
  describe(what, () => {
    test("are kept, replaced on their revision and listed by name", async () => {
      const records = of(bench.store);
      expect(await records.list()).toEqual([]);
      for (const name of ["ops", "dev", "qa"]) await records.put(aRecord(name), 0);
      await records.put(aRecord("ops", 2), 1);
      await bench.store.close();
      const reopened = await bench.another();
      const kept = [aRecord("dev"), aRecord("ops", 2), aRecord("qa")];
      expect(await of(reopened).list()).toEqual(kept);
    });

    test("are not written over a name that is taken or another revision", async () => {
      const records = of(bench.store);
      await records.put(aRecord("ops"), 0);
      await expect(records.put(aRecord("ops", 2), 0)).rejects.toMatchObject({ code: "NAME_TAKEN" });
      await expect(records.put(aRecord("ops", 3), 2)).rejects.toMatchObject({ code: "STALE_REVISION" });
      await expect(records.put(aRecord("dev", 2), 1)).rejects.toMatchObject({ code: "STALE_REVISION" });
      expect(await records.list()).toEqual([aRecord("ops")]);
    });

    test("are removed once, and their name is free then", async () => {
      const records = of(bench.store);
      await records.put(aRecord("ops"), 0);
      await records.remove("ops");
      await expect(records.remove("ops")).rejects.toMatchObject({ code: "NOT_FOUND" });
      await records.put(aRecord("ops"), 0);
      expect(await records.list()).toEqual([aRecord("ops")]);
    });
  });
}
