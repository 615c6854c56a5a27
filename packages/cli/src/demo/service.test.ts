import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { until } from "../testing/command.ts";
import { serviceSource } from "./example-manifests.ts";
import { runningService, stopService } from "./service.ts";

let place: string;
let record: string;
let service: ChildProcess;

beforeEach(async () => {
  place = await mkdtemp(join(tmpdir(), "mflow-service-"));
  record = join(place, "service.env");
  service = spawn(process.execPath, [join(serviceSource(), "src", "main.ts")], {
    env: { PORT: "0", RECORD: record },
    stdio: "ignore",
  });
  await until("record", () => existsSync(record) || undefined);
});

afterEach(async () => {
  if (service.exitCode === null && service.kill("SIGKILL")) await once(service, "exit");
  await rm(place, { recursive: true });
});

test("a service is stopped by its record, and the record goes", async () => {
  const url = await runningService(record);
  expect(url).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
  const exited = once(service, "exit");
  expect(await stopService(record)).toBe(url);
  expect(await exited).toEqual([0, null]);
  expect(existsSync(record)).toBe(false);
  expect(await stopService(record)).toBeUndefined();
});

test("a process that only has the id of the service is left alone", async () => {
  const innocent = spawn(process.execPath, ["-e", "setInterval(() => {}, 1000)"], { stdio: "ignore" });
  try {
    const text = await readFile(record, "utf8");
    await writeFile(record, text.replace(/PID=.*/, `PID=${innocent.pid}`));
    expect(await stopService(record)).toBeUndefined();
    expect(innocent.exitCode ?? innocent.signalCode).toBeNull();
  } finally {
    innocent.kill();
  }
});
