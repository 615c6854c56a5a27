// Everything by which people reach gates, over a real server: decisions with their source, push back, withdrawal,
// evidence, inbox, the decision record with its proof, the release report.

import type { JobTaskView, PipelineTaskView, RunPipelineResponse } from "@mflow/core/schema/api";
import type { Evidence } from "@mflow/core/schema/evidence";
import type { InboxPage } from "@mflow/core/schema/inbox";
import type { ChainVerdict, DecisionRecordPage, ReleaseReport } from "@mflow/core/schema/release-report";
import { afterAll, beforeAll, expect, test } from "vitest";
import { job, pipeline } from "../testing/manifests.ts";
import { eventually, startTestServer, type TestServer } from "../testing/test-server.ts";

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer();
  const published = { publish: true };
  const envs = { GIT_COMMIT_ID: "0123456789abcdef", GIT_HTTP_URL: "https://gitlab.example.com/a/b.git" };
  const audit = { auditors: ["vera", "@ops"] };
  const confirm = { checkers: ["otto"] };
  const documents = [
    job(
      "build",
      { runnerSpec: { runtimeEnvs: envs, markdownOutput: "# built", log: ["compiling"] } },
      published,
    ),
    job(
      "deploy",
      {
        runParams: [
          { name: "TARGET", usageType: "TEMPLATE", value: "eu" },
          { name: "KEY", sensitive: true },
        ],
        runnerSpec: { log: ["to ${TARGET}", "done"] },
      },
      published,
    ),
    pipeline(
      "release",
      [
        { name: "compile", job: "build" },
        { name: "prod", job: "deploy", audit },
      ],
      {
        isParallel: true,
      },
    ),
    pipeline(
      "checked",
      [
        { name: "compile", job: "build" },
        { name: "look", job: "deploy", confirm },
      ],
      {
        isParallel: true,
      },
    ),
    pipeline("two", [{ name: "prod", job: "deploy", audit: { auditors: ["vera", "otto"], required: 2 } }], {
      isParallel: true,
    }),
  ];
  await server.ok("PUT", "/groups/ops", { members: ["otto"] });
  await server.ok("POST", "/apply", { documents });
});
afterAll(() => server.close());

/** A run by ada whose task of the name waits at its gate. */
async function waiting(pipelineId: string, name: string, runParams: Record<string, string> = {}) {
  const { run } = await server.ok<RunPipelineResponse>("POST", "/pipeline-tasks", { pipelineId, runParams });
  const find = async () => {
    const view = await server.ok<PipelineTaskView>("GET", `/pipeline-tasks/${run.id}`);
    return view.tasks.find((task) => task.name === name) as JobTaskView;
  };
  const task = await eventually(find, (one) => [one.audit?.stage, one.confirm?.stage].includes("WAITING"));
  return { runId: run.id, taskId: task.id, task, again: find };
}

function ended(runId: string) {
  return eventually(
    () => server.ok<PipelineTaskView>("GET", `/pipeline-tasks/${runId}`),
    ({ run }) => run.status.endAt !== undefined,
  );
}

const inboxOf = (as: string, query = "") => server.ok<InboxPage>("GET", `/inbox${query}`, undefined, { as });
const recordsOf = (query: string, as = "ada") =>
  server.ok<DecisionRecordPage>("GET", `/records?${query}`, undefined, { as });

test("a decision is recorded with from where it was made, and so is an attempt that was refused", async () => {
  const { runId, taskId, task } = await waiting("release", "prod");
  const pass = { verdict: "PASS", comment: "go" };
  await server.refusal("POST", `/job-tasks/${taskId}/audit`, pass, { headers: { "user-agent": "curl/8" } });
  const headers = { "user-agent": `mflow-cli/1.2 ${"x".repeat(600)}` };
  await server.ok("POST", `/job-tasks/${taskId}/audit`, pass, { as: "vera", headers });
  await ended(runId);
  const { items } = await recordsOf(`pipelineTaskId=${runId}`);
  const place = {
    seq: expect.any(Number),
    at: expect.any(String),
    previous: expect.stringMatching(/^[0-9a-f]{64}$/),
    hash: expect.stringMatching(/^[0-9a-f]{64}$/),
    domain: "default",
    namespace: "default",
    pipelineTaskId: runId,
    taskId,
    taskName: "prod",
    attempt: 1,
    gate: "AUDIT",
    digest: task.audit?.digest,
  };
  expect(items).toEqual([
    { ...place, act: "OPEN", rule: "1 of vera, @ops must pass" },
    {
      ...place,
      act: "REFUSE",
      user: "ada",
      verdict: "PASS",
      comment: "go",
      code: "NOT_LISTED",
      rule: expect.stringContaining("ada is not listed for the audit of task `prod`"),
      source: { via: "API", address: "127.0.0.1", userAgent: "curl/8" },
    },
    {
      ...place,
      act: "DECIDE",
      user: "vera",
      verdict: "PASS",
      comment: "go",
      rule: "vera is listed; 1 of 1 passed",
      source: { via: "CLI", address: "127.0.0.1", userAgent: headers["user-agent"].slice(0, 512) },
    },
  ]);
});

test("the evidence says what runs, what changed since the last success, and what earlier tasks said", async () => {
  const first = await waiting("release", "prod", { KEY: "hunter1", TARGET: "us" });
  await server.ok(
    "POST",
    `/job-tasks/${first.taskId}/audit`,
    { verdict: "PASS", comment: "as ever" },
    { as: "vera" },
  );
  await ended(first.runId);
  const { runId, taskId, task } = await waiting("release", "prod", { KEY: "hunter2" });
  const evidence = await server.ok<Evidence>("GET", `/job-tasks/${taskId}/evidence`, undefined, {
    as: "vera",
  });
  const before = await server.ok<JobTaskView>("GET", `/job-tasks/${first.taskId}`);
  expect(evidence).toEqual({
    taskId,
    name: "prod",
    stageName: "main",
    attempt: 1,
    stage: "PENDING",
    domain: "default",
    namespace: "default",
    startedBy: "ada",
    run: { id: runId, name: "release" },
    gate: { kind: "AUDIT", ...task.audit, mayDecide: [{ user: "vera" }, { user: "otto" }] },
    content: {
      job: { name: "deploy", version: "v1" },
      params: [
        expect.objectContaining({ name: "TARGET", value: "eu", setBy: "JOB" }),
        expect.objectContaining({ name: "KEY", value: "***", sensitive: true }),
      ],
      spec: { log: ["to eu", "done"] },
    },
    sinceSuccess: {
      taskId: first.taskId,
      pipelineTaskId: first.runId,
      endAt: before.status.endAt,
      startedBy: "ada",
      params: [
        { name: "KEY", change: "CHANGED", before: "***", after: "***", sensitive: true },
        { name: "TARGET", change: "CHANGED", before: "us", after: "eu" },
      ],
    },
    earlierDecisions: [{ taskId: first.taskId, attempt: 1, ...before.audit?.decisions[0] }],
    earlierTasks: [
      {
        taskId: expect.any(String),
        name: "compile",
        stageName: "main",
        stage: "SUCCEEDED",
        runtimeEnvs: {
          GIT_COMMIT_ID: "0123456789abcdef",
          GIT_HTTP_URL: "https://gitlab.example.com/a/b.git",
        },
        markdownOutput: "# built",
      },
    ],
    links: [
      { label: "repository", url: "https://gitlab.example.com/a/b" },
      { label: "commit", url: "https://gitlab.example.com/a/b/-/commit/0123456789abcdef" },
    ],
  });
  expect(await server.refusal("GET", `/job-tasks/${taskId}/evidence?gate=CONFIRM`)).toEqual([
    404,
    "NOT_FOUND",
  ]);
  expect(await server.refusal("GET", `/job-tasks/${taskId}/evidence`, undefined, { as: "tim" })).toEqual([
    404,
    "NOT_FOUND",
  ]);
  await server.ok("POST", `/pipeline-tasks/${runId}/cancel`);
});

test("the evidence of a confirm has the end of the log; a push back runs an earlier task again with feedback", async () => {
  const { runId, taskId, again } = await waiting("checked", "look");
  const { result, log } = await server.ok<Evidence>("GET", `/job-tasks/${taskId}/evidence`);
  expect({ stage: result?.reported.stage, log: log?.map(({ text }) => text) }).toEqual({
    stage: "SUCCEEDED",
    log: ["to eu", "done"],
  });
  const path = `/job-tasks/${taskId}/confirm`;
  const otto = { as: "otto" };
  const back = { verdict: "PUSH_BACK", pushBackTo: "compile", comment: "**red**" };
  expect(await server.refusal("POST", path, { ...back, comment: " " }, otto)).toEqual([
    400,
    "COMMENT_REQUIRED",
  ]);
  expect(await server.refusal("POST", path, { ...back, pushBackTo: "prod" }, otto)).toEqual([
    409,
    "PUSH_BACK_REFUSED",
  ]);
  await server.ok("POST", path, back, otto);
  const second = await eventually(again, (task) => task.attempt === 2 && task.confirm?.stage === "WAITING");
  const view = await server.ok<PipelineTaskView>("GET", `/pipeline-tasks/${runId}`);
  expect(view.tasks.map(({ name, attempt, feedback }) => ({ name, attempt, feedback }))).toEqual([
    { name: "compile", attempt: 2, feedback: "**red**" },
    { name: "look", attempt: 2, feedback: undefined },
  ]);
  const evidence = await server.ok<Evidence>("GET", `/job-tasks/${second.id}/evidence`);
  expect(evidence.earlierDecisions).toMatchObject([
    { taskId, attempt: 1, user: "otto", verdict: "PUSH_BACK", comment: "**red**" },
  ]);
  await server.ok("POST", path, { verdict: "PASS" }, otto);
  expect((await ended(runId)).run.status.stage).toBe("SUCCEEDED");
});

test("a pass is taken back while the gate waits, by who gave it alone", async () => {
  const { runId, taskId } = await waiting("two", "prod");
  const path = `/job-tasks/${taskId}/audit`;
  await server.ok("POST", path, { verdict: "PASS" }, { as: "vera" });
  expect(await server.refusal("POST", `${path}/withdraw`, {}, { as: "otto" })).toEqual([
    409,
    "WITHDRAW_REFUSED",
  ]);
  const task = await server.ok<JobTaskView>("POST", `${path}/withdraw`, { comment: "wait" }, { as: "vera" });
  expect(task.audit?.decisions).toMatchObject([
    { user: "vera", verdict: "PASS", withdrawnAt: expect.any(String) },
  ]);
  expect(
    await server.refusal("POST", `/job-tasks/${taskId}/confirm/withdraw`, undefined, { as: "vera" }),
  ).toEqual([409, "GATE_NOT_OPEN"]);
  const { items } = await recordsOf(`taskId=${taskId}`);
  expect(items.map(({ act, user, code, source }) => [act, user, code, source?.via])).toEqual([
    ["OPEN", undefined, undefined, undefined],
    ["DECIDE", "vera", undefined, "API"],
    ["REFUSE", "otto", "WITHDRAW_REFUSED", "API"],
    ["WITHDRAW", "vera", undefined, "API"],
    ["REFUSE", "vera", "GATE_NOT_OPEN", "API"],
  ]);
  await server.ok("POST", `/pipeline-tasks/${runId}/cancel`);
});

test("the inbox holds what one may decide, oldest first, until one has; an admin sees anybody's", async () => {
  expect(await inboxOf("otto")).toEqual({ items: [] });
  const first = await waiting("two", "prod");
  const second = await waiting("release", "prod");
  const item = {
    name: "prod",
    stageName: "main",
    attempt: 1,
    domain: "default",
    namespace: "default",
    job: { name: "deploy", version: "v1" },
    startedBy: "ada",
    gate: "AUDIT",
    passes: 0,
  };
  const of = ({ runId, taskId, task }: typeof first, required: number) => ({
    ...item,
    taskId,
    pipelineTaskId: runId,
    since: task.audit?.openedAt,
    digest: task.audit?.digest,
    required,
  });
  // Otto is listed by name in the one, by his group in the other.
  expect(await inboxOf("otto")).toEqual({ items: [of(first, 2), of(second, 1)] });
  expect(await inboxOf("ada", "?user=vera")).toEqual({ items: [of(first, 2), of(second, 1)] });
  expect(await inboxOf("ada")).toEqual({ items: [] });
  const page = await inboxOf("otto", "?limit=1");
  expect(page).toEqual({ items: [of(first, 2)], nextCursor: expect.any(String) });
  expect(await inboxOf("otto", `?limit=1&cursor=${encodeURIComponent(page.nextCursor ?? "")}`)).toMatchObject(
    {
      items: [{ taskId: second.taskId }],
    },
  );
  await server.ok("POST", `/job-tasks/${first.taskId}/audit`, { verdict: "PASS" }, { as: "otto" });
  expect((await inboxOf("otto")).items.map(({ taskId }) => taskId)).toEqual([second.taskId]);
  // What is not theirs to decide any more leaves no empty page.
  expect((await inboxOf("otto", "?limit=1")).items.map(({ taskId }) => taskId)).toEqual([second.taskId]);
  expect(await inboxOf("ada", "?limit=1")).toEqual({ items: [] });
  expect((await inboxOf("vera")).items.map(({ passes }) => passes)).toEqual([1, 0]);
  expect(await server.refusal("GET", "/inbox?user=vera", undefined, { as: "otto" })).toEqual([
    403,
    "FORBIDDEN",
  ]);
  expect(await server.refusal("GET", "/inbox?user=nobody")).toEqual([404, "NOT_FOUND"]);

  // Tim may not see the scope; while he stands in for vera he still cannot decide there.
  const until = new Date(Date.now() + 3_600_000).toISOString();
  await server.ok("PATCH", "/users/vera", { away: { until, ask: "tim" } }, { as: "vera" });
  expect(await inboxOf("tim")).toEqual({ items: [] });
  await server.ok("PUT", "/users/tim/grants", { grants: [{ role: "viewer" }] });
  expect((await inboxOf("tim")).items.map(({ taskId, onBehalfOf }) => [taskId, onBehalfOf])).toEqual([
    [first.taskId, "vera"],
    [second.taskId, "vera"],
  ]);
  const { gate } = await server.ok<Evidence>("GET", `/job-tasks/${second.taskId}/evidence`);
  expect(gate?.mayDecide).toEqual([{ user: "vera", standIn: "tim" }, { user: "otto" }]);
  await server.ok("POST", `/job-tasks/${second.taskId}/audit`, { verdict: "PASS" }, { as: "tim" });
  const { items } = await recordsOf(`taskId=${second.taskId}`);
  expect(items.at(-1)).toMatchObject({ act: "DECIDE", user: "tim", onBehalfOf: "vera" });
  await server.ok("PATCH", "/users/vera", { away: null });
  expect(await inboxOf("tim")).toEqual({ items: [] });
  await server.ok("POST", `/pipeline-tasks/${first.runId}/cancel`);
});

test("records are read by those who may see their scope, page by page", async () => {
  const all = await recordsOf("limit=500");
  const seqs = all.items.map(({ seq }) => seq);
  expect(seqs).toEqual(seqs.map((_, index) => index + 1));
  const page = await recordsOf("limit=2");
  expect(page).toEqual({ items: all.items.slice(0, 2), nextAfter: 2 });
  expect(await recordsOf("limit=1&after=2")).toEqual({ items: all.items.slice(2, 3), nextAfter: 3 });
  expect(await recordsOf("namespace=elsewhere")).toEqual({ items: [] });
  await server.ok("PUT", "/users/tim/grants", { grants: [{ role: "viewer", namespace: "team" }] });
  expect(await server.refusal("GET", "/records?namespace=default", undefined, { as: "tim" })).toEqual([
    403,
    "FORBIDDEN",
  ]);
  expect(await recordsOf("", "tim")).toEqual({ items: [] });
});

test("whoever has a token proves the record whole; against a noted hash too", async () => {
  const verify = (query = "", as = "tim") =>
    server.ok<ChainVerdict>("GET", `/records/verify${query}`, undefined, { as });
  const { items } = await recordsOf("limit=500");
  const last = items.at(-1);
  const third = items[2];
  const whole = { ok: true, rows: items.length, lastSeq: last?.seq, lastHash: last?.hash };
  expect(await Promise.all([verify(), verify()])).toEqual([whole, whole]);
  expect(await verify(`?seq=3&hash=${third?.hash}`)).toEqual(whole);
  expect(await verify(`?seq=3&hash=${"0".repeat(64)}`)).toMatchObject({ ok: false, bad: { seq: 3 } });
  expect(await server.refusal("GET", "/records/verify?seq=3")).toEqual([400, "BAD_REQUEST"]);
  expect(await server.refusal("GET", "/records/verify", undefined, { as: null })).toEqual([
    401,
    "UNAUTHORIZED",
  ]);
});

test("the release report of a run says who released what, in JSON and as markdown", async () => {
  const { runId, taskId } = await waiting("release", "prod", { KEY: "hunter2" });
  await server.ok("POST", `/job-tasks/${taskId}/audit`, { verdict: "PASS", comment: "go" }, { as: "vera" });
  await ended(runId);
  const report = await server.ok<ReleaseReport>("GET", `/pipeline-tasks/${runId}/record`, undefined, {
    as: "vera",
  });
  const { items } = await recordsOf(`pipelineTaskId=${runId}`);
  expect(report.run).toMatchObject({
    id: runId,
    pipeline: "release",
    stage: "SUCCEEDED",
    runBy: "ada",
    params: [{ name: "KEY", value: "***" }],
  });
  expect(
    report.tasks.map(({ name, gates }) => [name, gates.map(({ stage, records }) => [stage, records])]),
  ).toEqual([
    ["compile", []],
    ["prod", [["PASS", items]]],
  ]);
  expect(report.proof).toEqual({
    firstSeq: items[0]?.seq,
    previous: items[0]?.previous,
    lastSeq: items.at(-1)?.seq,
    hash: items.at(-1)?.hash,
    ok: true,
  });
  const asked = await server.call<string>("GET", `/pipeline-tasks/${runId}/record?format=md`);
  const accepted = await server.call<string>("GET", `/pipeline-tasks/${runId}/record`, undefined, {
    headers: { accept: "text/markdown" },
  });
  for (const { headers, body } of [asked, accepted]) {
    expect(headers.get("content-type")).toBe("text/markdown; charset=utf-8");
    expect(body).toMatch(/^# Release report: release\n/);
    expect(body).toContain(`mflow record verify --expect ${items.at(-1)?.seq}:${items.at(-1)?.hash}`);
    expect(body).not.toContain("hunter2");
  }
  expect(await server.refusal("GET", `/pipeline-tasks/${runId}/record`, undefined, { as: "tim" })).toEqual([
    404,
    "NOT_FOUND",
  ]);
});
