// A data folder whose database holds many runs, as a busy team has them after some months: made through the store.

import { join } from "node:path";
import type { PipelineTask, RunStage } from "@mflow/core/schema/pipeline-task";
import { openSqliteStore } from "@mflow/server/store/sqlite/sqlite";
import { aNewRun, aRun, aTaskOf, LEASE } from "@mflow/server/store/testing/records";

export const TEAMS = 20;
export const SERVICES = 200;
/** Runs that are under way; all others have ended. */
const OPEN = 100;
const GROUP = 500;

/** Of every 50 ended runs one was canceled and four failed. */
function stageOf(n: number, runs: number): RunStage {
  if (n >= runs - OPEN) return "ACTIVE";
  if (n % 50 === 0) return "CANCELED";
  return n % 50 <= 4 ? "FAILED" : "SUCCEEDED";
}

/** The `n`th run: of a team and a service, by which lists are filtered, and of a commit that no other run has. */
function runOf(n: number, runs: number): PipelineTask {
  // Spread, so that the stages are the same for every team and service.
  const service = (n * 7919) % SERVICES;
  const labels = { team: `team-${service % TEAMS}`, service: `service-${service}`, commit: n.toString(16) };
  return aRun(n, { name: `deploy-${service}`, stage: stageOf(n, runs), labels });
}

/** Makes the database of a data folder with so many runs of one task each. */
export async function makeRunDatabase(dataFolder: string, runs: number): Promise<void> {
  const store = await openSqliteStore(join(dataFolder, "mflow.db"));
  for (let first = 0; first < runs; first += GROUP) {
    const group = Array.from({ length: Math.min(GROUP, runs - first) }, (_, index) => {
      const run = runOf(first + index, runs);
      const stage = run.status.stage === "ACTIVE" ? "PENDING" : run.status.stage;
      return aNewRun(run, [aTaskOf(run, 1, first + index, { stage: stage as "PENDING" | "SUCCEEDED" })]);
    });
    for (const result of await store.runs.commit(group, LEASE))
      if (!result.ok) throw new Error(`a run was not written: ${result.conflict}`);
  }
  await store.close();
}
