// Pipelines that start others and tasks that wait for status calls, through real HTTP: rights, secrets, deleting.

import type { ApplyResult, LintResult } from "@mflow/core/schema/api";
import type { StatusCall } from "@mflow/core/schema/chain";
import type { HistoryEvent } from "@mflow/core/schema/event";
import type { JobTask } from "@mflow/core/schema/job-task";
import type { Pipeline } from "@mflow/core/schema/pipeline";
import type { PipelineTask } from "@mflow/core/schema/pipeline-task";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { startTestServer, type TestServer } from "../testing/test-server.ts";

let server: TestServer;
beforeEach(async () => {
  server = await startTestServer();
});
afterEach(() => server.close());

interface RunView {
  run: PipelineTask;
  tasks: JobTask[];
}

const pipeline = (name: string, job: string, spec: object = {}, namespace = "default") => ({
  kind: "Pipeline",
  metadata: { name, namespace },
  spec: { isParallel: true, stages: [{ name: "s", tasks: [{ name: "t", job }] }], ...spec },
});

const job = (name: string, spec: object, namespace = "default") => ({
  kind: "Job",
  metadata: { name, namespace },
  publish: true,
  spec: { visibility: "GLOBAL", ...spec },
});

const runsPipeline = (name: string, reference: string, namespace = "default") =>
  job(name, { runnerType: "PIPELINE", runnerSpec: { pipeline: reference } }, namespace);

async function apply(...documents: object[]): Promise<void> {
  await server.ok("POST", "/apply", { documents });
}

async function run(pipelineId: string, as = "ada", body: object = {}): Promise<string> {
  const { run: made } = await server.ok<RunView>("POST", "/pipeline-tasks", { pipelineId, ...body }, { as });
  return made.id;
}

function viewOf(id: string): Promise<RunView> {
  return server.ok<RunView>("GET", `/pipeline-tasks/${id}`);
}

async function ended(id: string): Promise<RunView> {
  await expect
    .poll(async () => (await viewOf(id)).run.status.stage, { timeout: 10_000 })
    .toMatch(/SUCCEEDED|FAILED|CANCELED/);
  return viewOf(id);
}

/** The status of the only task of a run, once it is as wanted. */
async function taskOnce(runId: string, isIt: (task: JobTask) => boolean): Promise<JobTask> {
  await expect.poll(async () => (await viewOf(runId)).tasks.every(isIt), { timeout: 10_000 }).toBe(true);
  return (await viewOf(runId)).tasks[0] as JobTask;
}

async function nextOf(runId: string) {
  const isKnown = async () => {
    const { next } = (await viewOf(runId)).run.status;
    return next?.runId !== undefined || next?.code !== undefined;
  };
  await expect.poll(isKnown, { timeout: 10_000 }).toBe(true);
  return (await viewOf(runId)).run.status.next;
}

const NOOP = job("noop", { runnerType: "FAKE", runnerSpec: {} });

describe("rights of runs that others start", () => {
  beforeEach(() => apply(NOOP));

  test("are those of who started the run above, in the scope of the pipeline", async () => {
    await apply(
      pipeline("hidden", "noop@default", {}, "prod"),
      runsPipeline("up", "hidden@prod", "team"),
      pipeline("whole", "up", {}, "team"),
    );
    await server.accounts.setGrants("otto", [
      { role: "operator", domain: "default", namespace: "team" },
      { role: "viewer", domain: "default", namespace: "prod" },
    ]);
    const sentences: (string | undefined)[] = [];
    for (const user of ["tim", "otto", "ada"]) {
      const { tasks } = await ended(await run("whole@team", user));
      sentences.push(tasks[0]?.status.message);
    }
    expect(sentences).toEqual([
      "there is no pipeline `hidden@prod`",
      "otto, who started the run, needs the role operator in namespace prod of domain default to run `hidden@prod`",
      undefined,
    ]);
  });

  test("count for what follows too, and the run is in the name of who started the first one", async () => {
    await apply(
      pipeline("hidden", "noop@default", {}, "prod"),
      pipeline("first", "noop@default", { nextPipeline: { pipeline: "hidden@prod" } }, "team"),
    );
    const refused = await run("first@team", "tim");
    await ended(refused);
    expect(await nextOf(refused)).toEqual({
      pipeline: "hidden@prod",
      code: "NOT_FOUND",
      message: "there is no pipeline `hidden@prod`",
    });
    const started = await run("first@team", "ada");
    const { runId = "" } = (await nextOf(started)) ?? {};
    const { run: next } = await viewOf(runId);
    expect(next).toMatchObject({
      namespace: "prod",
      runBy: "ada",
      triggerMode: "PIPELINE",
      previous: { runId: started },
      chain: ["first@team.default"],
    });
  });
});

describe("a task that runs another pipeline", () => {
  test("hands secrets both ways without showing them", async () => {
    const secret = { name: "TOKEN", sensitive: true, usageType: "TEMPLATE" };
    await apply(
      job("use", {
        runnerType: "FAKE",
        runParams: [{ name: "LOGIN", usageType: "TEMPLATE" }],
        runnerSpec: { runtimeEnvs: { BACK: "again ${LOGIN}" } },
      }),
      pipeline("child", "use"),
      job("call", {
        runnerType: "PIPELINE",
        runParams: [secret],
        runnerSpec: { pipeline: "child", runParams: { LOGIN: "bot:${TOKEN}" } },
      }),
      pipeline("whole", "call"),
    );
    const id = await run("whole", "ada", { runParams: { TOKEN: "hunter22" } });
    const { tasks } = await ended(id);
    const childId = tasks[0]?.status.child?.runId ?? "";
    const child = await viewOf(childId);
    expect(tasks[0]?.status).toMatchObject({ stage: "SUCCEEDED", runtimeEnvs: { BACK: "***" } });
    expect(child.tasks[0]?.params).toMatchObject([{ name: "LOGIN", value: "***", sensitive: true }]);
    const stored = [await server.store.runs.load(id), await server.store.runs.load(childId)];
    expect(JSON.stringify(stored)).not.toContain("hunter22");
  });

  test("waits for gates in it, and says which run it waits for", async () => {
    const gated = pipeline("child", "noop");
    Object.assign(gated.spec.stages[0]?.tasks[0] as object, { audit: { auditors: ["otto"] } });
    await apply(NOOP, gated, runsPipeline("call", "child"), pipeline("whole", "call"));
    const id = await run("whole");
    const task = (await taskOnce(id, ({ status }) => status.stage === "ACTIVE")) as JobTask & {
      waitingFor: string;
    };
    const childId = task.status.child?.runId ?? "";
    expect(task.waitingFor).toBe(`waits for run ${childId}`);
    const [inner] = (await viewOf(childId)).tasks;
    await server.ok("POST", `/job-tasks/${inner?.id}/audit`, { verdict: "PASS" }, { as: "otto" });
    expect((await ended(id)).run.status.stage).toBe("SUCCEEDED");
  });

  test("is refused what would run itself, also over what follows a run", async () => {
    // Applied one by one: together `lint` refuses them.
    await apply(NOOP, pipeline("a", "noop"), runsPipeline("call-a", "a"), pipeline("b", "call-a"));
    const [status, code] = await server.refusal("POST", "/apply", {
      documents: [runsPipeline("call-b", "b"), pipeline("a", "call-b")],
    });
    expect([status, code]).toEqual([400, "INVALID_DOCUMENT"]);
    const which = { name: "WHICH", usageType: "TEMPLATE", required: true };
    const any = { runnerType: "PIPELINE", runParams: [which], runnerSpec: { pipeline: "${WHICH}" } };
    await apply(job("call-any", any), pipeline("c", "call-any"));
    const { tasks } = await ended(await run("c", "ada", { runParams: { WHICH: "c" } }));
    expect(tasks[0]?.status).toEqual({
      stage: "FAILED",
      reason: "START_ERROR",
      message:
        "pipeline `c@default.default` would start itself again: c@default.default -> c@default.default",
    });
  });
});

describe("a run that another one waits for", () => {
  const LONG = job("long", { runnerType: "FAKE", runnerSpec: { outcome: "NONE" } });

  test("is canceled when an operator says how the task ended", async () => {
    await apply(LONG, pipeline("child", "long"), runsPipeline("call", "child"), pipeline("whole", "call"));
    const id = await run("whole");
    const task = await taskOnce(id, ({ status }) => status.stage === "ACTIVE");
    const forced = { stage: "SUCCEEDED", forceUpdateStatus: true };
    await server.ok("POST", `/job-tasks/${task.id}/status`, forced, { as: "otto" });
    expect((await ended(id)).run.status.stage).toBe("SUCCEEDED");
    expect((await ended(task.status.child?.runId ?? "")).run.status).toMatchObject({
      stage: "CANCELED",
      message: `task \`t\` (${task.id}), whose work this run is, was canceled`,
    });
  });

  test("may be that of a task that runs alone", async () => {
    await apply(NOOP, pipeline("child", "noop"), runsPipeline("call", "child"));
    const { task } = await server.ok<{ task: JobTask }>("POST", "/job-tasks", { job: "call" });
    const stage = async () => (await server.ok<JobTask>("GET", `/job-tasks/${task.id}`)).status.stage;
    await expect.poll(stage, { timeout: 10_000 }).toBe("SUCCEEDED");
    const { run: child } = await viewOf(task.status.child?.runId ?? "");
    expect([child.parent, child.chain]).toEqual([{ taskId: task.id, attempt: 1 }, undefined]);
  });

  test("is found among the documents of the request, which nobody is shown", async () => {
    const documents = [
      NOOP,
      pipeline("child", "noop"),
      runsPipeline("call", "child"),
      pipeline("whole", "call"),
    ];
    const id = await run("whole", "ada", { documents });
    expect((await ended(id)).run.status.stage).toBe("SUCCEEDED");
    const definition = await server.ok("GET", `/pipeline-tasks/${id}/definition`);
    expect(definition.documents).toBe("***");
  });

  test("cannot be deleted before that knows how it ended", async () => {
    await apply(NOOP, pipeline("child", "noop"), runsPipeline("call", "child"), pipeline("whole", "call"));
    const id = await run("whole");
    const { tasks } = await ended(id);
    const childId = tasks[0]?.status.child?.runId ?? "";
    await server.ok("DELETE", `/pipeline-tasks/${childId}`);
    expect((await viewOf(id)).run.status.stage).toBe("SUCCEEDED");
  });
});

describe("the status call of a task", () => {
  const WAIT = job("wait", { runnerType: "MANUAL", runnerSpec: { message: "the ticket is closed" } });

  test("is given to operators, and the history says to whom", async () => {
    await apply(WAIT, pipeline("release", "wait"));
    const id = await run("release");
    const task = await taskOnce(id, ({ status }) => status.stage === "ACTIVE");
    const at = `/job-tasks/${task.id}/status-call`;
    expect(await server.refusal("POST", at, undefined, { as: "vera" })).toEqual([403, "FORBIDDEN"]);
    const call = await server.ok<StatusCall>("POST", at, undefined, { as: "otto" });
    const token = server.keys.updateToken(task.id, 1);
    const statusUrl = `http://127.0.0.1/api/v1/job-tasks/${task.id}/status`;
    expect(call).toEqual({
      taskId: task.id,
      attempt: 1,
      statusUrl,
      outputUrl: `http://127.0.0.1/api/v1/job-tasks/${task.id}/output`,
      updateToken: token,
      curl: `curl --fail-with-body -sS -H 'Authorization: Bearer ${token}' -H 'Content-Type: application/json' -d '{"stage":"SUCCEEDED"}' '${statusUrl}'`,
    });
    const events: HistoryEvent[] = await server.store.history.list({ after: 0, limit: 100, taskId: task.id });
    const given = events.filter(({ type }) => type === "STATUS_CALL_GIVEN");
    expect(given.map(({ actor, attempt }) => [actor, attempt])).toEqual([["otto", 1]]);
    expect(JSON.stringify(given)).not.toContain(token);
    await server.ok("POST", `/job-tasks/${task.id}/status`, { stage: "SUCCEEDED" }, { as: token });
    expect((await ended(id)).run.status.stage).toBe("SUCCEEDED");
    expect(await server.refusal("POST", at)).toEqual([409, "CONFLICT"]);
  });

  test("is none of a task that ends by itself", async () => {
    await apply(
      job("long", { runnerType: "FAKE", runnerSpec: { outcome: "NONE" } }),
      pipeline("release", "long"),
    );
    const task = await taskOnce(await run("release"), ({ status }) => status.stage === "ACTIVE");
    expect(await server.refusal("POST", `/job-tasks/${task.id}/status-call`)).toEqual([409, "CONFLICT"]);
    await server.ok("POST", `/job-tasks/${task.id}/cancel`, {});
  });
});

test("a pipeline that is started is put together, and what it gives to the next one is sealed and restored", async () => {
  const secret = { runParams: [{ name: "TOKEN", sensitive: true }] };
  const base = pipeline("base", "take", {
    isTemplate: true,
    visibility: "GLOBAL",
    nextPipeline: { pipeline: "last", runParams: { TOKEN: "hunter2-base" } },
  });
  const site = {
    kind: "Pipeline",
    metadata: { name: "site", namespace: "team" },
    spec: {
      extends: "base@default",
      nextPipeline: { pipeline: "last@default", runParams: { TOKEN: "hunter2-next", EXTRA: "x" } },
    },
  };
  await apply(
    job("take", { runnerType: "FAKE", runnerSpec: {}, ...secret }),
    pipeline("last", "take"),
    base,
    site,
    { kind: "Pipeline", metadata: { name: "plain", namespace: "team" }, spec: { extends: "base@default" } },
    runsPipeline("up", "site@team"),
    pipeline("whole", "up"),
  );
  const specOf = async (ref: string) => (await server.ok<Pipeline>("GET", `/pipelines/${ref}`)).spec;
  const masked = { pipeline: "last@default", runParams: { TOKEN: "***", EXTRA: "x" } };
  expect((await specOf("site@team")).nextPipeline).toEqual(masked);
  const again = { ...site, spec: { ...site.spec, nextPipeline: masked } };
  const { documents } = await server.ok<ApplyResult>("POST", "/apply", { documents: [again] });
  expect(documents).toMatchObject([{ name: "site", action: "UNCHANGED" }]);

  const parent = await ended(await run("whole"));
  expect(parent.run.status.stage).toBe("SUCCEEDED");
  const next = await nextOf(parent.tasks[0]?.status.child?.runId ?? "");
  const follower = await ended(next?.runId ?? "");
  expect([follower.run.name, follower.run.namespace]).toEqual(["last", "default"]);
  expect(follower.tasks[0]?.params).toContainEqual(
    expect.objectContaining({ name: "TOKEN", value: "***", setBy: "RUN" }),
  );
  const ofBase = await nextOf((await ended(await run("plain@team"))).run.id);
  expect((await viewOf(ofBase?.runId ?? "")).run.namespace).toBe("default");
});

test("lint puts the pipelines together that stored ones start, and knows versions in a range", async () => {
  const versioned = (version: string) => ({
    ...job("step", { runnerType: "FAKE", runnerSpec: {} }),
    metadata: { name: "step", version },
  });
  await apply(NOOP, versioned("1.0.0"), versioned("1.2.0"));
  await apply(
    pipeline("base", "step:^1.0", { isTemplate: true }),
    { kind: "Pipeline", metadata: { name: "middle" }, spec: { extends: "base" } },
    pipeline("first", "noop", { nextPipeline: { pipeline: "middle", runParams: { ANY: 1 } } }),
  );
  const circle = {
    kind: "Pipeline",
    metadata: { name: "middle" },
    spec: { extends: "base", nextPipeline: { pipeline: "first" } },
  };
  const { problems } = await server.ok<LintResult>("POST", "/lint", { documents: [circle] });
  expect(problems).toMatchObject([
    {
      path: "/documents/0/spec/nextPipeline/pipeline",
      severity: "error",
      message: expect.stringContaining("would start itself again: middle@default.default -> first@"),
    },
  ]);
  const bad = pipeline("other", "step:^2.0");
  const found = await server.ok<LintResult>("POST", "/lint", { documents: [bad] });
  expect(found.problems.map(({ message }) => message)).toEqual([
    "no PUBLISHED version of job `step:^2.0` is in the range `^2.0`; it has `1.2.0`, `1.0.0`",
  ]);
});
