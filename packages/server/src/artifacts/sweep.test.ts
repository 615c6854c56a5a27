// What the sweep removes of bytes that no row has.

import { expect, test } from "vitest";
import type { ArtifactStore } from "./artifact-store.ts";
import type { Artifacts } from "./artifacts.ts";
import type { Caches } from "./caches.ts";
import { ArtifactSweep } from "./sweep.ts";

const DAY_MS = 24 * 3600_000;
const NOW = Date.parse("2026-03-01T12:00:00Z");

test("left over bytes are removed once they are a day old, also where half sent ones cannot be", async () => {
  const stored = new Map([
    ["artifacts/old", NOW - DAY_MS - 1],
    ["artifacts/known", NOW - DAY_MS - 1],
    ["artifacts/young", NOW - DAY_MS + 1],
    ["caches/old", NOW - DAY_MS - 1],
  ]);
  const unfinished: unknown[] = [];
  const bytes: Pick<ArtifactStore, "list" | "remove" | "removeUnfinished"> = {
    async *list(prefix) {
      for (const [key, storedAt] of [...stored]) if (key.startsWith(prefix)) yield { key, size: 1, storedAt };
    },
    remove: async (key) => void stored.delete(key),
    async removeUnfinished(prefix, before) {
      unfinished.push([prefix, before]);
      throw new Error("S3 returned 403");
    },
  };
  const warnings: string[] = [];
  const sweep = new ArtifactSweep({
    artifacts: { removeExpired: async () => {} } as Artifacts,
    caches: { trim: async () => {} } as Caches,
    rows: {
      nextExpiry: async () => undefined,
      strangers: async (keys) => keys.filter((key) => !key.endsWith("known")),
    },
    bytes: bytes as ArtifactStore,
    now: () => NOW,
    warn: (message) => warnings.push(message),
  });
  sweep.start();
  await expect.poll(() => [...stored.keys()]).toEqual(["artifacts/known", "artifacts/young"]);
  await sweep.close();
  expect(unfinished).toEqual([
    ["artifacts/", NOW - DAY_MS],
    ["caches/", NOW - DAY_MS],
  ]);
  expect(warnings).toEqual([
    "what was half sent to the store of artifacts could not be removed",
    "what was half sent to the store of artifacts could not be removed",
  ]);
});
