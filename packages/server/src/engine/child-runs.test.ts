// The PIPELINE runner beside rows that a test plays.

import { MflowError } from "@mflow/core/errors";
import type { JobTask } from "@mflow/core/schema/job-task";
import type { PipelineTask } from "@mflow/core/schema/pipeline-task";
import { playJob, playPipeline } from "@mflow/core/testing/start";
import { isSealed, seal } from "@mflow/core/testing/world";
import { beforeEach, describe, expect, test } from "vitest";
import { describeRunnerThatKeepsNothing } from "../runners/keeps-nothing.conformance.ts";
import { type AttemptRef, RetryableStartError } from "../runners/runner.ts";
import { RecordingHost } from "../runners/testing/recording-host.ts";
import { startRequest } from "../runners/testing/start-request.ts";
import type { Aggregate } from "../store/store.ts";
import type { ChainedRun } from "./chained-runs.ts";
import { ChildRuns } from "./child-runs.ts";

const AT = "2026-01-01T00:00:00.000Z";

/** Rows, and what was asked of the engine. */
class Rows {
  readonly tasks = new Map<string, JobTask>();
  readonly runs = new Map<string, PipelineTask>();
  readonly aggregates = new Map<string, Aggregate>();
  readonly started: ChainedRun[] = [];
  readonly canceled: unknown[] = [];
  refusal: Error | undefined;

  runner(): ChildRuns {
    return new ChildRuns({
      runs: {
        task: async (id) => this.tasks.get(id),
        run: async (id) => this.runs.get(id),
        load: async (id) => this.aggregates.get(id),
        definition: async () => undefined,
      },
      chained: {
        start: async (wanted) => {
          if (this.refusal) throw this.refusal;
          if (this.runs.has(wanted.id)) return "EXISTS";
          this.started.push(wanted);
          this.runs.set(wanted.id, runOf(wanted.id));
          return "STARTED";
        },
      },
      cancelRun: async (...call) => void this.canceled.push(call),
      isSealed,
      now: () => Date.parse(AT),
    });
  }

  wanted({ taskId, attempt }: AttemptRef): JobTask {
    const task = playJob().task();
    const row: JobTask = {
      ...task,
      id: taskId,
      attempt,
      runnerType: "PIPELINE",
      status: { stage: "CREATING", child: { runId: childId(taskId) } },
    };
    this.tasks.set(taskId, row);
    return row;
  }
}

function childId(taskId: string): string {
  return taskId.replace("task", "run");
}

function runOf(id: string, status: Partial<PipelineTask["status"]> = {}): PipelineTask {
  const { run } = playPipeline("a");
  return { ...run, id, status: { ...run.status, ...status } };
}

describeRunnerThatKeepsNothing("The PIPELINE runner", () => {
  const rows = new Rows();
  return {
    runner: () => rows.runner(),
    wanted: (ref) => void rows.wanted(ref),
    begun: (ref) => rows.started.filter(({ id }) => id === childId(ref.taskId)).length,
    specs: { goesOn: { pipeline: "builds" }, refused: { pipelin: "builds" } },
  };
});

describe("The PIPELINE runner", () => {
  let rows: Rows;
  let runner: ChildRuns;
  let host: RecordingHost;
  const request = startRequest({ pipeline: "builds" });
  const runId = childId(request.taskId);

  beforeEach(async () => {
    rows = new Rows();
    runner = rows.runner();
    host = new RecordingHost();
    await runner.open(host);
    rows.wanted(request);
  });

  test("hands over values, and those that hold a secret as sensitive ones", async () => {
    const runParams = { VERSION: "1.4", REPLICAS: 2, LOGIN: "bot:hunter22" };
    const spec = { pipeline: "builds", runParams, labels: { team: "web" }, queue: true };
    await runner.start({ ...request, spec, secrets: ["hunter22"] });
    expect(rows.started).toEqual([
      {
        id: runId,
        pipeline: "builds",
        definition: {},
        from: { domain: "default", namespace: "default" },
        by: "starter",
        origin: { parent: { taskId: request.taskId, attempt: 1 } },
        given: [
          { name: "VERSION", value: "1.4" },
          { name: "REPLICAS", value: 2 },
          { name: "LOGIN", value: "bot:hunter22", sensitive: true },
        ],
        labels: { team: "web" },
        queue: true,
      },
    ]);
  });

  test.each([
    [new MflowError("STORE_FULL", "no room"), true],
    [new MflowError("UNAVAILABLE", "the server is stopping"), true],
    [new MflowError("PIPELINE_IS_RUNNING", "it is running"), false],
    [new MflowError("NOT_FOUND", "there is no pipeline"), false],
  ])("%s is worth another try: %s", async (refusal, isRetried) => {
    rows.refusal = refusal;
    const error = await runner.start(request).catch((reason: unknown) => reason);
    expect([error instanceof RetryableStartError, (error as Error).message]).toEqual([
      isRetried,
      refusal.message,
    ]);
  });

  test("a stop cancels the run in the name of who canceled the task, by force when there is no grace", async () => {
    await runner.start(request);
    const task = rows.wanted(request);
    rows.tasks.set(task.id, { ...task, status: { ...task.status, stage: "CANCELING", canceledBy: "ann" } });
    expect(await runner.stop(request, { graceMs: 1000 })).toBe("STOPPING");
    expect(await runner.stop(request, { graceMs: 0 })).toBe("STOPPING");
    const message = `task \`noop\` (${request.taskId}), whose work this run is, was canceled`;
    const actor = { name: "ann", operator: true };
    expect(rows.canceled).toEqual([
      [runId, { message }, actor],
      [runId, { message, force: true }, actor],
    ]);
  });

  test("a stop of an attempt that was pushed back cancels its run", async () => {
    await runner.start(request);
    const task = rows.wanted(request);
    const status: JobTask["status"] = { ...task.status, stage: "CANCELED", canceledBy: "ann" };
    const pastAttempts = [{ attempt: 1, status }];
    rows.tasks.set(task.id, { ...task, status: { stage: "PENDING" }, pastAttempts });
    expect(await runner.stop(request, { graceMs: 1000 })).toBe("STOPPING");
    expect(rows.canceled).toMatchObject([[runId, {}, { name: "mflow" }]]);
  });

  test("a stop of a run that has ended waits for its end to be told", async () => {
    rows.runs.set(runId, runOf(runId, { stage: "SUCCEEDED" }));
    expect([await runner.stop(request, { graceMs: 1000 }), rows.canceled]).toEqual(["STOPPING", []]);
  });

  test("a run that is not there any more after a restart is LOST", async () => {
    await runner.resume(request);
    expect(host.reports).toEqual([
      {
        taskId: request.taskId,
        attempt: 1,
        stage: "FAILED",
        reason: "LOST",
        message: `run ${runId}, which was its work, is not there any more`,
        at: AT,
      },
    ]);
  });

  test.each([
    ["SUCCEEDED", {}, {}],
    [
      "FAILED",
      { reason: "TASK_FAILED", message: "task `a` failed" },
      { reason: "CHILD_FAILED", message: "run RUN of pipeline `p` FAILED (TASK_FAILED): task `a` failed" },
    ],
    [
      "CANCELED",
      { canceledBy: "ann", message: "wrong branch" },
      { canceledBy: "ann", message: "run RUN of pipeline `p` was canceled: wrong branch" },
    ],
  ] as const)("tells the task that the run %s, and what it handed on", async (stage, status, told) => {
    const play = playPipeline("a");
    const [task] = play.state.tasks.values();
    const runtimeEnvs = { IMAGE: "shop:1", TOKEN: seal("hunter22"), own: "kept" };
    const parent = { taskId: request.taskId, attempt: 1 };
    rows.aggregates.set(runId, {
      id: runId,
      run: { ...runOf(runId, { stage, startAt: AT, endAt: AT, ...status }), parent },
      definition: play.state.definition,
      tasks: [{ ...(task as JobTask), exportedAt: 2, status: { stage: "SUCCEEDED", runtimeEnvs } }],
    });
    await runner.tellParent(runId);
    const message = "message" in told ? { message: told.message.replace("RUN", runId) } : {};
    expect(host.reports).toEqual([
      {
        ...{ ...parent, stage, at: AT, startAt: AT },
        runtimeEnvs: { IMAGE: "shop:1" },
        sealedEnvs: { TOKEN: seal("hunter22") },
        ...{ ...told, ...message },
      },
    ]);
  });
});
