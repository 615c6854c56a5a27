// Runs, lone tasks and their tasks: point reads on the main connection, lists through the reader, and removal.

import { setImmediate as turn } from "node:timers/promises";
import { MflowError } from "@mflow/core/errors";
import type { HistoryEvent, NewHistoryEvent } from "@mflow/core/schema/event";
import type { JobTask } from "@mflow/core/schema/job-task";
import type { PipelineTask, RunDefinition } from "@mflow/core/schema/pipeline-task";
import { OPEN, runEntry, taskEntry } from "../search-entry.ts";
import type { RunStore } from "../store.ts";
import { type Body, parseBody } from "./body.ts";
import { type CommitParts, commitPath } from "./commit.ts";
import type { Connection } from "./connection.ts";
import type { DeliveryRemoval } from "./delivery-removal.ts";
import type { EndedRuns } from "./ended-runs.ts";
import type { Reader } from "./reader.ts";
import type { SearchIndex } from "./search-index.ts";
import type { SucceededTasks } from "./succeeded-tasks.ts";
import type { WaitingGates } from "./waiting-gates.ts";

/** Deliveries that one transaction removes: what it takes holds up commits. */
const REMOVED_AT_ONCE = 200;

/** Tasks that one transaction removes: the same. */
const TASKS_AT_ONCE = 50;

/** Removals that wait at the same moment and share a transaction, and so a wait for the disk. */
const REMOVALS_AT_ONCE = 8;

/** A removal that waits for its transaction. */
interface Removal {
  id: string;
  history: NewHistoryEvent[];
  resolve(done: { run: PipelineTask | undefined; events: HistoryEvent[] }): void;
  reject(error: unknown): void;
}

/** What is kept in step with runs and tasks. */
export interface RunParts extends CommitParts {
  index: SearchIndex;
  gates: WaitingGates;
  succeeded: SucceededTasks;
  removal: DeliveryRemoval;
  ended: EndedRuns;
}

export function sqliteRuns(
  connection: Connection,
  reader: Reader,
  parts: RunParts,
  now: () => number,
): RunStore {
  const { index, gates, succeeded, removal, ended } = parts;
  const prepare = (sql: string) => connection.prepare(sql);
  const commit = commitPath(connection, parts, now);
  const runBody = prepare("SELECT body FROM runs WHERE id = ?");
  const taskBody = prepare("SELECT body FROM tasks WHERE id = ?");
  const definitionBody = prepare("SELECT body FROM definitions WHERE aggregate_id = ?");
  const taskBodies = prepare("SELECT body FROM tasks WHERE run_id = ? ORDER BY stage_number, task_number");
  const owner = prepare("SELECT coalesce(run_id, id) AS id FROM tasks WHERE id = ?");
  const open = prepare(
    `SELECT created, id FROM runs WHERE phase = 'OPEN' AND stage <> 'PENDING'
     UNION ALL SELECT created, id FROM tasks WHERE phase = 'OPEN' AND run_id IS NULL
     ORDER BY created, id`,
  );
  const pending = prepare(
    "SELECT body FROM runs WHERE phase = 'OPEN' AND stage = 'PENDING' ORDER BY created, id",
  );
  const holder = prepare("SELECT holder FROM locks WHERE key = ?");
  const usedKey = prepare("SELECT digest, aggregate_id FROM idempotency WHERE key = ? AND expires_at > ?");
  // An idempotency key stays for its day: the same request must not start another run.
  const deletions = [
    "DELETE FROM runs WHERE id = ?",
    "DELETE FROM locks WHERE holder = ?",
    "DELETE FROM effects WHERE aggregate_id = ?",
    "DELETE FROM artifacts WHERE aggregate_id = ?",
  ].map(prepare);
  const deleteDefinition = prepare("DELETE FROM definitions WHERE aggregate_id = ?");
  const deleteTask = prepare("DELETE FROM tasks WHERE id = ?");
  const someTasks = prepare(
    "SELECT body FROM tasks WHERE run_id = ? ORDER BY stage_number, task_number, n LIMIT ? OFFSET ?",
  );
  const beginRemoval = prepare("INSERT OR REPLACE INTO removals (aggregate_id, pipeline) VALUES (?, ?)");
  const endRemoval = prepare("DELETE FROM removals WHERE aggregate_id = ?");
  const removals = prepare("SELECT aggregate_id AS id, pipeline FROM removals");

  const run = (id: string): PipelineTask | undefined => parseBody(runBody.get(id) as Body);
  const task = (id: string): JobTask | undefined => parseBody(taskBody.get(id) as Body);
  const definition = (id: string): RunDefinition | undefined => parseBody(definitionBody.get(id) as Body);
  const tasksOfRun = (id: string): JobTask[] =>
    taskBodies.all(id).map((row) => JSON.parse(row.body as string) as JobTask);

  const tasksFrom = (id: string, skip: number, limit: number): JobTask[] =>
    someTasks.all(id, limit, skip).map((row) => JSON.parse(row.body as string) as JobTask);

  /** The run, or the lone task, that may be removed. */
  function demandEnded(id: string): { found?: PipelineTask; lone?: JobTask } {
    const found = run(id);
    const lone = found ? undefined : task(id);
    if (!found && (!lone || lone.pipelineTaskId))
      throw new MflowError("NOT_FOUND", `There is no run or lone task ${id}`);
    const entry = found ? runEntry(found) : taskEntry(lone as JobTask);
    if (entry.phase === OPEN)
      throw new MflowError("CONFLICT", `${id} has not ended; cancel it before it is deleted`);
    return { ...(found && { found }), ...(lone && { lone }) };
  }

  function removeTask(task: JobTask, pipeline: string | undefined): void {
    index.remove(taskEntry(task));
    deleteTask.run(task.id);
    gates.remove(task.id);
    if (task.status.stage === "SUCCEEDED") succeeded.remove(task, pipeline);
  }

  /** The run, whose tasks `removeTasks` takes away, or the whole lone task. */
  function remove(id: string): PipelineTask | undefined {
    const { found, lone } = demandEnded(id);
    if (found) {
      index.remove(runEntry(found));
      ended.noteRun(found, undefined);
      beginRemoval.run(id, found.name);
    }
    if (lone) {
      removeTask(lone, undefined);
      ended.noteTask(lone, undefined);
    }
    for (const deletion of deletions) deletion.run(id);
    removal.removeEnded(id, Number.MAX_SAFE_INTEGER);
    if (!removal.abandon(id)) deleteDefinition.run(id);
    return found;
  }

  /** Takes away some tasks of a run that was removed; answers whether there may be more. */
  function removeTasks(id: string, pipeline: string): boolean {
    const tasks = tasksFrom(id, 0, TASKS_AT_ONCE);
    for (const each of tasks) removeTask(each, pipeline);
    if (tasks.length === TASKS_AT_ONCE) return true;
    endRemoval.run(id);
    return false;
  }

  /** Should the server end meanwhile, the next opening of the file goes on. */
  async function removeAllTasks(id: string, pipeline: string): Promise<void> {
    while (connection.unsynced(() => removeTasks(id, pipeline))) await turn();
  }

  const waiting: Removal[] = [];

  /** Removes at once what waits; what must not be removed is refused alone. */
  function removeWaiting(): void {
    const group = new Map<string, Removal>();
    for (const removal of waiting.splice(0, REMOVALS_AT_ONCE)) {
      try {
        connection.read(() => demandEnded(removal.id));
        if (group.has(removal.id)) throw new MflowError("NOT_FOUND", `${removal.id} is being removed`);
        group.set(removal.id, removal);
      } catch (error) {
        removal.reject(error);
      }
    }
    if (waiting.length > 0) setImmediate(removeWaiting);
    const removals = [...group.values()];
    try {
      const done = connection.transaction(() =>
        removals.map(({ id, history }) => ({ run: remove(id), events: parts.appendHistory(history) })),
      );
      for (const [index, one] of done.entries()) removals[index]?.resolve(one);
    } catch (error) {
      for (const { reject } of removals) reject(error);
    }
  }

  const left = connection.read(() => removals.all()) as { id: string; pipeline: string }[];
  for (const { id, pipeline } of left) while (connection.unsynced(() => removeTasks(id, pipeline)));

  return {
    async commit(commits, lease) {
      return commit(commits, lease);
    },
    async load(id) {
      return connection.read(() => {
        const found = run(id);
        const lone = found ? undefined : task(id);
        const asked = definition(id);
        if (!asked || (!found && !lone)) return undefined;
        return found
          ? { id, run: found, definition: asked, tasks: tasksOfRun(id) }
          : { id, definition: asked, tasks: lone ? [lone] : [] };
      });
    },
    async aggregateOf(taskId) {
      return connection.read(() => owner.get(taskId)?.id as string | undefined);
    },
    async unfinished() {
      return connection.read(() => open.all().map((row) => row.id as string));
    },
    async pending() {
      return connection.read(() =>
        pending.all().map(({ body }) => JSON.parse(body as string) as PipelineTask),
      );
    },
    async lockHolder(key) {
      return connection.read(() => holder.get(key)?.holder as string | undefined);
    },
    async findIdempotency(key) {
      return connection.read(() => {
        const used = usedKey.get(key, now()) as { digest: string; aggregate_id: string } | undefined;
        return used && { digest: used.digest, aggregateId: used.aggregate_id };
      });
    },
    async run(id) {
      return connection.read(() => run(id));
    },
    async task(id) {
      return connection.read(() => task(id));
    },
    async tasksOfRun(runId) {
      return connection.read(() => tasksOfRun(runId));
    },
    async someTasksOfRun(runId, skip, limit) {
      return connection.read(() => tasksFrom(runId, skip, limit));
    },
    async definition(aggregateId) {
      return connection.read(() => definition(aggregateId));
    },
    listRuns: (query) => reader.list("run", { ...query, name: query.pipeline }),
    listTasks: (query) => reader.list("task", query),
    async waitingGates(query) {
      return connection.read(() => gates.list(query));
    },
    async lastSucceeded(query) {
      return connection.read(() => {
        const id = succeeded.last(query);
        return id === undefined ? undefined : task(id);
      });
    },
    async remove(aggregateId, history = []) {
      connection.read(() => demandEnded(aggregateId));
      let from: number | undefined = 0;
      const removeSome = () => removal.removeEnded(aggregateId, REMOVED_AT_ONCE, from);
      // Deliveries can be very many. Should the server end meanwhile, the run is there to be removed again.
      for (; from !== undefined; await turn()) from = connection.unsynced(removeSome);
      const { run: removed, events } = await new Promise<Parameters<Removal["resolve"]>[0]>(
        (resolve, reject) => {
          if (waiting.push({ id: aggregateId, history, resolve, reject }) === 1) setImmediate(removeWaiting);
        },
      );
      if (removed) await removeAllTasks(aggregateId, removed.name);
      return events;
    },
  };
}
