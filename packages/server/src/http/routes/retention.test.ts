// Retention over the API and in the background, on a whole server.

import type { RunPipelineResponse } from "@mflow/core/schema/api";
import type { CleanupRequest, CleanupResult, Retention } from "@mflow/core/schema/retention";
import { afterEach, expect, test } from "vitest";
import { endlessJob, job, pipeline } from "../testing/manifests.ts";
import { eventually, startTestServer, type TestServer } from "../testing/test-server.ts";

let server: TestServer;
afterEach(() => server.close());

async function prepare(options: Parameters<typeof startTestServer>[0] = {}) {
  server = await startTestServer({ ...options, retained: { leastAgeMs: 0, ...options?.retained } });
  const documents = [
    job("work", {}, { publish: true }),
    job("bad", { runnerSpec: { outcome: "FAILED" } }, { publish: true }),
    job("deploy", {}, { publish: true }),
    endlessJob("endless"),
  ];
  await server.ok("POST", "/apply", { documents });
}

/** Stores the pipeline `release` with this retention and task. */
async function store(retention: Retention | undefined, tasks = [{ name: "one", job: "work" }]) {
  const spec = { isParallel: true, ...(retention && { retention }) };
  await server.ok("POST", "/apply", { documents: [pipeline("release", tasks, spec)] });
}

/** Runs it; the answer is the id of the run, which has ended. */
async function run(body: unknown = { pipelineId: "release" }, scope = ""): Promise<string> {
  const { run } = await server.ok<RunPipelineResponse>("POST", `/pipeline-tasks${scope}`, body);
  await eventually(
    () => server.store.runs.run(run.id),
    (found) => ["SUCCEEDED", "FAILED"].includes(found?.status.stage ?? ""),
  );
  return run.id;
}

async function runs(count: number, body?: unknown): Promise<string[]> {
  const ids: string[] = [];
  for (let n = 0; n < count; n++) ids.push(await run(body));
  return ids;
}

/** What a cleanup takes, by id, with the rule. */
async function cleanUp(request: CleanupRequest = {}, query = ""): Promise<Record<string, string>> {
  const { items } = await server.ok<CleanupResult>("POST", `/cleanup${query}`, request);
  return Object.fromEntries(items.map(({ id, because }) => [id, because]));
}

async function kept(): Promise<string[]> {
  const { items } = await server.store.runs.listRuns({ limit: 500 });
  return items.map(({ id }) => id).sort();
}

test("nothing goes of a pipeline without a rule, on a server without one", async () => {
  await prepare();
  await store(undefined);
  const ids = await runs(3);
  expect(await cleanUp()).toEqual({});
  expect(await kept()).toEqual(ids);
});

test("all but the last runs go, with their logs and tasks; a dry run takes none", async () => {
  await prepare();
  await server.ok("POST", "/apply", {
    documents: [job("work", { runnerSpec: { log: ["hello"] } }, { publish: true, version: "v2" })],
  });
  await store({ maxRuns: 2 });
  const [a = "", b = "", c = "", d = ""] = await runs(4);
  const gone = { [a]: "maxRuns: 2", [b]: "maxRuns: 2" };
  const [task] = await server.store.runs.tasksOfRun(a);
  expect(await server.logs.attempts(task?.id ?? "")).toEqual([1]);
  expect(await cleanUp({ dryRun: true })).toEqual(gone);
  expect(await kept()).toEqual([a, b, c, d]);
  expect(await cleanUp()).toEqual(gone);
  expect(await kept()).toEqual([c, d]);
  expect(await server.logs.attempts(task?.id ?? "")).toEqual([]);
  expect(await server.store.runs.task(task?.id ?? "")).toBeUndefined();
  expect(await cleanUp()).toEqual({});
});

test("one event tells of each run that goes: who asked, and by which rule", async () => {
  await prepare();
  await store({ maxRuns: 1 });
  const [id = ""] = await runs(2);
  await cleanUp();
  const events = await server.store.history.list({ after: 0, limit: 1000, pipelineTaskId: id });
  const { seq, at, ...event } = events.at(-1) ?? { seq: 0, at: "" };
  expect(event).toEqual({
    ...{ type: "DELETED", domain: "default", namespace: "default", name: "release", pipelineTaskId: id },
    ...{ actor: "ada", reason: "RETENTION", message: "maxRuns: 1" },
  });
});

test("the last success of a pipeline stays, however many failed since", async () => {
  await prepare();
  await store({ maxRuns: 2 });
  const [older = "", last = ""] = await runs(2);
  await store({ maxRuns: 2 }, [{ name: "one", job: "bad" }]);
  const [failed = "", ...newest] = await runs(3);
  expect(Object.keys(await cleanUp())).toEqual([older, failed]);
  expect(await kept()).toEqual([last, ...newest]);
});

test("the last success of each task that the pipeline has stays, also of runs that failed", async () => {
  await prepare();
  const tasks = [
    { name: "deploy", job: "deploy" },
    { name: "check", job: "bad" },
  ];
  await store({ maxRuns: 1 }, tasks);
  const [first = "", second = ""] = await runs(2);
  // Since then the deployment itself fails.
  await store({ maxRuns: 1 }, [
    { name: "deploy", job: "bad" },
    { name: "check", job: "bad" },
  ]);
  const [third = ""] = await runs(1);
  await store({ maxRuns: 1 }, tasks);
  expect(Object.keys(await cleanUp())).toEqual([first]);
  expect(await kept()).toEqual([second, third]);
  // A task that the pipeline has no more needs nothing.
  await store({ maxRuns: 1 }, [{ name: "check", job: "bad" }]);
  expect(Object.keys(await cleanUp())).toEqual([second]);
});

test("the last success of each way of a matrix stays", async () => {
  await prepare();
  const stages = (job: string) => [
    {
      name: "main",
      tasks: [
        { name: "deploy", job, ignoreFailed: true, matrix: { params: { SITE: ["east", "west"] } } },
        { name: "check", job: "bad" },
      ],
    },
  ];
  const apply = (job: string) =>
    server.ok("POST", "/apply", {
      documents: [
        pipeline("release", [], { stages: stages(job), isParallel: true, retention: { maxRuns: 1 } }),
      ],
    });
  await apply("deploy");
  const [first = "", second = ""] = await runs(2);
  await apply("bad");
  const [third = "", last = ""] = await runs(2);
  await apply("deploy");
  expect(Object.keys(await cleanUp())).toEqual([first, third]);
  expect(await kept()).toEqual([second, last]);
});

test("failed runs have a rule and a count of their own", async () => {
  await prepare();
  await store({ maxRuns: 1, failed: { maxRuns: 2 } }, [{ name: "one", job: "bad" }]);
  const [failed = "", ...others] = await runs(3);
  await store({ maxRuns: 1, failed: { maxRuns: 2 } });
  const [succeeded = "", newest = ""] = await runs(2);
  expect(await cleanUp()).toEqual({ [succeeded]: "maxRuns: 1", [failed]: "maxRuns: 2" });
  expect(await kept()).toEqual([...others, newest]);
});

test("a run that has not ended stays and is not counted", async () => {
  await prepare();
  await store({ maxRuns: 1 }, [{ name: "one", job: "endless" }]);
  const started: string[] = [];
  for (let n = 0; n < 3; n++) {
    const body = { pipelineId: "release" };
    started.push((await server.ok<RunPipelineResponse>("POST", "/pipeline-tasks", body)).run.id);
  }
  expect(await cleanUp({ retention: { maxAge: "0s" } })).toEqual({});
  expect(await kept()).toEqual(started);
});

test("within a minute of its end a run stays whatever the rule says", async () => {
  await prepare({ retained: { leastAgeMs: undefined } });
  await store({ maxRuns: 1, maxAge: "1ms" });
  const ids = await runs(3);
  expect(await cleanUp()).toEqual({});
  expect(await kept()).toEqual(ids);
});

test("age counts from the end of a run, by the server's clock", async () => {
  let ahead = 0;
  const clock = { now: () => Date.now() + ahead, setTimeout: () => () => undefined };
  await prepare({ retained: { clock } });
  await store({ maxAge: "1d" });
  const [first = "", last = ""] = await runs(2);
  expect(await cleanUp()).toEqual({});
  ahead = 86_400_000 + 60_000;
  // The last one is needed.
  expect(await cleanUp()).toEqual({ [first]: "maxAge: 1d" });
  expect(await kept()).toEqual([last]);
});

test("pipelines without a rule, and tasks that ran alone, go by that of the server", async () => {
  await prepare({ retained: { defaults: { maxRuns: 1 } } });
  await store(undefined);
  const [a = ""] = await runs(2);
  // An empty rule of its own keeps all.
  const own = pipeline("own", undefined, { retention: {}, isParallel: true });
  await server.ok("POST", "/apply", { documents: [own] });
  await runs(2, { pipelineId: "own" });
  const tasks: string[] = [];
  for (let n = 0; n < 2; n++) {
    const { task } = await server.ok<{ task: { id: string } }>("POST", "/job-tasks", { job: "work" });
    tasks.push(task.id);
    await eventually(
      () => server.store.runs.task(task.id),
      (found) => found?.status.stage === "SUCCEEDED",
    );
  }
  expect(await cleanUp()).toEqual({ [a]: "maxRuns: 1", [tasks[0] ?? ""]: "maxRuns: 1" });
});

test("a pipeline that is not stored goes by the rule that its newest run brought along", async () => {
  await prepare();
  const brought = (retention: Retention) => ({
    documents: [pipeline("brought", undefined, { retention, isParallel: true })],
  });
  const [first = ""] = await runs(2, brought({}));
  expect(await cleanUp()).toEqual({});
  await runs(1, brought({ maxRuns: 2 }));
  expect(await cleanUp()).toEqual({ [first]: "maxRuns: 2" });
});

test("a cleanup is of a scope, a pipeline or a job, and by another rule when it says one", async () => {
  await prepare();
  await store(undefined);
  const [a = ""] = await runs(2);
  const other = pipeline("other", undefined, { isParallel: true });
  await server.ok("POST", "/apply", { documents: [other] });
  const [b = ""] = await runs(2, { pipelineId: "other" });
  const retention = { maxRuns: 1 };
  const dry = (request: CleanupRequest, query = "") =>
    cleanUp({ retention, dryRun: true, ...request }, query);
  expect(Object.keys(await dry({}))).toEqual([a, b]);
  expect(Object.keys(await dry({ pipeline: "other" }))).toEqual([b]);
  expect(Object.keys(await dry({ job: "work" }))).toEqual([]);
  expect(Object.keys(await dry({}, "?namespace=default"))).toEqual([a, b]);
  expect(Object.keys(await dry({}, "?namespace=team"))).toEqual([]);
});

test("deleting needs admin of the scope, a dry run viewer; bad rules are refused with their place", async () => {
  await prepare();
  const as = (user: string) => ({ as: user });
  const ask = (user: string, body: unknown, query = "") =>
    server.call("POST", `/cleanup${query}`, body, as(user));
  expect((await ask("vera", { dryRun: true })).status).toBe(200);
  expect((await ask("vera", {})).body).toMatchObject({ code: "FORBIDDEN" });
  expect((await ask("otto", {})).body).toMatchObject({ code: "FORBIDDEN" });
  expect((await ask("tim", { dryRun: true })).body).toMatchObject({ code: "FORBIDDEN" });
  expect((await ask("tim", { dryRun: true }, "?namespace=team&domain=default")).status).toBe(200);
  expect((await ask("ada", { retention: { maxRuns: 0 } })).body).toMatchObject({
    code: "INVALID_DOCUMENT",
    details: [{ path: "/retention/maxRuns" }],
  });
});

test("a run whose runner cannot let go of it stays, is told of, and holds up no other", async () => {
  const warned: string[] = [];
  await prepare({
    retained: {
      log: { warn: (message) => void warned.push(message) },
      timing: { everyMs: 3600_000, soonMs: 1 },
    },
  });
  await store({ maxRuns: 1 });
  const [a = "", b = "", c = ""] = await runs(3);
  const { remove } = server.logs;
  const [stuck] = await server.store.runs.tasksOfRun(a);
  server.logs.remove = async (taskId) => {
    if (taskId === stuck?.id) throw new Error("the disk does not answer");
    return remove.call(server.logs, taskId);
  };
  server.retention.start();
  await expect.poll(kept).toEqual([a, c]);
  expect(warned).toEqual([`could not delete ${a}, which is no longer kept; it is tried again`]);
  server.logs.remove = remove;
  const d = await run();
  await expect.poll(kept).toEqual([d]);
  expect(b).not.toBe(a);
});

test("in the background runs go soon after another one ended, and nobody did it", async () => {
  await prepare({ retained: { timing: { everyMs: 3600_000, soonMs: 1 } } });
  await store({ maxRuns: 2 });
  server.retention.start();
  server.retention.start();
  const ids = await runs(5);
  await expect.poll(kept).toEqual(ids.slice(3));
  const { task } = await server.ok<{ task: { id: string } }>("POST", "/job-tasks", { job: "work" });
  expect(task.id).toMatch(/^task-/);
  const [deleted] = (await server.store.history.list({ after: 0, limit: 1000 })).filter(
    ({ type }) => type === "DELETED",
  );
  expect(deleted).toMatchObject({ pipelineTaskId: ids[0], reason: "RETENTION" });
  expect(deleted).not.toHaveProperty("actor");
  await server.retention.stop();
  await server.retention.stop();
  await runs(3);
  expect((await kept()).length).toBe(5);
});
