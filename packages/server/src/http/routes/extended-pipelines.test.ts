// Pipelines that extend others, from apply over lint to the run.

import type { ApplyResult, ErrorBody, LintResult, RunPipelineResponse } from "@mflow/core/schema/api";
import type {
  Pipeline,
  PipelineManifest,
  PipelineOverrides,
  PipelineSpec,
} from "@mflow/core/schema/pipeline";
import { afterAll, beforeAll, expect, test } from "vitest";
import { job, pipeline } from "../testing/manifests.ts";
import { startTestServer, type TestServer } from "../testing/test-server.ts";

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer();
  const params = { runParams: [{ name: "WHO" }, { name: "TOKEN", sensitive: true }] };
  const documents = [
    job("work", params, { publish: true }),
    job("open", { visibility: "DOMAIN" }, { publish: true }),
    pipeline(
      "base",
      [
        { name: "one", job: "work" },
        { name: "two", job: "work" },
      ],
      { isTemplate: true, isParallel: true, with: { WHO: "base" } },
    ),
  ];
  await server.ok("POST", "/apply", { documents });
});
afterAll(() => server.close());

function extending(name: string, overrides: PipelineOverrides = {}, base = "base"): PipelineManifest {
  return { kind: "Pipeline", metadata: { name }, spec: { extends: base, with: { WHO: name }, overrides } };
}

const scope = { domain: "default", namespace: "default" };
const without = (task: string): PipelineOverrides => ({ tasks: { [task]: { remove: true } } });
const tasksOf = ({ tasks }: RunPipelineResponse) => tasks.map(({ name }) => name);
const run = (pipelineId: string) => server.ok<RunPipelineResponse>("POST", "/pipeline-tasks", { pipelineId });

test("it is stored as it was given, shown whole when asked, and run as the whole", async () => {
  const site = extending("site", without("two"));
  const first = await server.ok<ApplyResult>("POST", "/apply", { documents: [site] });
  expect(first.documents).toMatchObject([{ kind: "Pipeline", name: "site", action: "CREATED" }]);
  const again = await server.ok<ApplyResult>("POST", "/apply", { documents: [site] });
  expect(again.documents).toMatchObject([{ action: "UNCHANGED" }]);
  expect((await server.ok<Pipeline>("GET", "/pipelines/site")).spec).toEqual(site.spec);
  const whole = {
    isParallel: true,
    with: { WHO: "site" },
    stages: [{ name: "main", tasks: [{ name: "one", job: "work" }] }],
  };
  expect((await server.ok<Pipeline>("GET", "/pipelines/site?resolved=true")).spec).toEqual(whole);
  const started = await run("site");
  expect(tasksOf(started)).toEqual(["one"]);
  const { pipeline: kept } = await server.ok<{ pipeline: PipelineSpec }>(
    "GET",
    `/pipeline-tasks/${started.run.id}/definition`,
  );
  expect(kept).toEqual(whole);
});

test("a template cannot be run itself", async () => {
  expect(await server.refusal("POST", "/pipeline-tasks", { pipelineId: "base" })).toEqual([
    400,
    "TEMPLATE_NOT_RUNNABLE",
  ]);
});

test("what changes in what is extended reaches the next run, and not one that has started", async () => {
  await server.ok("POST", "/apply", { documents: [pipeline("moving", undefined, { isParallel: true })] });
  await server.ok("POST", "/apply", { documents: [extending("follower", {}, "moving")] });
  const before = await run("follower");
  const more = [
    { name: "one", job: "work" },
    { name: "new", job: "work" },
  ];
  await server.ok("POST", "/apply", { documents: [pipeline("moving", more, { isParallel: true })] });
  expect(tasksOf(await run("follower"))).toEqual(["one", "new"]);
  const { pipeline: kept } = await server.ok<{ pipeline: PipelineSpec }>(
    "GET",
    `/pipeline-tasks/${before.run.id}/definition`,
  );
  expect(kept.stages[0]?.tasks).toHaveLength(1);
});

test("documents extend each other in any order, and those of a run go before stored ones", async () => {
  const documents = [
    extending("first", {}, "second"),
    pipeline("second", [{ name: "deep", job: "work" }], { isTemplate: true }),
  ];
  await server.ok("POST", "/apply", { documents });
  expect(tasksOf(await run("first"))).toEqual(["deep"]);
  const overlaid = [
    extending("first", {}, "second"),
    pipeline("second", [{ name: "other", job: "work" }], { isTemplate: true }),
  ];
  const started = await server.ok<RunPipelineResponse>("POST", "/pipeline-tasks", { documents: overlaid });
  expect([started.run.name, ...tasksOf(started)]).toEqual(["first", "other"]);
  const bare = await server.ok<RunPipelineResponse>("POST", "/pipeline-tasks", {
    spec: { extends: "base", overrides: without("one") },
  });
  expect(tasksOf(bare)).toEqual(["two"]);
});

test("secrets that it gives are sealed, masked, and stay when they come back masked", async () => {
  const given = (value: string): PipelineManifest => ({
    kind: "Pipeline",
    metadata: { name: "secretive" },
    spec: {
      extends: "base",
      with: { TOKEN: value },
      overrides: {
        tasks: { one: { runParams: { TOKEN: value } } },
        stages: {
          main: {
            with: { TOKEN: value },
            tasks: [{ name: "own", job: "work", runParams: { TOKEN: value } }],
          },
        },
      },
    },
  });
  await server.ok("POST", "/apply", { documents: [given("hunter2-x")] });
  const stored = await server.store.catalog.findPipeline(scope, "secretive");
  expect(JSON.stringify(stored)).not.toContain("hunter2");
  const shown = await server.ok<Pipeline>("GET", "/pipelines/secretive");
  expect(JSON.stringify(shown.spec).match(/"\*\*\*"/g)).toHaveLength(4);
  const whole = JSON.stringify(await server.ok("GET", "/pipelines/secretive?resolved=true"));
  expect(whole).toContain('"value":"***"');
  const again = await server.ok<ApplyResult>("POST", "/apply", { documents: [given("***")] });
  expect(again.documents).toMatchObject([{ action: "UNCHANGED" }]);
  const other = await server.ok<ApplyResult>("POST", "/apply", { documents: [given("hunter3-x")] });
  expect(other.documents).toMatchObject([{ action: "UPDATED" }]);
});

test("what is wrong is refused with the place where it was written", async () => {
  const documents = [
    extending("bad-task", { tasks: { oen: { timeout: "1m" } } }),
    extending("bad-job", { stages: { main: { tasks: [{ name: "x", job: "nothing" }] } } }),
    extending("bad-base", {}, "nobody"),
  ];
  const places = [
    [
      "/documents/0/spec/overrides/tasks/oen",
      "the pipeline that is extended has no task `oen`; did you mean `one`?",
    ],
    [
      "/documents/1/spec/overrides/stages/main/tasks/0/job",
      expect.stringContaining("there is no PUBLISHED job `nothing`"),
    ],
    [
      "/documents/2/spec/extends",
      "there is no pipeline `nobody@default.default` to extend; apply it first, or correct the name",
    ],
  ];
  const { body } = await server.call<ErrorBody>("POST", "/apply", { documents });
  expect(body.details.map(({ path, message }) => [path, message])).toEqual(places);
  const { problems } = await server.ok<LintResult>("POST", "/lint", { documents });
  expect(problems.map(({ path, message }) => [path, message])).toEqual(places);
});

test("a pipeline whose template is gone says so when it is run and when it is shown", async () => {
  await server.ok("POST", "/apply", {
    documents: [pipeline("short-lived"), extending("orphan", {}, "short-lived")],
  });
  await server.ok("DELETE", "/pipelines/short-lived");
  const { status, body } = await server.call<ErrorBody>("POST", "/pipeline-tasks", { pipelineId: "orphan" });
  expect([status, body.code, body.message]).toEqual([
    404,
    "NOT_FOUND",
    "pipeline `orphan` cannot be put together: there is no pipeline `short-lived@default.default` to extend; apply it first, or correct the name",
  ]);
  expect(await server.refusal("GET", "/pipelines/orphan?resolved=true")).toEqual([404, "NOT_FOUND"]);
  expect((await server.ok<Pipeline>("GET", "/pipelines/orphan")).name).toBe("orphan");
});

test("one of another namespace is extended as far as it and its jobs can be seen", async () => {
  const tasks = [{ name: "one", job: "open" }];
  await server.ok("POST", "/apply", {
    documents: [
      pipeline("shared", tasks, { visibility: "DOMAIN", isTemplate: true }),
      pipeline("private", tasks, { isTemplate: true }),
      pipeline("closed-job", [{ name: "one", job: "work" }], { visibility: "DOMAIN", isTemplate: true }),
    ],
  });
  const elsewhere = (base: string): PipelineManifest => ({
    kind: "Pipeline",
    metadata: { name: `of-${base}`, namespace: "team" },
    spec: { extends: `${base}@default` },
  });
  await server.ok("POST", "/apply", { documents: [elsewhere("shared")] });
  const started = await run("of-shared@team");
  expect([started.run.namespace, started.tasks.map(({ job: { name } }) => name)]).toEqual(["team", ["open"]]);
  const hidden = await server.call<ErrorBody>("POST", "/apply", { documents: [elsewhere("private")] });
  expect(hidden.body.details).toMatchObject([
    {
      path: "/documents/0/spec/extends",
      message:
        "pipeline `private@default.default` cannot be extended from `team.default`; its `visibility` must be `DOMAIN` or `GLOBAL`",
    },
  ]);
  const closed = await server.call<ErrorBody>("POST", "/apply", { documents: [elsewhere("closed-job")] });
  expect(closed.body.details).toMatchObject([
    {
      path: "/documents/0/spec/extends",
      message: expect.stringMatching(
        /^in pipeline `closed-job@default.default` at `\/spec\/stages\/0\/tasks\/0\/job`: job .* its `visibility` must be `DOMAIN` or `GLOBAL`$/,
      ),
    },
  ]);
});
