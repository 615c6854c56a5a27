// Reruns and rollbacks over the API: what they answer, what they refuse, and that a request that comes twice makes one.

import type {
  ErrorBody,
  LogPage,
  PipelineTaskView,
  RunJobResponse,
  RunPipelineResponse,
} from "@mflow/core/schema/api";
import type { RunParam } from "@mflow/core/schema/param";
import { afterAll, beforeAll, expect, test } from "vitest";
import { endlessJob, job, pipeline } from "../testing/manifests.ts";
import { eventually, startTestServer, type TestServer } from "../testing/test-server.ts";

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer();
  const ends: RunParam[] = [
    { name: "ENDS", value: "SUCCEEDED", usageType: "TEMPLATE" },
    { name: "SECRET", sensitive: true },
  ];
  const work = { runParams: ends, runnerSpec: { outcome: "${ENDS}", log: ["a line"] } };
  const two = [
    { name: "one", job: "fine" },
    { name: "two", job: "work" },
  ];
  await server.ok("POST", "/apply", {
    documents: [
      job("fine", { runnerSpec: { log: ["made it"], runtimeEnvs: { OUT: "1" } } }, { publish: true }),
      job("work", work, { publish: true }),
      job("old", work, { publish: true }),
      job("deploy", { ...work, allowRollback: true, rollbackParams: ends }, { publish: true }),
      endlessJob("endless"),
      pipeline("two", two, { isParallel: true }),
      pipeline("serial", two),
      pipeline(
        "aging",
        [
          { name: "one", job: "fine" },
          { name: "two", job: "old" },
        ],
        { isParallel: true },
      ),
      pipeline("slow", [{ name: "one", job: "endless" }], { isParallel: true }),
      pipeline("deploys", [
        { name: "one", job: "fine" },
        { name: "two", job: "deploy" },
      ]),
    ],
  });
});
afterAll(() => server.close());

function ended(id: string) {
  return eventually(
    () => server.ok<PipelineTaskView>("GET", `/pipeline-tasks/${id}`),
    ({ run }) => ["SUCCEEDED", "FAILED", "CANCELED"].includes(run.status.stage),
  );
}

async function runOf(pipelineId: string, runParams: Record<string, string> = {}): Promise<PipelineTaskView> {
  const { run } = await server.ok<RunPipelineResponse>("POST", "/pipeline-tasks", { pipelineId, runParams });
  return ended(run.id);
}

const rerun = (id: string, body?: unknown, headers: Record<string, string> = {}, as = "ada") =>
  server.call<RunPipelineResponse>("POST", `/pipeline-tasks/${id}/rerun`, body, { headers, as });

const FAILING = { ENDS: "FAILED", SECRET: "hunter2" };

test("a rerun keeps what succeeded, with its log, and both runs show each other", async () => {
  const old = await runOf("two", FAILING);
  const answer = await rerun(old.run.id, { runParams: { ENDS: "SUCCEEDED", SECRET: "***" } });
  expect(answer.status).toBe(201);
  expect(answer.body.again).toEqual([
    { name: "one", stageName: "main", does: "KEEP", why: "it succeeded" },
    { name: "two", stageName: "main", does: "RUN", why: "it failed" },
  ]);
  const view = await ended(answer.body.run.id);
  expect(view.run).toMatchObject({
    status: { stage: "SUCCEEDED" },
    rerunOf: { runId: old.run.id, mode: "FAILED" },
  });
  const [kept, again] = view.tasks;
  const origin = { runId: old.run.id, taskId: old.tasks[0]?.id };
  expect(kept).toMatchObject({ keptFrom: origin, status: old.tasks[0]?.status });
  expect(again).toMatchObject({
    status: { stage: "SUCCEEDED" },
    params: [{ value: "SUCCEEDED" }, { value: "***" }],
  });
  const log = await server.ok<LogPage>("GET", `/job-tasks/${kept?.id}/logs`);
  expect([log.keptFrom, log.lines.map(({ text }) => text)]).toEqual([origin, ["made it"]]);
  const text = await server.ok<string>("GET", `/job-tasks/${kept?.id}/logs.txt`);
  expect(text).toContain("made it");
  const shown = await server.ok<PipelineTaskView>("GET", `/pipeline-tasks/${old.run.id}`);
  expect(shown.again).toMatchObject([{ id: view.run.id, mode: "RUN", stage: "SUCCEEDED", runBy: "ada" }]);
  const listed = await server.ok<{ items: { id: string }[] }>("GET", `/pipeline-tasks?of=${old.run.id}`);
  expect(listed.items.map(({ id }) => id)).toEqual([view.run.id]);
  expect(JSON.stringify([answer.body, view])).not.toMatch(/hunter2|sealed:/);
});

test("a dry run says what is kept and why, renders it, and stores nothing", async () => {
  const old = await runOf("two", FAILING);
  const { status, body } = await rerun(old.run.id, { dryRun: true, runParams: { ENDS: "SUCCEEDED" } });
  expect(status).toBe(200);
  expect(body.again?.map(({ does }) => does)).toEqual(["KEEP", "RUN"]);
  expect(body.rendered).toMatchObject([
    { name: "one", kept: true },
    { name: "two", spec: { outcome: "SUCCEEDED" } },
  ]);
  expect(await server.refusal("GET", `/pipeline-tasks/${body.run.id}`)).toEqual([404, "NOT_FOUND"]);
  expect(JSON.stringify(body)).not.toMatch(/hunter2|sealed:/);
});

test.each(["two", "serial"])("the same rerun of %s many times at one moment makes one run", async (name) => {
  const old = await runOf(name, FAILING);
  const headers = { "idempotency-key": `again-${name}` };
  const answers = await Promise.all(Array.from({ length: 8 }, () => rerun(old.run.id, {}, headers)));
  expect(answers.map(({ status }) => status).sort()).toEqual([...Array(7).fill(200), 201]);
  expect(new Set(answers.map(({ body }) => body.run.id)).size).toBe(1);
  await ended(answers[0]?.body.run.id ?? "");
  expect(
    await server.refusal("POST", `/pipeline-tasks/${old.run.id}/rerun`, { mode: "ALL" }, { headers }),
  ).toEqual([409, "IDEMPOTENCY_CONFLICT"]);
});

test("a lone task that is run again many times at one moment with one key gets one attempt", async () => {
  const first = await server.ok<RunJobResponse>("POST", "/job-tasks", { job: "work" });
  const { id } = first.task;
  const isEnded = ({ status }: { status: { stage: string } }) => status.stage === "SUCCEEDED";
  await eventually(() => server.ok<RunJobResponse["task"]>("GET", `/job-tasks/${id}`), isEnded);
  const headers = { "idempotency-key": "once" };
  const answers = await Promise.all(
    Array.from({ length: 8 }, () => server.call<RunJobResponse>("POST", "/job-tasks", { id }, { headers })),
  );
  expect(answers.map(({ status }) => status).sort()).toEqual([...Array(7).fill(200), 201]);
  const task = await eventually(() => server.ok<RunJobResponse["task"]>("GET", `/job-tasks/${id}`), isEnded);
  expect([task.attempt, task.pastAttempts?.length]).toEqual([2, 1]);
});

test("what cannot run again is refused with what to do instead", async () => {
  const fine = await runOf("two");
  const path = `/pipeline-tasks/${fine.run.id}/rerun`;
  expect(await server.refusal("POST", path, { mode: "FAILED" })).toEqual([409, "NOTHING_TO_RUN_AGAIN"]);
  expect(await server.refusal("POST", path, { from: "none" })).toEqual([400, "BAD_REQUEST"]);
  expect(await server.refusal("POST", path, { mode: "SOME" })).toEqual([400, "INVALID_DOCUMENT"]);
  expect(await server.refusal("POST", path, {}, { as: "vera" })).toEqual([403, "FORBIDDEN"]);
  expect(await server.refusal("POST", path, {}, { as: "tim" })).toEqual([404, "NOT_FOUND"]);
  expect(await server.refusal("POST", `/pipeline-tasks/run-${"0".repeat(26)}/rerun`, {})).toEqual([
    404,
    "NOT_FOUND",
  ]);
  const { run } = await server.ok<RunPipelineResponse>("POST", "/pipeline-tasks", { pipelineId: "slow" });
  expect(await server.refusal("POST", `/pipeline-tasks/${run.id}/rerun`)).toEqual([409, "RUN_NOT_ENDED"]);
  await server.ok("POST", `/pipeline-tasks/${run.id}/cancel`);
  await ended(run.id);
});

test("a job that was deprecated since starts no rerun, but keeps what it did", async () => {
  const old = await runOf("aging", FAILING);
  const fine = await runOf("aging");
  await server.ok("POST", "/jobs/old:v1/deprecate");
  const refused = (await rerun(old.run.id)) as unknown as { status: number; body: ErrorBody };
  expect([refused.status, refused.body.code, refused.body.message]).toEqual([
    409,
    "JOB_NOT_RUNNABLE",
    "job `old:v1` of `two` is DEPRECATED, and starts no new run; name a version that is PUBLISHED in the pipeline, and run that",
  ]);
  expect(await server.refusal("POST", `/pipeline-tasks/${old.run.id}/rerun`, { dryRun: true })).toEqual([
    409,
    "JOB_NOT_RUNNABLE",
  ]);
  expect(await server.refusal("POST", `/pipeline-tasks/${fine.run.id}/rerun`, { from: "two" })).toEqual([
    409,
    "JOB_NOT_RUNNABLE",
  ]);
});

test("a rollback brings a task back to its last success, and says where each value comes from", async () => {
  const good = await runOf("deploys", { ENDS: "SUCCEEDED", SECRET: "hunter2-good" });
  const bad = await runOf("deploys", { ENDS: "FAILED", SECRET: "hunter2-bad" });
  const path = `/pipeline-tasks/${bad.run.id}/rollback`;
  const dry = await server.call<RunPipelineResponse>("POST", path, { dryRun: true });
  expect([dry.status, dry.body.again]).toEqual([
    200,
    [
      {
        name: "one",
        stageName: "main",
        does: "SKIP",
        why: "NO_ROLLBACK: job `fine:v1` does not allow rollbacks (`allowRollback`)",
      },
      {
        name: "two",
        stageName: "main",
        does: "RUN",
        why: `back to ${good.tasks[1]?.id} of run ${good.run.id}`,
      },
    ],
  ]);
  expect(dry.body.rendered?.[1]?.params).toEqual([
    { name: "ENDS", value: "SUCCEEDED", setBy: "LAST_SUCCESS" },
    { name: "SECRET", value: "***", setBy: "LAST_SUCCESS" },
  ]);
  const made = await server.call<RunPipelineResponse>("POST", path);
  expect(made.status).toBe(201);
  const view = await ended(made.body.run.id);
  expect(view.run).toMatchObject({
    mode: "ROLLBACK",
    rollbackOf: bad.run.id,
    status: { stage: "SUCCEEDED" },
  });
  expect(view.tasks.map(({ status }) => status.stage)).toEqual(["SKIPPED", "SUCCEEDED"]);
  expect(JSON.stringify([dry.body, made.body, view])).not.toMatch(/hunter2|sealed:/);
  const shown = await server.ok<PipelineTaskView>("GET", `/pipeline-tasks/${bad.run.id}`);
  expect(shown.again).toMatchObject([{ id: view.run.id, mode: "ROLLBACK" }]);
  expect(await server.refusal("POST", `/pipeline-tasks/${good.run.id}/rollback`)).toEqual([
    409,
    "NOTHING_TO_ROLL_BACK",
  ]);
});

test("a rollback of a rerun goes back beyond what the rerun kept", async () => {
  const tasks = [
    { name: "two", job: "deploy" },
    { name: "last", job: "work" },
  ];
  await server.ok("POST", "/apply", { documents: [pipeline("chain", tasks)] });
  const good = await runOf("chain", { SECRET: "1" });
  const scoped = [{ name: "ENDS", value: "FAILED", scope: { task: "last" } }];
  const { run } = await server.ok<RunPipelineResponse>("POST", "/pipeline-tasks", {
    pipelineId: "chain",
    runParams: scoped,
  });
  const bad = await ended(run.id);
  const again = await ended((await rerun(bad.run.id)).body.run.id);
  expect(again.tasks[0]?.keptFrom?.runId).toBe(bad.run.id);
  const path = `/pipeline-tasks/${again.run.id}/rollback`;
  const { body } = await server.call<RunPipelineResponse>("POST", path, { dryRun: true });
  expect(body.again?.[0]?.why).toBe(`back to ${good.tasks[0]?.id} of run ${good.run.id}`);
});
