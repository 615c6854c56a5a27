// `mflow demo` as a process, in a folder of its own: it does its work, says by its exit code how that went, and
// leaves nothing running, however it ends.

import { existsSync, readdirSync, readFileSync } from "node:fs";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { makeWorkplace, type Running, until, type Workplace } from "@mflow/cli/testing/command";
import type { JobTaskView } from "@mflow/core/schema/api";
import { type Client, createClient } from "@mflow/sdk";
import { afterEach, beforeEach, expect, test } from "vitest";

let place: Workplace;
let data: string;

beforeEach(async () => {
  place = await makeWorkplace();
  data = join(place.path, ".mflow", "demo");
});
afterEach(() => place.remove());

/** What still runs out of the folder, where the system has a /proc to tell. */
function processes(): string[] {
  if (!existsSync("/proc/self")) return [];
  return readdirSync("/proc").flatMap((pid) => {
    if (!/^\d+$/.test(pid)) return [];
    try {
      const command = readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " ").trim();
      const environment = readFileSync(`/proc/${pid}/environ`, "utf8");
      return command.includes(place.path) || environment.includes(place.path) ? [command] : [];
    } catch {
      return [];
    }
  });
}

/** The supervisor waits a while for another server; nothing else may be left. */
function leftRunning(): string[] {
  return processes().filter((command) => !command.includes("/supervisor/main"));
}

/** The demo in a pipe, with what a person does from another terminal. */
class Demo {
  readonly running: Running;
  #client: Client | undefined;

  constructor(...args: string[]) {
    this.running = place.start(["demo", ...args]);
  }

  async client(): Promise<Client> {
    if (this.#client) return this.#client;
    const [url] = await this.running.says(/http:\/\/[\d.]+:\d+/);
    const token = readFileSync(join(data, "local.token"), "utf8").trim();
    this.#client = createClient({ url, token });
    return this.#client;
  }

  /** The task whose gate waits. */
  async waiting(kind: "audit" | "confirm"): Promise<JobTaskView> {
    const [, id = ""] = await this.running.says(new RegExp(`decide: .* ${kind} (task-\\w+) --pass`));
    return (await this.client()).tasks.get(id);
  }

  /** Passes the audit, and answers with the task that then waits for its confirm and the service's address. */
  async untilConfirm(): Promise<{ task: JobTaskView; service: string }> {
    const client = await this.client();
    await client.tasks.audit((await this.waiting("audit")).id, { verdict: "PASS" });
    const task = await this.waiting("confirm");
    const service = task.params?.find(({ name }) => name === "SERVICE_URL")?.value ?? "";
    expect(await answers(service)).toBe(true);
    return { task, service };
  }
}

async function answers(service: string): Promise<boolean> {
  return fetch(`${service}/health`).then(
    (response) => response.ok,
    () => false,
  );
}

test("--yes --exit does all of it by itself, and leaves nothing running", async () => {
  const { stdout, stderr, exitCode } = await place.mflow(["demo", "--yes", "--exit"]);
  expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: "" });

  const said = stdout.split("\n").map((line) => line.replace(/^\S+Z /, ""));
  const ends = said.filter((line) => / (SUCCEEDED|PASS)$/.test(line));
  expect(ends.slice(0, 1)).toEqual(["task source/checkout SUCCEEDED"]);
  expect(ends.slice(1, 3).sort()).toEqual(["task verify/build SUCCEEDED", "task verify/test SUCCEEDED"]);
  expect(ends.slice(3)).toEqual([
    "audit release/deploy PASS",
    "task release/deploy SUCCEEDED",
    "task release/check reported SUCCEEDED",
    "confirm release/check PASS",
    "task release/check SUCCEEDED",
    "task finish/stop SUCCEEDED",
    expect.stringMatching(/^run run-\w+ demo SUCCEEDED$/),
  ]);
  const [version = ""] = /v\d{8}-main-[0-9a-f]{8}/.exec(stdout) ?? [];
  expect(said).toContainEqual(
    expect.stringMatching(
      new RegExp(`^audit release/deploy content .*APP_VERSION=${version} .*digest=\\w{64}$`),
    ),
  );
  expect(stdout.includes("you are root")).toBe(process.getuid?.() === 0);

  // The service really ran, from the release that was built.
  const release = join(data, "deployed", "releases", version);
  expect(JSON.parse(readFileSync(join(release, "version.json"), "utf8"))).toMatchObject({ version });
  expect(readFileSync(join(data, "deployed", "service.log"), "utf8")).toMatch(
    new RegExp(`^workdays ${version} listens on http://127\\.0\\.0\\.1:\\d+\\nworkdays has stopped\\n$`),
  );
  expect(leftRunning()).toEqual([]);
  // A supervisor whose folder is gone goes too.
  await rm(data, { recursive: true, maxRetries: 10 });
  await until("end of the supervisor", () => (processes().length === 0 ? true : undefined));
}, 120_000);

test("--fail ends with exit code 1 and the reason, and deploys nothing", async () => {
  const { stdout, exitCode } = await place.mflow(["demo", "--fail", "--yes", "--exit"]);
  expect(exitCode).toBe(1);
  expect(stdout).toMatch(/run run-\w+ demo FAILED TASK_FAILED: task `test` failed\n/);
  expect(stdout).toContain("log verify/test | FAILED  both days count\nlog verify/test |         1 !== 2\n");
  expect(existsSync(join(data, "deployed"))).toBe(false);
  expect(leftRunning()).toEqual([]);
}, 120_000);

test("a denied result ends with exit code 1 and stops the service", async () => {
  const demo = new Demo("--exit");
  const { task, service } = await demo.untilConfirm();
  const client = await demo.client();
  await client.tasks.confirm(task.id, { verdict: "DENY", comment: "it is too slow" });
  const { stdout, exitCode } = await demo.running.ended;
  expect(exitCode).toBe(1);
  expect(stdout).toContain(`Stopped the service at ${service}.\nThe server has ended.\n`);
  expect(await answers(service)).toBe(false);
  expect(leftRunning()).toEqual([]);
}, 120_000);

test("a signal cancels the run and stops the service", async () => {
  const demo = new Demo();
  const { service } = await demo.untilConfirm();
  demo.running.process.kill("SIGINT");
  const { stdout, exitCode } = await demo.running.ended;
  expect(exitCode).toBe(3);
  expect(stdout).toContain(
    `Canceled what had not ended (1).\nStopped the service at ${service}.\nThe server has ended.\n`,
  );
  expect(leftRunning()).toEqual([]);
}, 120_000);

test("without --exit the server stays up until it is asked to end", async () => {
  const demo = new Demo("--yes", "--port", "0");
  await demo.running.says(/The server stays up until Ctrl-C\./);
  expect(demo.running.stdout).toContain("\n  export MFLOW_DATA=.mflow/demo\n");
  const client = await demo.client();
  expect((await client.pipelines.list({ name: "hello" })).items).toHaveLength(1);
  // The pipeline knows where everything is.
  const { run } = await client.runs.start({ pipelineId: "demo" });
  demo.running.process.kill("SIGTERM");
  const { stdout, exitCode } = await demo.running.ended;
  expect(exitCode).toBe(0);
  expect(stdout).toContain("Canceled what had not ended (1).\n");
  expect(run.status.stage).toBe("ACTIVE");
  expect(leftRunning()).toEqual([]);
}, 120_000);

test("the next demo stops the service of one that was killed", async () => {
  const first = new Demo();
  const { service } = await first.untilConfirm();
  first.running.process.kill("SIGKILL");
  await first.running.ended;
  expect(await answers(service)).toBe(true);
  expect((await place.mflow(["demo", "--fail", "--yes", "--exit"])).exitCode).toBe(1);
  expect(await answers(service)).toBe(false);
  expect(leftRunning()).toEqual([]);
}, 120_000);

test("a folder in use, a folder of others and a server of others are refused", async () => {
  const demo = new Demo();
  await demo.waiting("audit");
  const second = await place.mflow(["demo", "--yes", "--exit"]);
  expect(second.exitCode).toBe(2);
  expect(second.stderr).toMatch(/a server runs on \S+demo already, at http/);

  await place.write("notes.txt", "mine");
  const foreign = await place.mflow(["--data", ".", "demo"]);
  expect(foreign.exitCode).toBe(2);
  expect(foreign.stderr).toContain(`${place.path} holds something else than a demo`);
  expect(readFileSync(join(place.path, "notes.txt"), "utf8")).toBe("mine");

  const other = await place.mflow(["--url", "http://127.0.0.1:1", "demo"]);
  expect(other.exitCode).toBe(2);
  expect(other.stderr).toContain("the demo starts a server of its own");
}, 120_000);
