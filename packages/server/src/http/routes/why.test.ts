import type { JobTaskView, PipelineTaskView, RunPipelineResponse } from "@mflow/core/schema/api";
import type { Why } from "@mflow/core/schema/why";
import { afterAll, beforeAll, expect, test } from "vitest";
import { endlessJob, job } from "../testing/manifests.ts";
import { eventually, startTestServer, type TestServer } from "../testing/test-server.ts";

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer();
  const tasks = [
    { name: "a", job: "endless" },
    { name: "b", job: "work" },
  ];
  const documents = [
    job("work", {}, { publish: true }),
    endlessJob("endless"),
    { kind: "Pipeline", metadata: { name: "two" }, spec: { stages: [{ name: "s", tasks }] } },
  ];
  await server.ok("POST", "/apply", { documents });
});
afterAll(() => server.close());

const why = (path: string) => server.ok<Why>("GET", `${path}/why`);

test("a run and its tasks say why they wait, and nothing once they have ended", async () => {
  const { run } = await server.ok<RunPipelineResponse>("POST", "/pipeline-tasks", { pipelineId: "two" });
  const { tasks } = await eventually(
    () => server.ok<PipelineTaskView>("GET", `/pipeline-tasks/${run.id}`),
    (view) => view.tasks[0]?.status.stage === "ACTIVE",
  );
  const [a, b] = tasks as [JobTaskView, JobTaskView];
  const runs = { kind: "RUNS", sentence: `runs since ${a.status.startAt}`, since: a.status.startAt };
  const listed = ({ id, name, stageName, status }: JobTaskView) => ({
    id,
    name,
    stageName,
    stage: status.stage,
  });
  const after = { kind: "TASKS", sentence: "comes after `a` (ACTIVE)", tasks: [listed(a)], count: 1 };
  expect([
    await why(`/job-tasks/${a.id}`),
    await why(`/job-tasks/${b.id}`),
    await why(`/pipeline-tasks/${run.id}`),
  ]).toEqual([
    { id: a.id, name: "a", stage: "ACTIVE", causes: [runs] },
    { id: b.id, name: "b", stage: "PENDING", causes: [after] },
    {
      id: run.id,
      name: "two",
      stage: "ACTIVE",
      causes: [
        { ...runs, sentence: `task \`a\` ${runs.sentence}`, tasks: [listed(a)], count: 1 },
        { kind: "TASKS", sentence: "task `b` waits for other tasks", tasks: [listed(b)], count: 1 },
      ],
    },
  ]);
  await server.ok("POST", `/pipeline-tasks/${run.id}/cancel`, {});
  const ended = await eventually(
    () => why(`/pipeline-tasks/${run.id}`),
    ({ stage }) => stage === "CANCELED",
  );
  expect([ended.causes, (await why(`/job-tasks/${a.id}`)).causes]).toEqual([[], []]);
});

test("what is not there is refused", async () => {
  expect(await server.refusal("GET", "/job-tasks/task-x/why")).toEqual([404, "NOT_FOUND"]);
  expect(await server.refusal("GET", "/pipeline-tasks/run-x/why")).toEqual([404, "NOT_FOUND"]);
});
