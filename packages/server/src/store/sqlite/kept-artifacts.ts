// Artifacts of tasks that a rerun kept: rows of the new run over the same bytes, so that its tasks fetch them, people find
// them with it, and they stay when the old run goes.

import type { JobTask } from "@mflow/core/schema/job-task";
import type { PipelineTask } from "@mflow/core/schema/pipeline-task";
import type { Connection } from "./connection.ts";

/** Gives the kept tasks of a new run what they have in the run that it is a rerun of. */
export type KeepArtifacts = (run: PipelineTask, tasks: readonly JobTask[]) => void;

export function keepArtifacts(connection: Connection): KeepArtifacts {
  const ofRun = connection.prepare(
    `SELECT task_id AS task, attempt, name, coalesce(origin, task_id) AS origin
     FROM artifacts WHERE aggregate_id = ?`,
  );
  const copy = connection.prepare(
    `INSERT INTO artifacts
     (task_id, attempt, name, aggregate_id, kind, path, executable, size, sha256, created, expires, blob, origin)
     SELECT ?, attempt, name, ?, kind, path, executable, size, sha256, created, expires, blob, ?
     FROM artifacts WHERE task_id = ? AND attempt = ? AND name = ?`,
  );
  return (run, tasks) => {
    if (!run.rerunOf) return;
    // Whose work it was stays the same over any number of reruns, also of runs that are gone.
    const keptBy = new Map(tasks.flatMap(({ id, keptFrom }) => (keptFrom ? [[keptFrom.taskId, id]] : [])));
    if (keptBy.size === 0) return;
    const rows = ofRun.all(run.rerunOf.runId) as {
      task: string;
      attempt: number;
      name: string;
      origin: string;
    }[];
    for (const { task, attempt, name, origin } of rows) {
      const to = keptBy.get(origin);
      if (to !== undefined) copy.run(to, run.id, origin, task, attempt, name);
    }
  };
}
