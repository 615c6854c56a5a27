import type { ApiPage, ApplyResult, ErrorBody, RunPipelineResponse } from "@mflow/core/schema/api";
import type { HistoryEvent } from "@mflow/core/schema/event";
import type { ScheduleView } from "@mflow/core/schema/schedule";
import { afterAll, beforeAll, expect, test } from "vitest";
import { job, pipeline } from "../testing/manifests.ts";
import { eventually, startTestServer, type TestServer } from "../testing/test-server.ts";

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer();
  const spec = { runParams: [{ name: "TARGET" }, { name: "PASSWORD", sensitive: true }] };
  await server.ok("POST", "/jobs", job("work", spec, { publish: true }));
  await server.ok("POST", "/pipelines", pipeline("backup", [{ name: "one", job: "work" }]));
});
afterAll(() => server.close());

const yearly = (name: string, spec: object = {}) => ({
  kind: "Schedule",
  metadata: { name },
  spec: { pipeline: "backup", cron: "0 0 1 1 *", ...spec },
});

test("a schedule is created, read by id and name, replaced, listed and deleted", async () => {
  const created = await server.call<ScheduleView>("POST", "/schedules", yearly("kept"));
  expect([created.status, created.headers.get("etag")]).toEqual([201, '"1"']);
  const { nextTimes } = created.body.status;
  expect(created.body).toEqual({
    id: expect.stringMatching(/^schedule-[0-9a-z]{26}$/),
    domain: "default",
    namespace: "default",
    name: "kept",
    spec: yearly("kept").spec,
    owner: "ada",
    revision: 1,
    createdBy: "ada",
    createdAt: expect.any(String),
    updatedAt: created.body.createdAt,
    status: { stage: "ACTIVE", nextTimes, firings: [] },
  });
  const year = new Date().getUTCFullYear();
  expect(nextTimes.map(({ time }) => time)).toEqual(
    [1, 2, 3, 4, 5].map((n) => `${year + n}-01-01T00:00:00.000Z`),
  );
  expect(await server.ok("GET", "/schedules/kept")).toEqual(created.body);
  expect(await server.ok("GET", `/schedules/${created.body.id}`)).toEqual(created.body);
  const stale = { headers: { "if-match": '"2"' } };
  expect(await server.refusal("PUT", "/schedules/kept", yearly("kept"), stale)).toEqual([
    412,
    "STALE_REVISION",
  ]);
  expect(await server.refusal("PUT", "/schedules/kept", yearly("other"))).toEqual([400, "BAD_REQUEST"]);
  const changed = yearly("kept", { overlap: "ALLOW" });
  const replaced = await server.ok<ScheduleView>("PUT", "/schedules/kept", changed, { as: "otto" });
  expect([replaced.revision, replaced.owner, replaced.createdBy, replaced.spec]).toEqual([
    2,
    "otto",
    "ada",
    changed.spec,
  ]);
  const page = await server.ok<ApiPage<ScheduleView>>("GET", "/schedules?name=kept");
  expect(page.items).toEqual([replaced]);
  expect(await server.refusal("POST", "/schedules", yearly("kept"))).toEqual([409, "NAME_TAKEN"]);
  expect((await server.call("DELETE", "/schedules/kept")).status).toBe(204);
  expect(await server.refusal("GET", "/schedules/kept")).toEqual([404, "NOT_FOUND"]);
});

test("what makes no sense is refused with its place", async () => {
  const bad = yearly("bad", { pipeline: "backpu", cron: "61 * * * *", timeZone: "Mars" });
  const { status, body } = await server.call<ErrorBody>("POST", "/schedules", bad);
  expect([status, body.code]).toEqual([400, "INVALID_DOCUMENT"]);
  expect(body.details.map(({ path, message }) => [path, message])).toEqual([
    ["/spec/pipeline", expect.stringContaining("did you mean `backup`?")],
    ["/spec/cron", expect.stringContaining("field 1 (minute) of `61 * * * *` is `61`; it takes 0 to 59")],
    ["/spec/timeZone", expect.stringContaining("`Mars` is no time zone of the IANA list")],
  ]);
});

test("manifests apply schedules with the pipelines that they name, and lint warns of params that nobody declares", async () => {
  const manifests = `
kind: Schedule
metadata: { name: applied }
spec: { pipeline: fresh, cron: "@yearly", runParams: { TARGT: a } }
---
kind: Pipeline
metadata: { name: fresh }
spec: { stages: [{ name: main, tasks: [{ name: one, job: work }] }] }
`;
  const first = await server.ok<ApplyResult>("POST", "/apply", { manifests });
  expect(first.documents).toEqual([
    expect.objectContaining({ kind: "Schedule", name: "applied", action: "CREATED" }),
    expect.objectContaining({ kind: "Pipeline", name: "fresh", action: "CREATED" }),
  ]);
  expect(first.warnings.map(({ message }) => message)).toEqual([
    "no job of the pipeline declares a param `TARGT`, so it is ignored; did you mean `TARGET`?",
  ]);
  const again = await server.ok<ApplyResult>("POST", "/apply", { manifests });
  expect(again.documents.map(({ action }) => action)).toEqual(["UNCHANGED", "UNCHANGED"]);
});

test("a sensitive value is sealed, masked, and stays when its mask comes back", async () => {
  const runParams = { PASSWORD: "hush-hush", TARGET: "a" };
  await server.ok("POST", "/schedules", yearly("secret", { runParams }));
  const read = await server.ok<ScheduleView>("GET", "/schedules/secret");
  expect(read.spec.runParams).toEqual([
    { name: "PASSWORD", value: "***", sensitive: true },
    { name: "TARGET", value: "a" },
  ]);
  const stored = await server.store.catalog.findSchedule(read, "secret");
  expect(JSON.stringify(stored)).not.toContain("hush-hush");
  await server.ok(
    "PUT",
    "/schedules/secret",
    yearly("secret", { runParams: { PASSWORD: "***", TARGET: "b" } }),
  );
  const { run } = await server.ok<RunPipelineResponse>("POST", "/schedules/secret/trigger");
  const [task] = await server.store.runs.tasksOfRun(run.id);
  const password = task?.params?.find(({ name }) => name === "PASSWORD")?.value ?? "";
  expect(server.keys.unseal(password)).toBe("hush-hush");
});

test("a schedule is paused, resumed by its new owner, and started by hand", async () => {
  await server.ok("POST", "/schedules", yearly("paused"));
  const paused = await server.ok<ScheduleView>("POST", "/schedules/paused/pause", { message: "full disk" });
  expect(paused.status).toEqual({
    stage: "PAUSED",
    paused: { by: "ada", at: expect.any(String), message: "full disk" },
    nextTimes: [],
    firings: [],
  });
  expect(await server.refusal("POST", "/schedules/paused/pause")).toEqual([409, "CONFLICT"]);
  const started = await server.call<RunPipelineResponse>("POST", "/schedules/paused/trigger", undefined, {
    as: "otto",
    headers: { "idempotency-key": "once" },
  });
  expect([started.status, started.body.run.runBy]).toEqual([201, "otto"]);
  const again = await server.call<RunPipelineResponse>("POST", "/schedules/paused/trigger", undefined, {
    as: "otto",
    headers: { "idempotency-key": "once" },
  });
  expect([again.status, again.body.run.id]).toEqual([200, started.body.run.id]);
  const resumed = await server.ok<ScheduleView>("POST", "/schedules/paused/resume", undefined, {
    as: "otto",
  });
  expect([resumed.owner, resumed.status.stage, resumed.status.firings]).toEqual([
    "otto",
    "ACTIVE",
    [expect.objectContaining({ outcome: "STARTED", runId: started.body.run.id, by: "otto" })],
  ]);
  const history = await server.store.history.list({ after: 0, limit: 1000 });
  const told = history.filter(
    ({ name, type }: HistoryEvent) => name === "paused" && type.startsWith("SCHEDULE_"),
  );
  expect(told.map(({ type, actor }) => [type, actor])).toEqual([
    ["SCHEDULE_PAUSED", "ada"],
    ["SCHEDULE_STARTED", "otto"],
    ["SCHEDULE_RESUMED", "otto"],
  ]);
  await server.ok("POST", "/schedules", yearly("asleep", { paused: true }));
  expect(await server.refusal("POST", "/schedules/asleep/resume")).toEqual([409, "CONFLICT"]);
});

test("viewers look, operators of the scope and of the pipeline's scope do the rest", async () => {
  await server.ok("POST", "/schedules", yearly("guarded"));
  await server.ok("GET", "/schedules/guarded", undefined, { as: "vera" });
  for (const verb of ["pause", "resume", "trigger"]) {
    expect(await server.refusal("POST", `/schedules/guarded/${verb}`, undefined, { as: "vera" })).toEqual([
      403,
      "FORBIDDEN",
    ]);
    expect(await server.refusal("POST", `/schedules/guarded/${verb}`, undefined, { as: "tim" })).toEqual([
      404,
      "NOT_FOUND",
    ]);
  }
  expect(await server.refusal("DELETE", "/schedules/guarded", undefined, { as: "vera" })).toEqual([
    403,
    "FORBIDDEN",
  ]);
  // Tim is operator of `team`; the pipeline is elsewhere.
  const foreign = yearly("foreign", { pipeline: "backup@default" });
  expect(await server.refusal("POST", "/schedules?namespace=team", foreign, { as: "tim" })).toEqual([
    403,
    "FORBIDDEN",
  ]);
  const anothers = await server.ok<ScheduleView>("POST", "/schedules?namespace=team", foreign);
  expect(await server.refusal("POST", `/schedules/${anothers.id}/resume`, undefined, { as: "tim" })).toEqual([
    404,
    "NOT_FOUND",
  ]);
  const { run } = await server.ok<RunPipelineResponse>("POST", `/schedules/${anothers.id}/trigger`);
  expect([run.namespace, run.labels?.["mflow.schedule"]]).toEqual(["default", "foreign@team.default"]);
});

test("a schedule of a user who was removed starts nothing, says so, and runs for who resumes it", async () => {
  const grants = [{ role: "operator" as const, domain: "default", namespace: "default" }];
  await server.accounts.addUser("gus", { grants });
  const gus = (await server.accounts.createToken("gus", "test")).secret;
  await server.ok("POST", "/schedules", yearly("of-gus", { cron: "* * * * * *" }), { as: gus });
  const read = async () => (await server.ok<ScheduleView>("GET", "/schedules/of-gus")).status.firings;
  await eventually(read, ([newest]) => newest?.outcome === "STARTED");
  await server.accounts.removeUser("gus");
  const [refused] = await eventually(read, ([newest]) => newest?.outcome === "REFUSED");
  expect(refused?.message).toBe(
    "its owner gus is no user any more; whoever may run the pipeline can take it over with `mflow schedule resume of-gus`",
  );
  await server.ok("POST", "/schedules/of-gus/resume", undefined, { as: "otto" });
  const [started] = await eventually(read, ([newest]) => newest?.outcome === "STARTED");
  expect((await server.store.runs.run(started?.runId ?? ""))?.runBy).toBe("otto");
  await server.ok("DELETE", "/schedules/of-gus");
});

test("a run that is started by hand waits in line when the request says so", async () => {
  await server.ok("POST", "/jobs", job("hang", { runnerSpec: { outcome: "NONE" } }, { publish: true }));
  await server.ok("POST", "/pipelines", pipeline("busy", [{ name: "one", job: "hang" }]));
  await server.ok("POST", "/schedules", yearly("busy", { pipeline: "busy" }));
  const { run } = await server.ok<RunPipelineResponse>("POST", "/schedules/busy/trigger");
  expect(await server.refusal("POST", "/schedules/busy/trigger")).toEqual([409, "PIPELINE_IS_RUNNING"]);
  const waiting = await server.ok<RunPipelineResponse>("POST", "/schedules/busy/trigger?queue=true");
  expect([run.status.stage, waiting.run.status.stage]).toEqual(["ACTIVE", "PENDING"]);
});
