// Finding, starting and understanding the supervisor of a folder.

import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { createServer, type Server } from "node:net";
import { join } from "node:path";
import { afterEach, expect, test } from "vitest";
import { RetryableStartError } from "../runner.ts";
import { startRequest } from "../testing/start-request.ts";
import { findSupervisor, makeFolder, supervisorFolder, takeRecord } from "./supervisor/supervisor-record.ts";
import { OpenedPlace } from "./testing/opened-place.ts";

const places: OpenedPlace[] = [];
let server: Server | undefined;
let socketFolder: string | undefined;
afterEach(async () => {
  server?.close();
  server = undefined;
  if (socketFolder) rmSync(socketFolder, { recursive: true });
  socketFolder = undefined;
  for (const place of places.splice(0)) await place.dispose();
});

async function opened(place = new OpenedPlace(), options = {}): Promise<OpenedPlace> {
  places.push(place);
  await place.openRunner(options);
  return place;
}

test("no supervisor is started before there is work", async () => {
  const place = await opened();
  expect([await place.current.list(), findSupervisor(place.dataDir)]).toEqual([[], undefined]);
  expect(existsSync(supervisorFolder(place.dataDir))).toBe(false);
});

test("a data folder whose path is too long for a socket works", async () => {
  const place = await opened(new OpenedPlace(`mflow-${"long-".repeat(30)}`));
  const { report } = await place.run("pwd");
  expect(report.stage).toBe("SUCCEEDED");
  expect(findSupervisor(place.dataDir)?.socket.length).toBeLessThan(108);
});

test("many starts at once share one supervisor", async () => {
  const place = await opened();
  const ended = await Promise.all(Array.from({ length: 20 }, () => place.run("echo hello")));
  expect(new Set(ended.map(({ report }) => report.stage))).toEqual(new Set(["SUCCEEDED"]));
  expect(ended.every(({ texts }) => texts.join() === "stdout step-1| hello")).toBe(true);
});

test("a supervisor that cannot be started makes starts fail in a way that may pass, with its last words", async () => {
  const command = [process.execPath, "-e", 'console.error("no memory for this"); process.exit(3)'];
  const place = await opened(undefined, { supervisorCommand: command });
  const error = await place.current
    .start(startRequest({ steps: [{ run: "true" }] }))
    .catch((e: unknown) => e);
  expect(error).toBeInstanceOf(RetryableStartError);
  expect(String(error)).toMatch(/the supervisor ended with 3: .*no memory for this/s);
});

/** A supervisor of another version that says hello and knows nothing; answers with the types that it hears. */
async function otherVersion(
  place: OpenedPlace,
  version: { major: number; minor: number },
): Promise<string[]> {
  const folder = supervisorFolder(place.dataDir);
  makeFolder(folder);
  // The path of the data folder may be too long for a socket.
  socketFolder = mkdtempSync("/tmp/mflow-socket-");
  const path = join(socketFolder, "socket");
  const said: string[] = [];
  server = createServer((socket) => {
    socket.on("data", (bytes) => {
      const lines = String(bytes).trim().split("\n");
      said.push(...lines.map((line) => JSON.parse(line).type));
      if (said.length === 1)
        socket.write(`${JSON.stringify({ type: "hello", version, pid: 4711, attempts: [] })}\n`);
    });
    socket.on("error", () => {});
  });
  await new Promise<void>((resolve) => server?.listen(path, resolve));
  takeRecord(folder, 1, path);
  return said;
}

test("a supervisor of another major version is named, not talked to", async () => {
  const place = await opened();
  const said = await otherVersion(place, { major: 99, minor: 0 });
  const error = await place.current
    .start(startRequest({ steps: [{ run: "true" }] }))
    .catch((e: unknown) => e);
  expect(String(error)).toContain("the running supervisor (process 4711) speaks version 99 of the protocol");
  expect(said).toEqual(["hello"]);
});

test("a supervisor that knows nothing of files gets no task that keeps some: that waits for the next one", async () => {
  const place = await opened();
  const said = await otherVersion(place, { major: 1, minor: 0 });
  const keep = { artifacts: [{ name: "a", path: "a" }], fetch: [], caches: [] };
  const error = await place.current
    .start(startRequest({ steps: [{ run: "true" }] }, { keep }))
    .catch((e: unknown) => e);
  expect(error).toBeInstanceOf(RetryableStartError);
  expect(String(error)).toContain("is of an older version and keeps no artifacts");
  expect(said).toEqual(["hello"]);
});

test("a second server on the folder takes over, and the first one says so", async () => {
  const place = await opened();
  await place.run("true");
  const before = place.current;
  await place.openRunner();
  await place.run("true");
  expect(place.warnings).toContain("another server has taken over the supervisor of this data folder");
  await before.close();
});
