// Starting a whole server: what a start that fails leaves behind.

import { mkdir, mkdtemp, readFile, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { readConfig } from "./config.ts";
import { Receiver } from "./listeners/testing/receiver.ts";
import { startServer } from "./main.ts";
import { openSqliteStore } from "./store/sqlite/sqlite.ts";

let base: string;

beforeEach(async () => {
  base = await mkdtemp(join(tmpdir(), "mflow-main-"));
});
afterEach(async () => {
  await rm(base, { recursive: true });
});

/** A port that nobody listens on. */
function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const probe = createServer().listen(0, "127.0.0.1", () => {
      const address = probe.address();
      probe.close(() => resolve(typeof address === "object" && address ? address.port : 0));
    });
  });
}

test("a start that fails after the server listens gives back the port and the data folder", async () => {
  const flags = { data: join(base, "data"), port: String(await freePort()), logLevel: "silent" };
  const unreadable = join(base, "data/logs/active/task-1.1.open");
  await mkdir(unreadable, { recursive: true, mode: 0o700 });
  await expect(startServer(readConfig(flags, {}))).rejects.toMatchObject({ code: "INTERNAL" });
  await rm(unreadable, { recursive: true });
  const server = await startServer(readConfig(flags, {}));
  expect((await fetch(`${server.address}/readyz`)).status).toBe(200);
  await server.close();
  await server.ended;
});

test("a server that ends when idle first sends what it has to tell", async () => {
  const receiver = await Receiver.open();
  receiver.behaviour = () => (receiver.received.length < 3 ? 500 : 200);
  const flags = { data: join(base, "data"), port: "0", logLevel: "silent", idleExit: "2s" };
  const server = await startServer(readConfig({ ...flags, allowTarget: ["127.0.0.1"] }, {}));
  const token = (await readFile(join(base, "data/local.token"), "utf8")).trim();
  const body = {
    job: "noop",
    documents: [{ kind: "Job", metadata: { name: "noop" }, spec: { runnerType: "FAKE", runnerSpec: {} } }],
    webhooks: [{ url: receiver.url(), events: ["SUCCEEDED"] }],
  };
  const response = await fetch(`${server.address}/api/v1/job-tasks`, {
    method: "POST",
    headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
    body: JSON.stringify(body),
  });
  expect([response.status, await response.text()]).toEqual([201, expect.any(String)]);
  await server.ended;
  expect(receiver.received.map((got) => JSON.parse(got.body).type)).toEqual([
    ...["SUCCEEDED", "SUCCEEDED", "SUCCEEDED"],
  ]);
  await receiver.close();
});

test("a server that ends when idle stays while a schedule has a time to come", async () => {
  const data = join(base, "data");
  const flags = { data, port: "0", logLevel: "silent" };
  const server = await startServer(readConfig(flags, {}));
  const token = (await readFile(join(data, "local.token"), "utf8")).trim();
  const spec = { runnerType: "FAKE", runnerSpec: {} };
  const endAt = new Date(Date.now() + 12_000).toISOString();
  const documents = [
    { kind: "Job", metadata: { name: "noop" }, publish: true, spec },
    {
      kind: "Pipeline",
      metadata: { name: "noop" },
      spec: { stages: [{ name: "main", tasks: [{ name: "noop", job: "noop" }] }] },
    },
    // Between two times it is idle for longer than it stays for nothing.
    {
      kind: "Schedule",
      metadata: { name: "noop" },
      spec: { pipeline: "noop", cron: "*/3 * * * * *", endAt },
    },
  ];
  const response = await fetch(`${server.address}/api/v1/apply`, {
    method: "POST",
    headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
    body: JSON.stringify({ documents }),
  });
  expect([response.status, await response.text()]).toEqual([200, expect.any(String)]);
  await server.close();
  await (await startServer(readConfig({ ...flags, idleExit: "1s" }, {}))).ended;
  const store = await openSqliteStore(join(data, "mflow.db"));
  const { items } = await store.runs.listRuns({ limit: 10 });
  await store.close();
  expect(items.length).toBeGreaterThanOrEqual(2);
}, 60_000);

test("a server without users stays on the machine, unless it is given the token of a first admin", async () => {
  const flags = { data: join(base, "data"), host: "0.0.0.0", port: "0", logLevel: "silent" };
  await expect(startServer(readConfig(flags, {}))).rejects.toMatchObject({
    code: "BAD_REQUEST",
    message: expect.stringContaining("or give MFLOW_ADMIN_TOKEN"),
  });
  const token = `mft_0123456789abcdef_${"s".repeat(43)}`;
  const server = await startServer(readConfig(flags, { MFLOW_ADMIN_TOKEN: token }));
  const me = await fetch(`${server.address}/api/v1/whoami`, {
    headers: { authorization: `Bearer ${token}` },
  });
  expect([me.status, await me.json()]).toEqual([
    200,
    expect.objectContaining({ name: "admin", local: false }),
  ]);
  await server.close();
  const again = await startServer(readConfig(flags, {}));
  await again.close();
});
