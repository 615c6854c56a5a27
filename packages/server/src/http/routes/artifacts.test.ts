// Artifacts and caches over HTTP: by people with roles, and by tasks with their update token.

import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { gzipSync } from "node:zlib";
import type { PipelineTaskView } from "@mflow/core/schema/api";
import type { Artifact } from "@mflow/core/schema/artifact";
import type { JobTask } from "@mflow/core/schema/job-task";
import { create as createTar } from "tar";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { eventually, startTestServer, type TestServer } from "../testing/test-server.ts";

const run = promisify(execFile);

let server: TestServer;
let folder: string;
beforeAll(async () => {
  server = await startTestServer();
  folder = await mkdtemp(join(tmpdir(), "mflow-upload-"));
  await server.ok("POST", "/apply", {
    documents: [
      job(
        "work",
        { outcome: "NONE" },
        { artifacts: [{ name: "kept", path: "out/kept", retention: "1h" }], visibility: "GLOBAL" },
      ),
      job("done", {}),
    ],
  });
});
afterAll(async () => {
  await server.close();
  await rm(folder, { recursive: true });
});

function job(name: string, runnerSpec: object, more: object = {}) {
  return {
    kind: "Job",
    publish: true,
    metadata: { name },
    spec: { runnerType: "FAKE", runnerSpec, ...more },
  };
}

const tokenOf = ({ id, attempt }: Pick<JobTask, "id" | "attempt">) => server.keys.updateToken(id, attempt);

/** A lone task that runs. */
async function startTask(scope = ""): Promise<JobTask> {
  const { task } = await server.ok<{ task: JobTask }>("POST", `/job-tasks${scope}`, {
    job: "work@default.default",
  });
  started.push(task.id);
  return atStage(task.id, "ACTIVE");
}

/** What runs is in the way of the next test. */
const started: string[] = [];
afterEach(async () => {
  for (const id of started.splice(0)) await server.call("POST", `/job-tasks/${id}/cancel`, {});
});

const atStage = (id: string, stage: string) =>
  eventually(
    () => server.ok<JobTask>("GET", `/job-tasks/${id}`),
    ({ status }) => status.stage === stage,
  );

const upload = (task: JobTask, name: string, body: string | Uint8Array, query = "", headers = {}) =>
  server.call<Artifact>("PUT", `/job-tasks/${task.id}/artifacts/${name}${query}`, body, {
    as: tokenOf(task),
    headers: { "content-type": "application/octet-stream", ...headers },
  });

/** An archive of a folder with these members. */
async function archive(files: Record<string, string>): Promise<Buffer> {
  const place = await mkdtemp(join(folder, "tar-"));
  for (const [name, text] of Object.entries(files)) await writeFile(join(place, name), text);
  const chunks: Buffer[] = [];
  for await (const chunk of createTar({ cwd: place }, Object.keys(files))) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

describe("an artifact", () => {
  test("is sent by its task, listed, downloaded whole and in part, and deleted", async () => {
    const task = await startTask();
    const sent = await upload(task, "app", "0123456789", "?path=bin/app&executable=true");
    expect([sent.status, sent.body]).toEqual([
      201,
      {
        taskId: task.id,
        attempt: 1,
        name: "app",
        kind: "FILE",
        path: "bin/app",
        executable: true,
        size: 10,
        sha256: "84d89877f0d4041efb6bf91a16f0248f2fd573e6af05c19f96bedb9f882f7882",
        createdAt: expect.any(String),
      },
    ]);
    expect(await server.ok("GET", `/job-tasks/${task.id}/artifacts`, undefined, { as: "vera" })).toEqual({
      items: [sent.body],
    });
    const path = `/job-tasks/${task.id}/artifacts/app`;
    const whole = await server.call<string>("GET", path, undefined, { as: "vera" });
    expect([whole.status, whole.body]).toEqual([200, "0123456789"]);
    expect(Object.fromEntries(whole.headers)).toMatchObject({
      "content-disposition": "attachment; filename=\"app\"; filename*=UTF-8''app",
      "content-length": "10",
      "content-type": "application/octet-stream",
      etag: `"${sent.body.sha256}"`,
      "mflow-artifact-executable": "true",
      "x-content-type-options": "nosniff",
    });
    const part = async (headers: Record<string, string>) => {
      const answer = await server.call<string>("GET", path, undefined, { headers });
      return [answer.status, answer.headers.get("content-range"), answer.body];
    };
    expect(await part({ range: "bytes=2-4" })).toEqual([206, "bytes 2-4/10", "234"]);
    expect(await part({ range: "bytes=8-" })).toEqual([206, "bytes 8-9/10", "89"]);
    expect(await part({ range: "bytes=-3" })).toEqual([206, "bytes 7-9/10", "789"]);
    expect(await part({ range: "lines=1" })).toEqual([200, null, "0123456789"]);
    expect((await part({ range: "bytes=10-" }))[0]).toBe(400);
    expect(await part({ "if-none-match": `"${sent.body.sha256}"` })).toEqual([304, null, ""]);
    expect(await server.refusal("DELETE", path, undefined, { as: "vera" })).toEqual([403, "FORBIDDEN"]);
    await server.ok("DELETE", path, undefined, { as: "otto" });
    expect(await server.refusal("GET", path)).toEqual([404, "NOT_FOUND"]);
  });

  test("sent again takes the place of the first; what its manifest says of it holds", async () => {
    const task = await startTask();
    await upload(task, "kept", "first");
    const { body } = await upload(task, "kept", "second");
    const hour = Date.parse(body.expiresAt ?? "") - Date.parse(body.createdAt);
    expect([body.path, body.size, hour]).toEqual(["out/kept", 6, 3600_000]);
    const { items } = await server.ok<{ items: Artifact[] }>("GET", `/job-tasks/${task.id}/artifacts`);
    expect(items).toEqual([body]);
  });

  test("of a folder is an archive, plain or compressed, that leads nowhere", async () => {
    const task = await startTask();
    const tar = await archive({ "a.txt": "a" });
    const isTar = { "content-type": "application/x-tar" };
    expect((await upload(task, "plain", tar, "", isTar)).body.kind).toBe("FOLDER");
    expect((await upload(task, "packed", gzipSync(tar), "?kind=FOLDER")).body.kind).toBe("FOLDER");
    const refused = async (bytes: Uint8Array | string) => {
      const { status, body } = await upload(task, "bad", bytes, "?kind=FOLDER");
      return [status, (body as unknown as { message: string }).message];
    };
    expect(await refused("no archive".repeat(200))).toEqual([
      400,
      expect.stringContaining("artifact `bad`: the archive is refused: it cannot be read as a tar archive"),
    ]);
    expect(await refused(gzipSync(tar).subarray(0, 60))).toEqual([
      400,
      expect.stringContaining("is refused"),
    ]);
    const renamed = (name: string) => {
      const bytes = Buffer.from(tar);
      bytes.write(name.padEnd(6, "\0"), 0);
      // The sum of the header's bytes, its own field counted as blanks.
      bytes.fill(" ", 148, 156);
      const sum = bytes.subarray(0, 512).reduce((all, byte) => all + byte, 0);
      bytes.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148);
      return bytes;
    };
    expect(await refused(renamed("../a"))).toEqual([400, expect.stringContaining("leads out of the folder")]);
    expect(await refused(renamed("/a"))).toEqual([400, expect.stringContaining("leads out of the folder")]);
    const { items } = await server.ok<{ items: Artifact[] }>("GET", `/job-tasks/${task.id}/artifacts`);
    expect(items.map(({ name }) => name)).toEqual(["packed", "plain"]);
  });

  test("is refused when it is too large, misnamed, or its task has ended; nothing is left of it", async () => {
    const task = await startTask();
    const large = await upload(task, "large", Buffer.alloc(2 ** 20 + 1)).catch(() => undefined);
    if (large) expect(large.status).toBe(413);
    expect((await upload(task, ".hidden", "x")).status).toBe(400);
    expect((await upload(task, "x", "x", "?path=../x")).status).toBe(400);
    expect((await upload(task, "x", "x", "?path=/x")).status).toBe(400);
    await server.ok("POST", `/job-tasks/${task.id}/cancel`, {});
    await atStage(task.id, "CANCELED");
    const late = await upload(task, "late", "x");
    expect([late.status, (late.body as unknown as { code: string }).code]).toEqual([400, "TASK_ENDED"]);
    expect(await server.ok("GET", `/job-tasks/${task.id}/artifacts`)).toEqual({ items: [] });
  });

  test("is nobody's to send who has neither role nor token, or another task's", async () => {
    const [task, other] = [await startTask(), await startTask()];
    const path = `/job-tasks/${task.id}/artifacts/x`;
    const as = async (who: string | null) => (await server.refusal("PUT", path, "x", { as: who }))[1];
    expect(await as(null)).toBe("UNAUTHORIZED");
    expect(await as(tokenOf(other))).toBe("UNAUTHORIZED");
    expect(await as(tokenOf({ id: task.id, attempt: 2 }))).toBe("UNAUTHORIZED");
    expect(await as("vera")).toBe("FORBIDDEN");
    expect(await as("tim")).toBe("NOT_FOUND");
    expect((await server.call("PUT", path, "x", { as: "otto" })).status).toBe(201);
  });

  test("goes with its task when that is deleted", async () => {
    const task = await startTask();
    await upload(task, "app", "bytes");
    const row = await server.store.artifacts.find(task.id, "app");
    await server.ok("POST", `/job-tasks/${task.id}/cancel`, {});
    await atStage(task.id, "CANCELED");
    await server.ok("DELETE", `/job-tasks/${task.id}`);
    expect(await server.store.artifacts.find(task.id, "app")).toBeUndefined();
    if (!row) throw new Error("it was not kept");
    await expect(server.artifacts.artifacts.open(row)).rejects.toMatchObject({ code: "NOT_FOUND" });
  });
});

describe("a fetch", () => {
  function ofTwo() {
    const tasks = ["one", "two"].map((name) => ({ name, job: "work" }));
    return { spec: { stages: [{ name: "s", isParallel: true, tasks }] } };
  }

  /** A run whose tasks `one` and `two` run at once. */
  async function startRun(asked: object = ofTwo()): Promise<{ id: string; one: JobTask; two: JobTask }> {
    const { run: made } = await server.ok<PipelineTaskView>("POST", "/pipeline-tasks", asked);
    const view = await eventually(
      () => server.ok<PipelineTaskView>("GET", `/pipeline-tasks/${made.id}`),
      (seen) => seen.tasks.every(({ status }) => status.stage === "ACTIVE"),
    );
    const [one, two] = view.tasks as [JobTask, JobTask];
    return { id: made.id, one, two };
  }

  test("gets what another task of the run kept, once that has ended, with its own token", async () => {
    const { id, one, two } = await startRun();
    await upload(one, "app", "bytes of one");
    const path = `/job-tasks/${two.id}/fetch?from=one&name=app`;
    const as = tokenOf(two);
    expect(await server.refusal("GET", path, undefined, { as })).toEqual([404, "NOT_FOUND"]);
    await server.ok("POST", `/job-tasks/${one.id}/status`, { stage: "SUCCEEDED", forceUpdateStatus: true });
    await atStage(one.id, "SUCCEEDED");
    const got = await server.call<string>("GET", path, undefined, { as });
    expect([got.status, got.body, got.headers.get("mflow-artifact-path")]).toEqual([
      200,
      "bytes of one",
      "app",
    ]);
    expect(
      (await server.call("GET", path.replace("from=one", "from=s%2Fone"), undefined, { as })).status,
    ).toBe(200);
    expect(await server.refusal("GET", path, undefined, { as: tokenOf(one) })).toEqual([401, "UNAUTHORIZED"]);
    const stranger = await startTask();
    const strange = `/job-tasks/${stranger.id}/fetch?from=one&name=app`;
    expect(await server.refusal("GET", strange, undefined, { as: tokenOf(stranger) })).toEqual([
      404,
      "NOT_FOUND",
    ]);
    const { items } = await server.ok<{ items: Artifact[] }>("GET", `/pipeline-tasks/${id}/artifacts`);
    expect(items.map(({ taskId, name }) => [taskId, name])).toEqual([[one.id, "app"]]);
    await server.ok("POST", `/pipeline-tasks/${id}/cancel`, {});
  });

  const stageTo = async (task: JobTask, stage: string) => {
    await server.ok("POST", `/job-tasks/${task.id}/status`, { stage, forceUpdateStatus: true });
    await atStage(task.id, stage);
  };
  const fetched = (task: JobTask, from = "one") =>
    server.call<string>("GET", `/job-tasks/${task.id}/fetch?from=${from}&name=app`, undefined, {
      as: tokenOf(task),
    });

  /** The run that another was made into, when its task `two` runs. */
  async function madeOf(id: string, verb: "rerun" | "rollback"): Promise<[JobTask, JobTask]> {
    const { run: made } = await server.ok<PipelineTaskView>("POST", `/pipeline-tasks/${id}/${verb}`, {});
    started.push(made.id);
    const { tasks } = await eventually(
      () => server.ok<PipelineTaskView>("GET", `/pipeline-tasks/${made.id}`),
      ({ tasks: [, two] }) => two?.status.stage === "ACTIVE",
    );
    return tasks as [JobTask, JobTask];
  }

  test("gets what a rerun kept, also when the run that made it is gone, as long as a run has it", async () => {
    const { id, one, two } = await startRun();
    await upload(one, "app", "bytes of one");
    await stageTo(one, "SUCCEEDED");
    await stageTo(two, "FAILED");
    const [keptOne, again] = await madeOf(id, "rerun");
    await server.ok("DELETE", `/pipeline-tasks/${id}`);
    expect((await fetched(again)).body).toBe("bytes of one");
    const own = { taskId: keptOne.id, name: "app", size: 12 };
    expect(await server.ok("GET", `/job-tasks/${keptOne.id}/artifacts`)).toMatchObject({ items: [own] });
    const row = await server.artifacts.artifacts.find(keptOne.id, "app");
    await stageTo(again, "FAILED");
    await server.ok("DELETE", `/pipeline-tasks/${again.pipelineTaskId}`);
    await expect(server.artifacts.artifacts.open(row)).rejects.toMatchObject({ code: "NOT_FOUND" });
  });

  /** A parallel pipeline of `one`, of `two`, which may be rolled back, and of others. */
  async function applySite(...others: string[]): Promise<void> {
    const deploy = job("deploy", { outcome: "NONE" }, { allowRollback: true });
    const jobs = { one: "work", two: "deploy", ...Object.fromEntries(others.map((name) => [name, "work"])) };
    const tasks = Object.entries(jobs).map(([name, its]) => ({ name, job: its }));
    const spec = { isParallel: true, stages: [{ name: "s", isParallel: true, tasks }] };
    await server.ok("POST", "/apply", {
      documents: [deploy, { kind: "Pipeline", metadata: { name: "site" }, spec }],
    });
  }

  test("gets in a rollback what the run kept that it goes back to", async () => {
    await applySite();
    const ids: string[] = [];
    for (const [bytes, ends] of [
      ["good", "SUCCEEDED"],
      ["bad", "FAILED"],
    ] as const) {
      const { id, one, two } = await startRun({ pipelineId: "site" });
      await upload(one, "app", bytes);
      await stageTo(one, "SUCCEEDED");
      await stageTo(two, ends);
      ids.push(id);
    }
    const [good = "", bad = ""] = ids;
    const [, back] = await madeOf(bad, "rollback");
    expect((await fetched(back)).body).toBe("good");
    expect((await fetched(back, "nosuch")).status).toBe(404);
    const refusal = await server.refusal("DELETE", `/pipeline-tasks/${good}`);
    expect(refusal).toEqual([409, "CONFLICT"]);
    await stageTo(back, "SUCCEEDED");
    await server.ok("DELETE", `/pipeline-tasks/${good}`);
  });

  test("gets in a rollback what a rerun kept, also when the run that made it is gone", async () => {
    await applySite("three");
    const tasksOf = async (id: string) =>
      (await server.ok<PipelineTaskView>("GET", `/pipeline-tasks/${id}`)).tasks as [
        JobTask,
        JobTask,
        JobTask,
      ];
    const first = await startRun({ pipelineId: "site" });
    await upload(first.one, "app", "good");
    await stageTo(first.one, "SUCCEEDED");
    await stageTo(first.two, "SUCCEEDED");
    await stageTo((await tasksOf(first.id))[2], "FAILED");
    const { run: rerun } = await server.ok<PipelineTaskView>("POST", `/pipeline-tasks/${first.id}/rerun`, {});
    started.push(rerun.id);
    const [, kept, three] = await tasksOf(rerun.id);
    await atStage(three.id, "ACTIVE");
    await stageTo(three, "SUCCEEDED");
    const bad = await startRun({ pipelineId: "site" });
    for (const task of await tasksOf(bad.id)) await stageTo(task, "FAILED");
    await server.ok("DELETE", `/pipeline-tasks/${first.id}`);
    const [, back] = await madeOf(bad.id, "rollback");
    expect(back.rollback?.lastSuccess).toEqual({ runId: rerun.id, taskId: kept.id });
    expect((await fetched(back)).body).toBe("good");
    expect(await server.refusal("DELETE", `/pipeline-tasks/${rerun.id}`)).toEqual([409, "CONFLICT"]);
    await stageTo(back, "SUCCEEDED");
  });
});

describe("a fetch of what is gone", () => {
  /** A pipeline of `one`, and then of `two`, which fetches what `one` keeps and may be rolled back. */
  async function applyFetching(optional: boolean): Promise<void> {
    const deploy = job("deploy", { outcome: "NONE" }, { allowRollback: true });
    const fetch = [{ from: "one", name: "kept", optional }];
    const tasks = [
      { name: "one", job: "work" },
      { name: "two", job: "deploy", fetch },
    ];
    const spec = { isParallel: true, stages: [{ name: "s", tasks }] };
    await server.ok("POST", "/apply", {
      documents: [deploy, { kind: "Pipeline", metadata: { name: "fetching" }, spec }],
    });
  }

  /** A run in which `one` kept something and succeeded, and `two` ended so. */
  async function runTo(stage: "SUCCEEDED" | "FAILED"): Promise<{ id: string; one: JobTask; two: JobTask }> {
    const { run } = await server.ok<PipelineTaskView>("POST", "/pipeline-tasks", { pipelineId: "fetching" });
    started.push(run.id);
    const { tasks } = await server.ok<PipelineTaskView>("GET", `/pipeline-tasks/${run.id}`);
    const [one, two] = tasks as [JobTask, JobTask];
    for (const [task, ends] of [
      [one, "SUCCEEDED"],
      [two, stage],
    ] as const) {
      await atStage(task.id, "ACTIVE");
      if (task === one) await upload({ ...one, attempt: 1 }, "kept", "bytes");
      await server.ok("POST", `/job-tasks/${task.id}/status`, { stage: ends, forceUpdateStatus: true });
      await atStage(task.id, ends);
    }
    return { id: run.id, one, two };
  }

  const removeKept = async ({ one }: { one: JobTask }) =>
    server.artifacts.artifacts.remove(await server.artifacts.artifacts.find(one.id, "kept"));
  const ask = (id: string, verb: "rerun" | "rollback", more: object = {}) =>
    server.call<{ code?: string; message?: string }>("POST", `/pipeline-tasks/${id}/${verb}`, {
      dryRun: true,
      ...more,
    });

  test("refuses a rerun that keeps the task that made it, unless that runs again too", async () => {
    await applyFetching(false);
    const failed = await runTo("FAILED");
    expect((await ask(failed.id, "rerun")).status).toBe(200);
    await removeKept(failed);
    expect((await ask(failed.id, "rerun", { dryRun: false })).body).toMatchObject({
      code: "ARTIFACT_GONE",
      message: `task \`two\` fetches artifact \`kept\` of \`one\`, which run ${failed.id} does not keep any more: run that task again too (\`--from one\`)`,
    });
    expect((await ask(failed.id, "rerun", { from: "one" })).status).toBe(200);
    expect((await ask(failed.id, "rerun", { mode: "ALL" })).status).toBe(200);
  });

  test("refuses a rollback before it starts", async () => {
    await applyFetching(false);
    const good = await runTo("SUCCEEDED");
    const bad = await runTo("FAILED");
    expect((await ask(bad.id, "rollback")).status).toBe(200);
    await removeKept(good);
    for (const dryRun of [true, false]) {
      expect((await ask(bad.id, "rollback", { dryRun })).body).toMatchObject({
        code: "ARTIFACT_GONE",
        message: `task \`two\` fetches artifact \`kept\` of \`one\`, which run ${good.id} does not keep any more`,
      });
    }
  });

  test("is nothing to a task that can do without it", async () => {
    await applyFetching(true);
    const failed = await runTo("FAILED");
    await removeKept(failed);
    expect((await ask(failed.id, "rerun")).status).toBe(200);
  });
});

test("curl and wget alone send and fetch archives", async () => {
  const task = await startTask();
  const url = `${server.url}/api/v1/job-tasks/${task.id}/artifacts`;
  const bearer = `Authorization: Bearer ${tokenOf(task)}`;
  const tar = join(folder, "site.tar.gz");
  await writeFile(tar, gzipSync(await archive({ "index.html": "hello" })));
  await run("curl", [
    "-sSf",
    "-T",
    tar,
    "-H",
    bearer,
    "-H",
    "Content-Type: application/x-tar",
    `${url}/by-curl`,
  ]);
  const post = ["-q", "-O", "-", `--post-file=${tar}`, `--header=${bearer}`];
  await run("wget", [...post, "--header=Content-Type: application/x-tar", `${url}/by-wget`]);
  const { items } = await server.ok<{ items: Artifact[] }>("GET", `/job-tasks/${task.id}/artifacts`);
  expect(items.map(({ name, kind }) => `${name} ${kind}`)).toEqual(["by-curl FOLDER", "by-wget FOLDER"]);
  const back = join(folder, "back.tar.gz");
  const as = `Authorization: Bearer ${server.token("vera")}`;
  await run("curl", ["-sSf", "-o", back, "-H", as, `${url}/by-wget`]);
  expect((await readFile(back)).equals(await readFile(tar))).toBe(true);
});

describe("a cache", () => {
  const send = (task: JobTask, key: string, body: Uint8Array, query = "") =>
    server.call("POST", `/job-tasks/${task.id}/caches/${key}${query}`, body, {
      as: tokenOf(task),
      headers: { "content-type": "application/x-tar" },
    });
  const get = async (task: JobTask, key: string, query = "") => {
    const answer = await server.call("GET", `/job-tasks/${task.id}/caches/${key}${query}`, undefined, {
      as: tokenOf(task),
    });
    return answer.status === 200 ? answer.headers.get("mflow-cache-key") : answer.status;
  };

  test("is saved once, found by key or prefix in its namespace alone, listed and deleted", async () => {
    const task = await startTask();
    const tar = gzipSync(await archive({ a: "a" }));
    expect((await send(task, "npm-1", tar)).body).toEqual({ saved: true });
    expect((await send(task, "npm-1", tar)).body).toEqual({ saved: false });
    expect((await send(task, "npm-1", tar, "?replace=true")).body).toEqual({ saved: true });
    expect(await get(task, "npm-1")).toBe("npm-1");
    expect(await get(task, "npm-2")).toBe(404);
    expect(await get(task, "npm-2", "?prefix=npm-")).toBe("npm-1");
    expect(await get(task, "npm-1", "?paths=other")).toBe(404);
    const elsewhere = await startTask("?namespace=team");
    expect(await get(elsewhere, "npm-1")).toBe(404);
    const { items } = await server.ok<{ items: object[] }>("GET", "/caches", undefined, { as: "vera" });
    expect(items).toMatchObject([
      { domain: "default", namespace: "default", key: "npm-1", paths: "default" },
    ]);
    expect(await server.refusal("DELETE", "/caches/npm-1", undefined, { as: "vera" })).toEqual([
      403,
      "FORBIDDEN",
    ]);
    expect(await server.ok("DELETE", "/caches/npm-1", undefined, { as: "otto" })).toEqual({ removed: 1 });
    expect(await server.refusal("DELETE", "/caches/npm-1")).toEqual([404, "NOT_FOUND"]);
    await send(task, "npm-3", tar);
    expect(await server.ok("DELETE", "/caches")).toEqual({ removed: 1 });
  });

  test("makes room for others when all together are too large", async () => {
    const task = await startTask();
    for (const n of [1, 2, 3, 4, 5]) {
      // What is random cannot be compressed.
      const text = Buffer.from(Array.from({ length: 900_000 }, () => Math.random() * 256)).toString("latin1");
      await send(task, `big-${n}`, await archive({ a: text.slice(0, 450_000) }));
    }
    const { items } = await server.ok<{ items: { key: string; size: number }[] }>("GET", "/caches");
    expect(items.reduce((sum, { size }) => sum + size, 0)).toBeLessThanOrEqual(2 ** 22);
    expect(items.map(({ key }) => key)).toContain("big-5");
    await server.ok("DELETE", "/caches");
  });
});

test("an artifact whose retention is over is gone, bytes and all", async () => {
  const task = await startTask();
  const { artifacts } = server.artifacts;
  const bytes = async function* () {
    yield Buffer.from("x");
  };
  const facts = { taskId: task.id, attempt: 1, name: "brief", kind: "FILE", path: "brief" } as const;
  await artifacts.keep({ ...facts, retentionMs: 1 }, bytes());
  const found = () => server.store.artifacts.find(task.id, "brief");
  await expect.poll(found, { timeout: 10_000 }).toBeUndefined();
  expect(await server.refusal("GET", `/job-tasks/${task.id}/artifacts/brief`)).toEqual([404, "NOT_FOUND"]);
});
