// Which tasks SUCCEEDED, by what they are in their pipeline: so the last one is found however many runs there are.
// Written only when a task comes to that stage or leaves it.

import type { JobTask } from "@mflow/core/schema/job-task";
import type { LastSucceededQuery } from "../store.ts";
import type { Connection } from "./connection.ts";

export interface SucceededTasks {
  /** Notes a task that came to be SUCCEEDED. `pipeline`: name of its run; none of a lone task. */
  add(task: JobTask, pipeline: string | undefined): void;
  remove(task: JobTask, pipeline: string | undefined): void;
  /** Id of the task. */
  last(query: LastSucceededQuery): string | undefined;
}

/** Comes after every id. */
const AFTER_ALL = "~";

const SAME = "domain = ? AND namespace = ? AND pipeline = ? AND stage_name = ? AND name = ? AND job = ?";

export function succeededTasks(connection: Connection): SucceededTasks {
  const insert = connection.prepare(
    `INSERT OR IGNORE INTO succeeded_tasks (domain, namespace, pipeline, stage_name, name, job, ended, task_id)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
  );
  const deletion = connection.prepare(
    `DELETE FROM succeeded_tasks WHERE ${SAME} AND ended = ? AND task_id = ?`,
  );
  const search = connection.prepare(`DELETE FROM succeeded_tasks WHERE ${SAME} AND task_id = ?`);
  const newest = connection.prepare(
    `SELECT task_id FROM succeeded_tasks WHERE ${SAME} AND task_id < ? ORDER BY ended DESC, task_id DESC LIMIT 1`,
  );

  return {
    add(task, pipeline) {
      insert.run(...kinOf(task, pipeline), endOf(task), task.id);
    },
    remove(task, pipeline) {
      const kin = kinOf(task, pipeline);
      if (deletion.run(...kin, endOf(task), task.id).changes > 0) return;
      // Its end was corrected since.
      search.run(...kin, task.id);
    },
    last({ scope, pipeline = "", stageName = "", name, job, before = AFTER_ALL }) {
      const found = newest.get(scope.domain, scope.namespace, pipeline, stageName, name, job, before);
      return found?.task_id as string | undefined;
    },
  };
}

function kinOf({ domain, namespace, stageName = "", name, job }: JobTask, pipeline = "") {
  return [domain, namespace, pipeline, stageName, name, job.name] as const;
}

function endOf({ status, createdAt }: JobTask): number {
  return Date.parse(status.endAt ?? createdAt);
}
