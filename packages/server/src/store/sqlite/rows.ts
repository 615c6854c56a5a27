// Writes the rows of runs and tasks. The step that happens most, a change within a phase, is one UPDATE that touches
// no index; a new phase or new labels move the record in the search index too.

import type { JobTask } from "@mflow/core/schema/job-task";
import type { PipelineTask } from "@mflow/core/schema/pipeline-task";
import { phaseOf, runEntry, taskEntry } from "../search-entry.ts";
import type { Connection } from "./connection.ts";
import type { EndedRuns } from "./ended-runs.ts";
import type { SearchIndex } from "./search-index.ts";
import type { SucceededTasks } from "./succeeded-tasks.ts";
import type { WaitingGates } from "./waiting-gates.ts";

export interface Rows {
  insertRun(run: PipelineTask): void;
  /** Writes nothing and answers false when the stored revision is another. */
  updateRun(run: PipelineTask, expectedRevision: number): boolean;
  /** `pipeline`: name of the task's run; none of a lone task. */
  insertTask(task: JobTask, pipeline: string | undefined): void;
  /** Writes nothing and answers false when there is no such task. */
  updateTask(task: JobTask, pipeline: string | undefined): boolean;
}

export function sqliteRows(
  connection: Connection,
  index: SearchIndex,
  gates: WaitingGates,
  succeeded: SucceededTasks,
  ended: EndedRuns,
): Rows {
  const prepare = (sql: string) => connection.prepare(sql);
  const insertRun = prepare(
    "INSERT INTO runs (id, name, stage, phase, labels, created, revision, body) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
  );
  const updateRun = prepare(
    `UPDATE runs SET stage = ?, revision = ?, body = ?
     WHERE id = ? AND revision = ? AND phase = ? AND labels = ?`,
  );
  const storedRun = prepare("SELECT revision, body FROM runs WHERE id = ?");
  const moveRun = prepare(
    "UPDATE runs SET stage = ?, revision = ?, body = ?, phase = ?, labels = ? WHERE id = ?",
  );
  const insertTask = prepare(
    `INSERT INTO tasks (id, run_id, stage_number, task_number, name, stage, phase, labels, created, revision, body)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
  );
  const updateTask = prepare(
    "UPDATE tasks SET stage = ?, revision = ?, body = ? WHERE id = ? AND phase = ? AND labels = ?",
  );
  const storedTask = prepare("SELECT body FROM tasks WHERE id = ?");
  const moveTask = prepare(
    "UPDATE tasks SET stage = ?, revision = ?, body = ?, phase = ?, labels = ? WHERE id = ?",
  );

  return {
    insertRun(run) {
      const entry = runEntry(run);
      const { id, name, revision } = run;
      const labels = JSON.stringify(run.labels ?? {});
      const body = JSON.stringify(run);
      insertRun.run(id, name, run.status.stage, entry.phase, labels, entry.created, revision, body);
      index.add(entry);
      ended.noteRun(undefined, run);
    },
    updateRun(run, expectedRevision) {
      const { id, revision } = run;
      const { stage } = run.status;
      const phase = phaseOf("run", stage);
      const labels = JSON.stringify(run.labels ?? {});
      const body = JSON.stringify(run);
      if (updateRun.run(stage, revision, body, id, expectedRevision, phase, labels).changes) return true;
      const stored = storedRun.get(id);
      if (stored?.revision !== expectedRevision) return false;
      moveRun.run(stage, revision, body, phase, labels, id);
      const before = JSON.parse(stored.body as string) as PipelineTask;
      index.move(runEntry(before), runEntry(run));
      ended.noteRun(before, run);
      return true;
    },
    insertTask(task, pipeline) {
      const entry = taskEntry(task);
      const { id, pipelineTaskId = null, stageNumber = null, taskNumber = null, name, revision } = task;
      const labels = JSON.stringify(task.labels ?? {});
      insertTask.run(
        id,
        pipelineTaskId,
        stageNumber,
        taskNumber,
        name,
        task.status.stage,
        entry.phase,
        labels,
        entry.created,
        revision,
        JSON.stringify(task),
      );
      index.add(entry);
      ended.noteTask(undefined, task);
      gates.note(task);
      if (entry.phase === "SUCCEEDED") succeeded.add(task, pipeline);
    },
    updateTask(task, pipeline) {
      const { id, revision } = task;
      const { stage } = task.status;
      const phase = phaseOf("task", stage);
      const labels = JSON.stringify(task.labels ?? {});
      const body = JSON.stringify(task);
      if (updateTask.run(stage, revision, body, id, phase, labels).changes) {
        gates.note(task);
        return true;
      }
      const stored = storedTask.get(id);
      if (!stored) return false;
      moveTask.run(stage, revision, body, phase, labels, id);
      const before = JSON.parse(stored.body as string) as JobTask;
      index.move(taskEntry(before), taskEntry(task));
      ended.noteTask(before, task);
      gates.note(task);
      if (before.status.stage === "SUCCEEDED") succeeded.remove(before, pipeline);
      if (stage === "SUCCEEDED") succeeded.add(task, pipeline);
      return true;
    },
  };
}
