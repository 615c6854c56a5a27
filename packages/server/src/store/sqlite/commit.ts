// The hot path: writes what was decided on runs and lone tasks. All guards of a commit are checked before its first
// write (a run's own UPDATE is its guard), so one that fails has nothing to undo and its neighbours go on.

import type { CommitResult, IdempotencyKey, Lease, RunCommit } from "../store.ts";
import type { Connection } from "./connection.ts";
import type { AppendRecords } from "./decision-records.ts";
import type { AppendHistory } from "./history.ts";
import type { KeepArtifacts } from "./kept-artifacts.ts";
import type { NewDeliveries } from "./new-deliveries.ts";
import type { Rows } from "./rows.ts";

/** How long an idempotency key is kept, in milliseconds. */
const IDEMPOTENCY_MS = 24 * 60 * 60 * 1000;
/** Expired keys that each new one sweeps away: more than one, so that they never pile up. */
const SWEEP = 16;

const REMOVED: CommitResult = { ok: false, conflict: "REMOVED" };
const STALE: CommitResult = { ok: false, conflict: "REVISION" };

/** What a commit writes beside its own rows. */
export interface CommitParts {
  rows: Rows;
  deliveries: NewDeliveries;
  appendHistory: AppendHistory;
  appendRecords: AppendRecords;
  keepArtifacts: KeepArtifacts;
}

/** Builds the function behind `RunStore.commit`. */
export function commitPath(
  connection: Connection,
  { rows, deliveries, appendHistory, appendRecords, keepArtifacts }: CommitParts,
  now: () => number,
): (commits: RunCommit[], lease: Lease) => CommitResult[] {
  const prepare = (sql: string) => connection.prepare(sql);
  const runRevision = prepare("SELECT revision FROM runs WHERE id = ?");
  const taskRevision = prepare("SELECT revision FROM tasks WHERE id = ?");
  const hasDefinition = prepare("SELECT 1 FROM definitions WHERE aggregate_id = ?");
  const insertDefinition = prepare("INSERT INTO definitions (aggregate_id, body) VALUES (?, ?)");
  const insertEffect = prepare(
    `INSERT INTO effects (id, kind, aggregate_id, task_id, attempt, tries, due_at, lease_owner, claimable_at)
     VALUES (?, ?, ?, ?, ?, 0, ?, ?, ?)`,
  );
  const deleteEffect = prepare("DELETE FROM effects WHERE id = ?");
  const lockHolder = prepare("SELECT holder FROM locks WHERE key = ?");
  const takeLock = prepare("INSERT OR IGNORE INTO locks (key, holder) VALUES (?, ?)");
  const releaseLock = prepare("DELETE FROM locks WHERE key = ? AND holder = ?");
  const usedKey = prepare("SELECT digest, aggregate_id FROM idempotency WHERE key = ? AND expires_at > ?");
  const putKey = prepare(
    "INSERT OR REPLACE INTO idempotency (key, digest, aggregate_id, expires_at) VALUES (?, ?, ?, ?)",
  );
  const sweepKeys = prepare(
    `DELETE FROM idempotency WHERE key IN (SELECT key FROM idempotency WHERE expires_at <= ? LIMIT ${SWEEP})`,
  );

  function repeated({ key }: IdempotencyKey, at: number): CommitResult | undefined {
    const used = usedKey.get(key, at);
    if (!used) return undefined;
    const { digest, aggregate_id } = used as { digest: string; aggregate_id: string };
    return { ok: false, conflict: "IDEMPOTENCY", digest, aggregateId: aggregate_id };
  }

  function isStale({ id, expectedRevision, run }: RunCommit): boolean {
    const stored = runRevision.get(id) ?? (run ? undefined : taskRevision.get(id));
    return (stored?.revision ?? 0) !== expectedRevision;
  }

  /** The definition of a removed aggregate stays as long as its messages need it: they must not get that of another. */
  function keptForMessages({ id, definition }: RunCommit): CommitResult | undefined {
    return definition && hasDefinition.get(id) ? REMOVED : undefined;
  }

  function heldByOther({ id, claims }: RunCommit): CommitResult | undefined {
    for (const key of claims) {
      const holder = lockHolder.get(key)?.holder as string | undefined;
      if (holder !== undefined && holder !== id) return { ok: false, conflict: "LOCKED", key, holder };
    }
    return undefined;
  }

  /** Checks the guards and writes the rows that they guard; a conflict has written nothing. */
  function writeRun(commit: RunCommit, at: number): CommitResult | undefined {
    const { run, expectedRevision, idempotency, claims } = commit;
    const isPlain = run && expectedRevision > 0 && !idempotency && claims.length === 0;
    if (isPlain) return rows.updateRun(run, expectedRevision) ? undefined : STALE;
    const conflict =
      (idempotency && repeated(idempotency, at)) ??
      (isStale(commit) ? STALE : (keptForMessages(commit) ?? heldByOther(commit)));
    if (conflict) return conflict;
    if (run && expectedRevision === 0) rows.insertRun(run);
    else if (run) rows.updateRun(run, expectedRevision);
    return undefined;
  }

  function write(commit: RunCommit, lease: Lease, at: number): CommitResult {
    const { id, expectedRevision, definition, tasks, effects, doneEffects, claims, releases } = commit;
    const conflict = writeRun(commit, at);
    if (conflict) return conflict;
    if (definition) insertDefinition.run(id, JSON.stringify(definition));
    const pipeline = commit.run?.name;
    for (const task of tasks)
      if (expectedRevision === 0 || !rows.updateTask(task, pipeline)) rows.insertTask(task, pipeline);
    if (definition && commit.run) keepArtifacts(commit.run, tasks);
    for (const effectId of doneEffects) deleteEffect.run(effectId);
    const claimableAt = Math.max(at, lease.until);
    for (const { id: effectId, kind, aggregateId, taskId, attempt } of effects)
      insertEffect.run(effectId, kind, aggregateId, taskId, attempt, at, lease.owner, claimableAt);
    for (const key of claims) takeLock.run(key, id);
    for (const key of releases) releaseLock.run(key, id);
    if (commit.idempotency) {
      sweepKeys.run(at);
      putKey.run(commit.idempotency.key, commit.idempotency.digest, id, at + IDEMPOTENCY_MS);
    }
    deliveries.add(id, commit.messages, at);
    appendRecords(commit.records);
    return { ok: true, events: appendHistory(commit.history) };
  }

  return (commits, lease) => {
    const at = now();
    return connection.transaction(() => commits.map((commit) => write(commit, lease, at)));
  };
}
