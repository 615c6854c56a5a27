// Every filter of the lists of runs and tasks, alone and together, against a plain filter over all records. The records
// are written once and only read.

import { type JobTask, TASK_STAGES } from "@mflow/core/schema/job-task";
import { type PipelineTask, RUN_STAGES } from "@mflow/core/schema/pipeline-task";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { PageQuery, RunQuery, Store, TaskQuery } from "../store.ts";
import type { Database } from "./bench.ts";
import { allPages } from "./pages.ts";
import { aNewRun, aNewTask, aRun, aTask, aTaskOf, idOf, LEASE, timeOf } from "./records.ts";

/** Runs `1` to `RUNS`, of which some are made in the same second. */
const RUNS = 120;
/** The `n`th of the values, over and over. */
const pick = <T>(values: readonly T[], n: number): T => values[n % values.length] as T;

/** Attributes that vary with prime periods, so that all of them meet. */
function someRun(n: number): PipelineTask {
  return aRun(n, {
    stage: pick(RUN_STAGES, n),
    namespace: pick(["default", "default", "ops", "web"], n),
    domain: pick(["default", "default", "default", "acme", "default"], n),
    name: pick(["release", "nightly", "Release-Candidate", "100%_done", "back\\slash", "deploy", "x"], n),
    labels:
      n % 11 === 0 ? undefined : { app: pick(["web", "api", "web"], n), team: pick(["a", "b"], n >> 2) },
    createdAt: timeOf(n - (n % 3)),
    ...(n % 13 === 0 && { rerunOf: { runId: idOf("run", 7), mode: "ALL" } }),
    ...(n % 17 === 0 && { rollbackOf: idOf("run", 7) }),
  });
}

function tasksOf(run: PipelineTask, n: number): JobTask[] {
  return [1, 2, 3].map((number) => {
    const k = 3 * n + number;
    return aTaskOf(run, number, k, {
      stage: pick(TASK_STAGES, k),
      name: pick(["build", "unit-test", "e2e-test", "deploy"], k),
      job: pick(["compile", "vitest", "kubectl", "compile", "shell"], k),
      labels: k % 7 === 0 ? { app: "web", size: pick(["s", "l"], k) } : { app: pick(["web", "api"], k) },
    });
  });
}

const allRuns = Array.from({ length: RUNS }, (_, i) => someRun(i + 1));
const loneTasks = [aTask(1000, { name: "lone", labels: { app: "web" }, job: "shell" }), aTask(1001)];
const allTasks = [...allRuns.flatMap((run, i) => tasksOf(run, i + 1)), ...loneTasks];

async function fill(store: Store): Promise<void> {
  const commits = allRuns.map((run, i) => aNewRun(run, tasksOf(run, i + 1)));
  await store.runs.commit([...commits, ...loneTasks.map((task) => aNewTask(task))], LEASE);
}

type Listed = Pick<JobTask, "id" | "domain" | "namespace" | "name" | "labels" | "createdAt">;

/** What the contract says of a list, over all records. */
function plainly<T extends Listed>(
  records: T[],
  query: Omit<PageQuery, "limit">,
  also: (record: T) => boolean,
): T[] {
  const { scope, labels, text, createdFrom, createdTo } = query;
  return records
    .filter(({ domain }) => scope?.domain === undefined || domain === scope.domain)
    .filter(({ namespace }) => scope?.namespace === undefined || namespace === scope.namespace)
    .filter((record) => Object.entries(labels ?? {}).every(([key, value]) => record.labels?.[key] === value))
    .filter(({ name }) => text === undefined || name.toLowerCase().includes(text.toLowerCase()))
    .filter(({ createdAt }) => createdFrom === undefined || Date.parse(createdAt) >= Date.parse(createdFrom))
    .filter(({ createdAt }) => createdTo === undefined || Date.parse(createdAt) < Date.parse(createdTo))
    .filter(also)
    .toSorted((a, b) => (a.createdAt === b.createdAt ? less(b.id, a.id) : less(b.createdAt, a.createdAt)));
}

const less = (a: string, b: string): number => (a < b ? -1 : 1);

function plainRuns(query: Omit<RunQuery, "limit">): PipelineTask[] {
  const { stages, pipeline, of } = query;
  return plainly(
    allRuns,
    query,
    ({ name, status, rerunOf, rollbackOf }) =>
      (!stages || stages.includes(status.stage)) &&
      name === (pipeline ?? name) &&
      (of === undefined || of === (rerunOf?.runId ?? rollbackOf)),
  );
}

function plainTasks(query: Omit<TaskQuery, "limit">): JobTask[] {
  const { stages, job, pipelineTaskId } = query;
  return plainly(
    allTasks,
    query,
    (task) =>
      (!stages || stages.includes(task.status.stage)) &&
      task.job.name === (job ?? task.job.name) &&
      task.pipelineTaskId === (pipelineTaskId ?? task.pipelineTaskId),
  );
}

const SCOPES = [
  undefined,
  { domain: "default" },
  { namespace: "ops" },
  { domain: "default", namespace: "default" },
];

const RUN_FILTERS: [string, Omit<RunQuery, "limit">][] = [
  ["nothing", {}],
  ["a domain", { scope: { domain: "acme" } }],
  ["a namespace", { scope: { namespace: "ops" } }],
  ["a scope", { scope: { domain: "default", namespace: "web" } }],
  ["a scope that has none", { scope: { domain: "acme", namespace: "nowhere" } }],
  ["a final stage", { stages: ["FAILED"] }],
  ["an unfinished stage", { stages: ["ACTIVE"] }],
  ["several stages", { stages: ["PENDING", "CANCELING", "SUCCEEDED"] }],
  ["no stage at all", { stages: [] }],
  ["a stage that runs do not have", { stages: ["SKIPPED"] }],
  ["a pipeline", { pipeline: "nightly" }],
  ["an unknown pipeline", { pipeline: "night" }],
  ["the run that they are made of", { of: idOf("run", 7) }],
  ["the run that they are made of, and a stage", { of: idOf("run", 7), stages: ["FAILED", "SUCCEEDED"] }],
  ["a run that none is made of", { of: idOf("run", 8) }],
  ["a label", { labels: { app: "api" } }],
  ["several labels", { labels: { app: "web", team: "b" } }],
  ["an unknown label", { labels: { app: "web", team: "c" } }],
  ["a text in the name, in any case", { text: "RELEASE" }],
  ["a text that has a pattern's characters", { text: "%_" }],
  ["a text that has a backslash", { text: "k\\s" }],
  ["an empty text", { text: "" }],
  ["a text that no name has", { text: "r_lease" }],
  ["a first time, inclusive", { createdFrom: timeOf(60) }],
  ["a last time, exclusive", { createdTo: timeOf(60) }],
  ["a span of time", { createdFrom: timeOf(30), createdTo: timeOf(33) }],
  ["a time in another zone", { createdFrom: "2026-01-31T14:01:00+02:00" }],
];

const TASK_FILTERS: [string, Omit<TaskQuery, "limit">][] = [
  ["nothing", {}],
  ["a job", { job: "vitest" }],
  ["an unknown job", { job: "vi" }],
  ["a run", { pipelineTaskId: idOf("run", 7) }],
  ["an unknown run", { pipelineTaskId: "run-unknown" }],
  ["a run and a stage", { pipelineTaskId: idOf("run", 7), stages: ["ACTIVE", "SUCCEEDED", "FAILED"] }],
  ["a run, a label and a text", { pipelineTaskId: idOf("run", 7), labels: { app: "api" }, text: "e" }],
  ["a run in another scope", { pipelineTaskId: idOf("run", 8), scope: { domain: "other" } }],
  ["a text", { text: "TEST" }],
  ["a label and a stage", { labels: { size: "l" }, stages: ["SKIPPED"] }],
  ["a stage that ended", { stages: ["SKIPPED"] }],
  ["stages of which some ended", { stages: ["SKIPPED", "CREATING"] }],
];

export function describeFilters(name: string, prepare: () => Promise<Database>): void {
  describe(name, () => {
    let database: Database;
    let store: Store;
    beforeAll(async () => {
      database = await prepare();
      store = await database.open();
      await fill(store);
    });
    afterAll(async () => {
      await store.close();
      await database.dispose();
    });

    test.each(RUN_FILTERS)("runs by %s, newest first", async (_, query) => {
      const { items, nextCursor } = await store.runs.listRuns({ limit: 500, ...query });
      expect(items).toEqual(plainRuns(query));
      expect(nextCursor).toBeUndefined();
    });

    test.each(TASK_FILTERS)("tasks by %s, newest first", async (_, query) => {
      const { items, nextCursor } = await store.runs.listTasks({ limit: 500, ...query });
      expect(items).toEqual(plainTasks(query));
      expect(nextCursor).toBeUndefined();
    });

    test("runs by any filters together, page by page", async () => {
      for (let n = 0; n < 120; n++) {
        const query: Omit<RunQuery, "limit"> = {
          scope: pick(SCOPES, n),
          stages: pick([undefined, undefined, ["SUCCEEDED"], ["ACTIVE", "FAILED"], ["PENDING"]], n),
          labels: pick<Record<string, string> | undefined>(
            [undefined, { app: "web" }, { team: "a", app: "web" }],
            n >> 1,
          ),
          text: pick([undefined, undefined, "e", "release"], n >> 2),
          pipeline: n % 7 === 0 ? "release" : undefined,
          createdFrom: n % 5 === 0 ? timeOf(20) : undefined,
          createdTo: n % 3 === 0 ? timeOf(100) : undefined,
        };
        const limit = 1 + (n % 13);
        const listed = await allPages(limit, (cursor) => store.runs.listRuns({ limit, cursor, ...query }));
        expect(listed, JSON.stringify(query)).toEqual(plainRuns(query));
      }
    });

    test("tasks by any filters together, page by page", async () => {
      for (let n = 0; n < 120; n++) {
        const query: Omit<TaskQuery, "limit"> = {
          scope: pick(SCOPES, n),
          stages: pick([undefined, ["SKIPPED"], ["ACTIVE", "CREATING", "FAILED"]], n),
          labels: pick<Record<string, string> | undefined>(
            [undefined, { app: "web" }, { size: "l", app: "web" }],
            n >> 1,
          ),
          text: pick([undefined, undefined, "test"], n >> 2),
          job: n % 4 === 0 ? "compile" : undefined,
          pipelineTaskId: n % 6 === 0 ? idOf("run", 1 + (n % RUNS)) : undefined,
          createdTo: n % 3 === 0 ? timeOf(100) : undefined,
        };
        const limit = 7 + (n % 50);
        const listed = await allPages(limit, (cursor) => store.runs.listTasks({ limit, cursor, ...query }));
        expect(listed, JSON.stringify(query)).toEqual(plainTasks(query));
      }
    });

    test("a page that ends with the list has no cursor", async () => {
      const { items, nextCursor } = await store.runs.listRuns({ limit: RUNS });
      expect(items).toHaveLength(RUNS);
      expect(nextCursor).toBeUndefined();
    });

    test.each([
      ["limit 0", { limit: 0 }],
      ["limit 501", { limit: 501 }],
      ["a limit that is no integer", { limit: 1.5 }],
      ["a cursor that no list returned", { limit: 1, cursor: "nonsense" }],
      ["a cursor that was cut", { limit: 1, cursor: "MTc2OTg2MDgwMTAwMC5" }],
      ["an empty cursor", { limit: 1, cursor: "" }],
      ["a cursor with more behind it", { limit: 1, cursor: "MS5h*" }],
      ["a time that is none", { limit: 1, createdFrom: "yesterday" }],
    ])("%s is refused", async (_, query: PageQuery) => {
      await expect(store.runs.listRuns(query)).rejects.toMatchObject({ code: "BAD_REQUEST" });
      await expect(store.runs.listTasks(query)).rejects.toMatchObject({ code: "BAD_REQUEST" });
    });
  });
}
