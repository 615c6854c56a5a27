import type { ApiPage, ErrorBody, PipelineTaskView } from "@mflow/core/schema/api";
import type { Pipeline } from "@mflow/core/schema/pipeline";
import { afterAll, beforeAll, expect, test } from "vitest";
import { endlessJob, job, pipeline } from "../testing/manifests.ts";
import { eventually, startTestServer, type TestServer } from "../testing/test-server.ts";

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer();
  await server.ok("POST", "/jobs", job("work", {}, { publish: true }));
});
afterAll(() => server.close());

test("a pipeline is created, read by id and name, replaced and deleted", async () => {
  const created = await server.call<Pipeline>("POST", "/pipelines", pipeline("release"));
  expect([created.status, created.headers.get("etag")]).toEqual([201, '"1"']);
  expect(created.body).toEqual({
    id: expect.stringMatching(/^pipeline-[0-9a-z]{26}$/),
    domain: "default",
    namespace: "default",
    name: "release",
    spec: pipeline("release").spec,
    revision: 1,
    createdBy: "ada",
    createdAt: expect.any(String),
    updatedAt: created.body.createdAt,
  });
  expect(await server.ok("GET", "/pipelines/release")).toEqual(created.body);
  expect(await server.ok("GET", `/pipelines/${created.body.id}`)).toEqual(created.body);
  const two = pipeline("release", [
    { name: "one", job: "work" },
    { name: "two", job: "work:v1" },
  ]);
  const replaced = await server.call<Pipeline>("PUT", "/pipelines/release", two);
  expect([replaced.status, replaced.headers.get("etag"), replaced.body.spec]).toEqual([200, '"2"', two.spec]);
  expect((await server.call("DELETE", "/pipelines/release")).status).toBe(204);
  expect(await server.refusal("GET", "/pipelines/release")).toEqual([404, "NOT_FOUND"]);
});

test("a second pipeline of a name is refused", async () => {
  await server.ok("POST", "/pipelines", pipeline("twice"));
  expect(await server.refusal("POST", "/pipelines", pipeline("twice"))).toEqual([409, "NAME_TAKEN"]);
});

test("the jobs of a pipeline must exist and be visible", async () => {
  await server.ok("POST", "/jobs", job("private", {}, { namespace: "other", publish: true }));
  const tasks = [
    { name: "one", job: "wrok" },
    { name: "two", job: "work:v9" },
    { name: "three", job: "private@other" },
    { name: "four", job: "work" },
  ];
  const { status, body } = await server.call<ErrorBody>("POST", "/pipelines", pipeline("lost", tasks));
  expect([status, body.code]).toEqual([400, "INVALID_DOCUMENT"]);
  expect(body.details.map(({ path }) => path)).toEqual([
    "/spec/stages/0/tasks/0/job",
    "/spec/stages/0/tasks/1/job",
    "/spec/stages/0/tasks/2/job",
  ]);
  expect(body.details[0]?.message).toContain("did you mean `work`");
  expect(await server.refusal("GET", "/pipelines/lost")).toEqual([404, "NOT_FOUND"]);
});

test("a replacement needs the pipeline's name and, when given, its revision", async () => {
  await server.ok("POST", "/pipelines", pipeline("kept"));
  expect(await server.refusal("PUT", "/pipelines/kept", pipeline("other"))).toEqual([400, "BAD_REQUEST"]);
  const stale = { headers: { "if-match": '"2"' } };
  const changed = pipeline("kept", [{ name: "renamed", job: "work" }]);
  expect(await server.refusal("PUT", "/pipelines/kept", changed, stale)).toEqual([412, "STALE_REVISION"]);
  expect(await server.refusal("DELETE", "/pipelines/kept", undefined, stale)).toEqual([
    412,
    "STALE_REVISION",
  ]);
  expect(await server.refusal("PUT", "/pipelines/none", pipeline("none"))).toEqual([404, "NOT_FOUND"]);
  expect(await server.ok("GET", "/pipelines/kept")).toMatchObject({ revision: 1 });
});

test("of two replacements with the same If-Match one wins", async () => {
  await server.ok("POST", "/pipelines", pipeline("contested"));
  const answers = await Promise.all(
    ["a", "b", "c", "d"].map((name) =>
      server.call("PUT", "/pipelines/contested", pipeline("contested", [{ name, job: "work" }]), {
        headers: { "if-match": '"1"' },
      }),
    ),
  );
  expect(answers.map(({ status }) => status).sort()).toEqual([200, 412, 412, 412]);
});

test("a pipeline with an unfinished run is not deleted, and the refusal names the run", async () => {
  await server.ok("POST", "/jobs", endlessJob("endless"));
  await server.ok("POST", "/pipelines", pipeline("busy", [{ name: "one", job: "endless" }]));
  const { run } = await server.ok<PipelineTaskView>("POST", "/pipeline-tasks", { pipelineId: "busy" });
  const { status, body } = await server.call<ErrorBody>("DELETE", "/pipelines/busy");
  expect([status, body.code]).toEqual([409, "CONFLICT"]);
  expect(body.message).toContain(run.id);
  await server.ok("POST", `/pipeline-tasks/${run.id}/cancel`);
  await eventually(
    () => server.ok<PipelineTaskView>("GET", `/pipeline-tasks/${run.id}`),
    (view) => view.run.status.stage === "CANCELED",
  );
  expect((await server.call("DELETE", "/pipelines/busy")).status).toBe(204);
});

test("a pipeline that a schedule starts is not deleted, and the refusal names the schedule", async () => {
  await server.ok("POST", "/jobs", endlessJob("hourly-job"));
  await server.ok("POST", "/pipelines", pipeline("hourly", [{ name: "one", job: "hourly-job" }]));
  const clock = (name: string, timing: object = {}) => ({
    kind: "Schedule",
    metadata: { name },
    spec: { pipeline: "hourly", cron: "@yearly", ...timing },
  });
  // Its last time has come, its end has not.
  const days = (n: number) => new Date(Date.now() + n * 86_400_000);
  const cron = `0 0 ${days(-30).getUTCDate()} ${days(-30).getUTCMonth() + 1} *`;
  const onceMore = { cron, startAt: days(-60).toISOString(), endAt: days(30).toISOString() };
  await server.ok("POST", "/apply", {
    documents: [
      clock("is-over", { endAt: "2020-01-01T00:00:00Z" }),
      clock("was-last", onceMore),
      clock("hourly-clock", { paused: true }),
    ],
  });
  const { status, body } = await server.call<ErrorBody>("DELETE", "/pipelines/hourly");
  expect([status, body.code, body.message]).toEqual([
    409,
    "CONFLICT",
    "Schedule hourly-clock@default.default starts pipeline hourly; delete it first, or let it start another one.",
  ]);
  expect((await server.call("DELETE", "/schedules/hourly-clock")).status).toBe(204);
  expect((await server.call("DELETE", "/pipelines/hourly")).status).toBe(204);
});

test("a list is filtered by name and text", async () => {
  await server.ok("POST", "/pipelines", pipeline("list-one"));
  await server.ok("POST", "/pipelines", pipeline("list-two"));
  const names = async (query: string) =>
    (await server.ok<ApiPage<Pipeline>>("GET", `/pipelines?${query}`)).items.map(({ name }) => name);
  expect(await names("text=list-")).toEqual(["list-two", "list-one"]);
  expect(await names("name=list-one")).toEqual(["list-one"]);
});
