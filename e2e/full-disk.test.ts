// A disk that gets full, really: what was acknowledged stays, changes are refused with a remedy, readiness says it, what
// ended meanwhile is not forgotten, and the server goes on by itself once there is room. It needs a small file system of
// its own, which only root may mount; where that cannot be, what SQLite itself refuses is tested with the store.

import { spawnSync } from "node:child_process";
import { closeSync, mkdtempSync, openSync, rmSync, unlinkSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { killSupervisor, startKillableServer } from "./killable-server.ts";

const disk = mkdtempSync(join(tmpdir(), "mflow-full-"));
const isMounted = spawnSync("mount", ["-t", "tmpfs", "-o", "size=16m", "tmpfs", disk]).status === 0;
const data = join(disk, "data");
const filler = join(disk, "filler");

afterAll(async () => {
  await killSupervisor(data);
  if (isMounted) spawnSync("umount", ["-l", disk]);
  rmSync(disk, { recursive: true, force: true });
});

/** Takes all the room that is left. */
function fill(): void {
  const file = openSync(filler, "a");
  try {
    for (const size of [1024 * 1024, 4096, 1]) {
      try {
        for (;;) writeSync(file, Buffer.alloc(size));
      } catch (error) {
        expect(error).toMatchObject({ code: "ENOSPC" });
      }
    }
  } finally {
    closeSync(file);
  }
}

const documents = [
  {
    kind: "Job",
    publish: true,
    metadata: { name: "slow" },
    spec: { runnerType: "FAKE", runnerSpec: { duration: "1s" } },
  },
  {
    kind: "Pipeline",
    metadata: { name: "slow" },
    spec: {
      isParallel: true,
      stages: [
        {
          name: "s",
          tasks: [
            { name: "a", job: "slow" },
            { name: "b", job: "slow" },
          ],
        },
      ],
    },
  },
];

const FULL = {
  code: "STORE_FULL",
  message: "The disk is full; nothing was changed.",
  remedy: "Free disk space and try again.",
};

test.skipIf(!isMounted)(
  "a full disk loses nothing that was acknowledged, is told by readiness, and is got over without a restart",
  async () => {
    let server = await startKillableServer(data);
    await server.client.manifests.apply({ documents });
    const { run } = await server.client.runs.start({ pipelineId: "slow" });
    const acknowledged = [run.id];
    fill();
    const filledAt = Date.now();
    // What is left of the last page may still take a change or two.
    await expect
      .poll(async () => {
        const started = await server.client.runs.start({ pipelineId: "slow" }).catch((error) => error);
        if (started instanceof Error) return started;
        acknowledged.push(started.run.id);
        return undefined;
      })
      .toMatchObject({ status: 507, code: "STORE_FULL" });
    // The work of the first run ends now, and nobody can write it down.
    await expect
      .poll(async () => {
        await expect(server.client.ready()).rejects.toMatchObject({ status: 503, ...FULL });
        return Date.now() - filledAt;
      })
      .toBeGreaterThan(1500);
    expect(await server.client.server.get()).toMatchObject({ status: "unwritable", problem: FULL });
    expect((await server.client.runs.get(run.id)).run.status.stage).toBe("ACTIVE");
    const command = join(import.meta.dirname, "..", "bin", "mflow.js");
    const listed = spawnSync(process.execPath, [command, "get", "runs", "--data", data], {
      encoding: "utf8",
    });
    expect([listed.stderr, listed.status]).toEqual(["", 0]);
    unlinkSync(filler);
    await expect.poll(() => server.client.ready().catch(() => undefined)).toEqual({ status: "ready" });
    for (const id of acknowledged) {
      await expect.poll(async () => (await server.client.runs.get(id)).run.status.stage).toBe("SUCCEEDED");
    }
    fill();
    await server.kill();
    await expect(startKillableServer(data)).rejects.toThrow(
      `There is no room in the data folder ${data} to start on\nFree disk space and try again.`,
    );
    unlinkSync(filler);
    server = await startKillableServer(data);
    const { items } = await server.client.runs.list({ limit: 500 });
    expect(items.map(({ id }) => id).sort()).toEqual(acknowledged.sort());
    await server.stop();
  },
);
