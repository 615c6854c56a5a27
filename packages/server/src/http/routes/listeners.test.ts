// Listeners in the documents and requests of the API: what is refused, and that no secret of theirs gets out.

import type { ErrorBody, LintResult, RunJobResponse, RunPipelineResponse } from "@mflow/core/schema/api";
import type { Listeners } from "@mflow/core/schema/listener";
import type { Pipeline } from "@mflow/core/schema/pipeline";
import type { RunDefinition } from "@mflow/core/schema/pipeline-task";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { job, pipeline } from "../testing/manifests.ts";
import { startTestServer, type TestServer } from "../testing/test-server.ts";

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer();
  await server.ok("POST", "/jobs", job("work", {}, { publish: true }));
});
afterAll(() => server.close());

// Nothing is sent there: the port is closed, and only the events of failures are asked for.
const url = "http://127.0.0.1:9/hook";
const quiet = { events: ["FAILED"] };
const SECRETS = ["first-s3cret", "second-s3cret", "key-s3cret", "robot-s3cret"];
const secret = (change: (text: string) => string = (text) => text): Listeners => ({
  imRobots: [{ url, kind: "FEISHU", secret: change("robot-s3cret"), ...quiet }],
  webhooks: [
    {
      ...{ url, ...quiet, headers: { "X-Key": change("key-s3cret") } },
      ...{ secret: change("first-s3cret"), previousSecret: change("second-s3cret") },
    },
  ],
});
const masked = secret(() => "***");

/** Places of the problems of a refused call. */
async function refusedPlaces(path: string, body: unknown): Promise<string[]> {
  const answer = await server.call<ErrorBody>("POST", path, body);
  expect([answer.status, answer.body.code]).toEqual([400, "INVALID_DOCUMENT"]);
  return answer.body.details.map((detail) => detail.path);
}

test("a target in the server's own network is warned of unless the server may send there", async () => {
  const hosts = ["127.0.0.1", "localhost", "[::1]", "10.0.0.7"];
  const webhooks = hosts.map((host) => ({ url: `http://${host}:9/hook`, ...quiet }));
  const documents = [pipeline("near", [{ name: "one", job: "work", webhooks }])];
  const { problems } = await server.ok<LintResult>("POST", "/lint", { documents });
  expect(
    problems.map(({ path, message }) => [path.at(-5), /--allow-target [^`]+/.exec(message)?.[0]]),
  ).toEqual([
    ["2", "--allow-target ::1"],
    ["3", "--allow-target 10.0.0.7"],
  ]);
});

describe("the secrets of a pipeline's listeners", () => {
  const withSecrets = (name: string, listeners: Listeners) =>
    pipeline(name, [{ name: "one", job: "work", ...listeners }], listeners);

  test("are sealed in the store and `***` in answers, which can be applied again", async () => {
    const created = await server.ok<Pipeline>("POST", "/pipelines", withSecrets("told", secret()));
    expect(created.spec).toEqual(withSecrets("told", masked).spec);
    const stored = JSON.stringify(await server.store.catalog.pipeline(created.id));
    expect(SECRETS.filter((text) => stored.includes(text))).toEqual([]);
    const document = { ...withSecrets("told", masked), spec: created.spec };
    const again = await server.ok("POST", "/apply", { documents: [document] });
    expect(again.documents).toMatchObject([{ name: "told", action: "UNCHANGED" }]);
    const more = { ...document, spec: { ...created.spec, mentionUsers: [{ users: ["ada"], ...quiet }] } };
    const changed = await server.ok<Pipeline>("PUT", "/pipelines/told", more);
    expect(changed.spec.webhooks).toEqual(masked.webhooks);
    const now = await server.store.catalog.pipeline(created.id);
    const opened = now?.spec.webhooks?.map((webhook) => server.keys.unseal(webhook.secret ?? ""));
    expect(opened).toEqual(["first-s3cret"]);
  });

  test("are not sent to another target", async () => {
    await server.ok("POST", "/pipelines", withSecrets("moved", secret()));
    const webhooks = [{ ...masked.webhooks?.[0], url: "http://127.0.0.1:9/mine" }];
    const moved = pipeline("moved", [{ name: "one", job: "work" }], { webhooks });
    expect(await refusedPlaces("/apply", { documents: [moved] })).toEqual([
      "/documents/0/spec/webhooks/0/secret",
      "/documents/0/spec/webhooks/0/previousSecret",
      "/documents/0/spec/webhooks/0/headers/X-Key",
    ]);
  });
});

describe("the listeners of a run request", () => {
  test("join the run, their secrets sealed, and those of a lone task are the task's", async () => {
    await server.ok("POST", "/pipelines", pipeline("joined"));
    const request = { pipelineId: "joined", ...secret() };
    const { run } = await server.ok<RunPipelineResponse>("POST", "/pipeline-tasks", request);
    const shown = await server.ok<RunDefinition>("GET", `/pipeline-tasks/${run.id}/definition`);
    expect(shown.listeners).toEqual(masked);
    const { task } = await server.ok<RunJobResponse>("POST", "/job-tasks", { job: "work", ...secret() });
    const definitions = [
      await server.store.runs.definition(run.id),
      await server.store.runs.definition(task.id),
    ];
    const stored = JSON.stringify(definitions);
    expect(SECRETS.filter((text) => stored.includes(text))).toEqual([]);
    const robots = definitions.map(
      (definition) => (definition?.listeners ?? definition?.task)?.imRobots?.[0],
    );
    expect(robots.map((robot) => server.keys.unseal(robot?.secret ?? ""))).toEqual([
      "robot-s3cret",
      "robot-s3cret",
    ]);
  });

  test("do not show in a dry run", async () => {
    const dry = await server.ok("POST", "/job-tasks", { job: "work", dryRun: true, ...secret() });
    const shown = JSON.stringify(dry);
    expect(SECRETS.filter((text) => shown.includes(text))).toEqual([]);
  });

  test("are refused with every place that makes no sense", async () => {
    await server.ok("POST", "/pipelines", pipeline("refused"));
    const listeners: Listeners = {
      mentionUsers: [{ users: ["nobody", "@none", "ada", "@everyone"] }],
      imRobots: [{ url: "https://hooks.slack.com/x", template: { title: "{{tsak.name}}" } }],
      webhooks: [{ url: "nowhere" }, { channel: "none" }],
    };
    const places = [
      "/mentionUsers/0/users/0",
      "/mentionUsers/0/users/1",
      "/imRobots/0/template/title",
      "/webhooks/0/url",
      "/webhooks/1/channel",
    ];
    expect(await refusedPlaces("/job-tasks", { job: "work", ...listeners })).toEqual(places);
    expect(await refusedPlaces("/pipeline-tasks", { pipelineId: "refused", ...listeners })).toEqual(places);
    const scoped = { pipelineId: "refused", webhooks: [{ url, scope: { task: "two" } }] };
    expect(await refusedPlaces("/pipeline-tasks", scoped)).toEqual(["/webhooks/0/scope"]);
    const { spec } = pipeline("bare", undefined, { webhooks: [{ url: "nowhere" }] });
    const bare = { spec, ...listeners };
    expect(await refusedPlaces("/pipeline-tasks", bare)).toEqual(["/spec/webhooks/0/url"]);
    const documents = [job("work", {}, { publish: true })];
    expect(await refusedPlaces("/pipeline-tasks", { ...bare, documents })).toEqual([
      "/spec/webhooks/0/url",
      ...places,
    ]);
  });
});

describe("people and channels of listeners", () => {
  const unknown = pipeline("unknown", undefined, {
    mentionUsers: [{ users: ["otot"], ...quiet }],
    webhooks: [{ channel: "none", ...quiet }],
  });

  test("are those of the server", async () => {
    const { problems } = await server.ok<LintResult>("POST", "/lint", { documents: [unknown] });
    expect(problems.map(({ path, message }) => [path, message])).toEqual([
      ["/documents/0/spec/mentionUsers/0/users/0", "there is no user `otot`; did you mean `otto`?"],
      [
        "/documents/0/spec/webhooks/0/channel",
        "the server has no channel `none`; add it first (`mflow channel`), or correct the name",
      ],
    ]);
  });

  test("anybody may be named while there are no users", async () => {
    const local = await startTestServer({ isLocal: true });
    try {
      await local.ok("POST", "/jobs", job("work", {}, { publish: true }), { as: "local" });
      const { problems } = await local.ok<LintResult>(
        "POST",
        "/lint",
        { documents: [unknown] },
        { as: "local" },
      );
      expect(problems.map(({ path }) => path)).toEqual(["/documents/0/spec/webhooks/0/channel"]);
    } finally {
      await local.close();
    }
  });
});
