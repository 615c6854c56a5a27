// Ended runs and lone tasks by what they are runs of, kept in step with their rows: how many there are, and which ended
// first. Written only when one ends, is run again, or goes.

import type { EndedRun, Ending } from "@mflow/core/retention";
import type { JobTask } from "@mflow/core/schema/job-task";
import type { PipelineTask } from "@mflow/core/schema/pipeline-task";
import { OPEN, phaseOf } from "../search-entry.ts";
import type { EndedGroup, EndedGroupKey, EndedRunStore } from "../store.ts";
import type { Connection } from "./connection.ts";

/** Keeps the rows in step, inside the transaction that writes the run or task. */
export interface EndedRuns {
  /** `before` and `after`: the record as it was and is; absent before it is made and after it is removed. */
  noteRun(before: PipelineTask | undefined, after: PipelineTask | undefined): void;
  /** Tasks of runs are left alone. */
  noteTask(before: JobTask | undefined, after: JobTask | undefined): void;
}

interface Ended extends EndedRun {
  group: EndedGroupKey;
}

interface GroupRow {
  n: number;
  kind: EndedGroup["kind"];
  domain: string;
  namespace: string;
  name: string;
  succeeded: number;
  other: number;
}

/** The side that writes. */
export function endedRuns(connection: Connection): EndedRuns {
  const prepare = (sql: string) => connection.prepare(sql);
  const countIn = prepare(
    `INSERT INTO ended_groups (kind, domain, namespace, name, succeeded, other) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
     ON CONFLICT DO UPDATE SET succeeded = succeeded + ?5, other = other + ?6 RETURNING n`,
  );
  const countOut = prepare(
    "UPDATE ended_groups SET succeeded = succeeded - ?, other = other - ? WHERE n = ? RETURNING succeeded + other AS kept",
  );
  const removeGroup = prepare("DELETE FROM ended_groups WHERE n = ?");
  const findGroup = prepare(
    "SELECT n FROM ended_groups WHERE kind = ? AND domain = ? AND namespace = ? AND name = ?",
  );
  const insert = prepare("INSERT INTO ended_runs (ended_group, ending, ended, id) VALUES (?, ?, ?, ?)");
  const deletion = prepare(
    "DELETE FROM ended_runs WHERE ended_group = ? AND ending = ? AND ended = ? AND id = ?",
  );
  const search = prepare("DELETE FROM ended_runs WHERE ended_group = ? AND ending = ? AND id = ?");

  function add({ group: { kind, domain, namespace, name }, ending, endedAt, id }: Ended): void {
    const counts = ending === "SUCCEEDED" ? ([1, 0] as const) : ([0, 1] as const);
    const { n } = countIn.get(kind, domain, namespace, name, ...counts) as { n: number };
    insert.run(n, ending, endedAt, id);
  }

  function remove({ group: { kind, domain, namespace, name }, ending, endedAt, id }: Ended): void {
    const found = findGroup.get(kind, domain, namespace, name) as { n: number } | undefined;
    if (!found) return;
    const { n } = found;
    // Else its end was corrected since.
    const gone = deletion.run(n, ending, endedAt, id).changes || search.run(n, ending, id).changes;
    if (!gone) return;
    const counts = ending === "SUCCEEDED" ? ([1, 0] as const) : ([0, 1] as const);
    const { kept } = countOut.get(...counts, n) as { kept: number };
    if (kept === 0) removeGroup.run(n);
  }

  function note(before: Ended | undefined, after: Ended | undefined): void {
    if (before) remove(before);
    if (after) add(after);
  }

  return {
    noteRun: (before, after) => note(before && endedRun(before), after && endedRun(after)),
    noteTask: (before, after) => note(before && endedTask(before), after && endedTask(after)),
  };
}

function endedRun(run: PipelineTask): Ended | undefined {
  if (phaseOf("run", run.status.stage) === OPEN) return undefined;
  return ended("RUN", run, run.name);
}

function endedTask(task: JobTask): Ended | undefined {
  if (task.pipelineTaskId !== undefined || phaseOf("task", task.status.stage) === OPEN) return undefined;
  return ended("TASK", task, task.job.name);
}

function ended(kind: EndedGroup["kind"], record: PipelineTask | JobTask, name: string): Ended {
  const { id, domain, namespace, status, createdAt } = record;
  return {
    group: { kind, domain, namespace, name },
    id,
    ending: status.stage === "SUCCEEDED" ? "SUCCEEDED" : "OTHER",
    endedAt: Date.parse(status.endAt ?? createdAt),
  };
}

/** The side that reads. */
export function sqliteEndedRuns(connection: Connection): EndedRunStore {
  const prepare = (sql: string) => connection.prepare(sql);
  const groups = prepare("SELECT * FROM ended_groups WHERE n > ? ORDER BY n LIMIT ?");
  const group = prepare(
    "SELECT * FROM ended_groups WHERE kind = ? AND domain = ? AND namespace = ? AND name = ?",
  );
  const oldest = prepare(
    `SELECT ended, id FROM ended_runs WHERE ended_group = ? AND ending = ? AND (ended, id) > (?, ?)
     ORDER BY ended, id LIMIT ?`,
  );
  const newest = prepare(
    "SELECT ended, id FROM ended_runs WHERE ended_group = ? AND ending = ? ORDER BY ended DESC, id DESC LIMIT 1",
  );
  const findGroup = (key: EndedGroupKey) =>
    group.get(key.kind, key.domain, key.namespace, key.name) as GroupRow | undefined;

  return {
    async groups(after, limit) {
      return connection.read(() => (groups.all(after, limit) as unknown as GroupRow[]).map(groupOf));
    },
    async group(key) {
      return connection.read(() => {
        const found = findGroup(key);
        return found && groupOf(found);
      });
    },
    async oldest({ place }, endings, limit, after) {
      const from = [after?.endedAt ?? Number.MIN_SAFE_INTEGER, after?.id ?? ""] as const;
      return connection.read(() =>
        endings
          .flatMap((ending) =>
            (oldest.all(place, ending, ...from, limit) as { ended: number; id: string }[]).map((row) =>
              runOf(row, ending),
            ),
          )
          .sort((a, b) => a.endedAt - b.endedAt || (a.id < b.id ? -1 : 1))
          .slice(0, limit),
      );
    },
    async newest({ place }, ending) {
      return connection.read(() => {
        const row = newest.get(place, ending) as { ended: number; id: string } | undefined;
        return row && runOf(row, ending);
      });
    },
  };
}

function groupOf({ n, kind, domain, namespace, name, succeeded, other }: GroupRow): EndedGroup {
  return { place: n, kind, domain, namespace, name, succeeded, other };
}

function runOf({ ended, id }: { ended: number; id: string }, ending: Ending): EndedRun {
  return { id, ending, endedAt: ended };
}
