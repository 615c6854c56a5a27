// A server that is killed while a task keeps files loses none of them and keeps none twice: whoever hears that the task
// SUCCEEDED finds its artifacts, and the next task fetches them.

import { createHash } from "node:crypto";
import { existsSync, readdirSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import { CrashPlace } from "./crash-place.ts";

const ROUNDS = Number(process.env.ARTIFACT_CRASH_ROUNDS ?? 6);

const place = new CrashPlace("artifacts");

const manifests = `
kind: Job
metadata: { name: make }
publish: true
spec:
  runnerType: SHELL
  runParams: [{ name: GO, required: true }]
  cache: { key: { prefix: made }, paths: [made] }
  artifacts: [{ name: made, path: made }, { name: note, path: note.txt }]
  runnerSpec:
    steps:
      - name: make
        run: |
          until [ -e "$GO" ]; do sleep 0.02; done
          mkdir -p made
          for i in 1 2 3 4 5 6 7 8; do head -c 1000000 /dev/urandom > "made/$i"; done
          cat made/? | sha256sum | cut -c1-64 > note.txt
---
kind: Job
metadata: { name: use }
publish: true
spec:
  runnerType: SHELL
  runnerSpec: { steps: [{ name: use, run: 'cat made/? | sha256sum | cut -c1-64; cat note.txt' }] }
---
kind: Pipeline
metadata: { name: crash }
spec:
  isParallel: true
  stages:
    - { name: make, tasks: [{ name: make, job: make }] }
    - name: use
      tasks: [{ name: use, job: use, fetch: [{ from: make, name: made }, { from: make, name: note }] }]
`;

beforeAll(async () => {
  await place.start();
  await place.client.manifests.apply({ manifests });
}, 60_000);

afterAll(() => place.dispose(), 60_000);

/** Files below a folder. */
function filesIn(path: string): string[] {
  if (!existsSync(path)) return [];
  const names = readdirSync(path, { recursive: true, encoding: "utf8" });
  return names.filter((name) => statSync(join(path, name)).isFile());
}

test(
  "a server that is killed while a task keeps files loses none and keeps none twice",
  async () => {
    for (let round = 0; round < ROUNDS; round++) {
      const go = join(place.folder, `go-${round}`);
      const { run } = await place.client.runs.start({ pipelineId: "crash", runParams: { GO: go } });
      const { id } = run;
      const make = () => place.client.runs.get(id).then(({ tasks }) => tasks[0]?.status.stage);
      await expect.poll(make, { timeout: 30_000 }).toBe("ACTIVE");
      writeFileSync(go, "");
      // From the steps' end over packing and storing to the report, and beyond.
      await delay(Math.random() * 1200);
      await place.kill();
      await place.start();
      const stage = () => place.client.runs.get(id).then((view) => view.run.status.stage);
      await expect.poll(stage, { timeout: 60_000 }).toBe("SUCCEEDED");

      const { tasks } = await place.client.runs.get(id);
      const [maker, user] = tasks as [(typeof tasks)[0], (typeof tasks)[0]];
      const { items } = await place.client.artifacts.ofRun(id);
      expect(items.map(({ name, taskId }) => [name, taskId])).toEqual([
        ["made", maker.id],
        ["note", maker.id],
      ]);
      for (const { taskId, name, sha256, size } of items) {
        const response = await place.client.artifacts.download(taskId, name);
        const bytes = Buffer.from(await response.arrayBuffer());
        expect([bytes.length, createHash("sha256").update(bytes).digest("hex")]).toEqual([size, sha256]);
      }
      const lines = (await place.client.logs.page(user.id)).lines.filter(({ stream }) => stream === "stdout");
      expect(lines).toHaveLength(2);
      expect(lines[0]?.text).toBe(lines[1]?.text);
      // No bytes are left of a put that broke off, or that was made again.
      const stored = filesIn(join(place.data, "artifacts", "bytes", "artifacts", id));
      expect(stored).toHaveLength(2);
    }
    expect(filesIn(join(place.data, "artifacts", "bytes", ".incoming"))).toEqual([]);
  },
  ROUNDS * 60_000,
);
