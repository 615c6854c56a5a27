// Words that only the server knows: ids and names for completion, when it answers quickly.

import type { JobStage } from "@mflow/core/schema/job";
import type { TaskStage } from "@mflow/core/schema/job-task";
import type { RunStage } from "@mflow/core/schema/pipeline-task";
import { type Client, createClient } from "@mflow/sdk";
import type { Context } from "../context.ts";
import { localToken, recordedServer } from "../local-server.ts";
import { openGateOf } from "../view/watched.ts";
import type { Candidate } from "./complete.ts";

const PATIENCE_MS = 500;
const LIMIT = 50;

const UNFINISHED: TaskStage[] = ["PENDING", "SCHEDULING", "CREATING", "ACTIVE", "CANCELING"];

type Look = (client: Client) => Promise<Candidate[]>;

const runsIn =
  (stage?: RunStage[]): Look =>
  async (client) =>
    (await client.runs.list({ stage, limit: LIMIT })).items.map((run) => ({
      word: run.id,
      meaning: `${run.name} ${run.status.stage}`,
    }));

const tasksIn =
  (stage?: TaskStage[]): Look =>
  async (client) =>
    (await client.tasks.list({ stage, limit: LIMIT })).items.map((task) => ({
      word: task.id,
      meaning: `${task.name} ${task.status.stage}`,
    }));

const tasksAt =
  (kind: "audit" | "confirm"): Look =>
  async (client) =>
    (await client.tasks.list({ stage: ["PENDING", "ACTIVE"], limit: LIMIT })).items
      .filter((task) => openGateOf(task)?.kind === kind)
      .map((task) => ({ word: task.id, meaning: task.name }));

const jobsIn =
  (stage?: JobStage[]): Look =>
  async (client) =>
    (await client.jobs.list({ stage, limit: LIMIT })).items.map((job) => ({
      word: `${job.name}:${job.version}`,
      meaning: job.stage,
    }));

const pipelines: Look = async (client) =>
  (await client.pipelines.list({ limit: LIMIT })).items.map(({ name, displayName }) => ({
    word: name,
    meaning: displayName ?? "",
  }));

const schedules: Look = async (client) =>
  (await client.schedules.list({ limit: LIMIT })).items.map(({ name, status }) => ({
    word: name,
    meaning: status.stage,
  }));

const clusters: Look = async (client) =>
  (await client.clusters.list()).items.map(({ name }) => ({ word: name, meaning: "" }));

const both =
  (one: Look, other: Look): Look =>
  async (client) => [...(await one(client)), ...(await other(client))];

const looks: Readonly<Record<string, Look>> = {
  "run pipeline": pipelines,
  "watch id": both(runsIn(["PENDING", "ACTIVE", "CANCELING"]), tasksIn(UNFINISHED)),
  "rerun run": runsIn(["FAILED", "CANCELED", "SUCCEEDED"]),
  "rollback run": runsIn(["FAILED", "CANCELED", "SUCCEEDED"]),
  "rollback --pipeline": pipelines,
  "why id": both(runsIn(["PENDING", "ACTIVE", "CANCELING"]), tasksIn(UNFINISHED)),
  "logs id": both(runsIn(), tasksIn()),
  "debug task": tasksIn(["CREATING", "ACTIVE", "CANCELING", "CANCELED", "FAILED", "SUCCEEDED"]),
  "audit task": tasksAt("audit"),
  "confirm task": tasksAt("confirm"),
  "evidence task": both(tasksAt("audit"), tasksAt("confirm")),
  "withdraw task": tasksIn(UNFINISHED),
  "export run": runsIn(),
  "status-call task": tasksIn(["CREATING", "ACTIVE"]),
  "cancel id": both(runsIn(["PENDING", "ACTIVE"]), tasksIn(UNFINISHED)),
  "publish job": jobsIn(["DRAFT"]),
  "schedule get schedule": schedules,
  "schedule pause schedule": schedules,
  "schedule resume schedule": schedules,
  "schedule trigger schedule": schedules,
  "schedule next schedule": schedules,
  "cluster set name": clusters,
  "cluster get name": clusters,
  "cluster delete names": clusters,
  "cluster check name": clusters,
  "lint --cluster": clusters,
  "deprecate job": jobsIn(["PUBLISHED"]),
};

/** Candidates for an argument such as `audit task`, or an option such as `lint --cluster`. Never rejects, never starts a server. */
export async function liveCandidates(context: Context, wants: string): Promise<Candidate[]> {
  const look = looks[wants];
  if (!look) return [];
  try {
    const { io, dataFolder } = context;
    const url = io.env.MFLOW_URL || (await recordedServer(dataFolder))?.url;
    const token = io.env.MFLOW_TOKEN || (await localToken(dataFolder));
    if (!url) return [];
    return await look(createClient({ url, token, retries: 0, timeoutMs: PATIENCE_MS }));
  } catch {
    return [];
  }
}
