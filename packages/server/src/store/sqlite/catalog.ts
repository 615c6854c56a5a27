// Jobs, pipelines and schedules, and the settings that are written with them: rarely, all or nothing, each guarded by its
// revision.

import { MflowError } from "@mflow/core/errors";
import type { Cluster } from "@mflow/core/schema/cluster";
import type { Job } from "@mflow/core/schema/job";
import type { Limit } from "@mflow/core/schema/limit";
import type { Pipeline } from "@mflow/core/schema/pipeline";
import type { Scope } from "@mflow/core/schema/scalars";
import type { Schedule } from "@mflow/core/schema/schedule";
import { jobEntry, pipelineEntry, type SearchEntry, scheduleEntry } from "../search-entry.ts";
import type { CatalogChange, CatalogStore } from "../store.ts";
import { type Body, parseBody } from "./body.ts";
import type { Connection } from "./connection.ts";
import type { AppendHistory } from "./history.ts";
import type { NamedTable } from "./named.ts";
import type { Reader } from "./reader.ts";
import type { SearchIndex } from "./search-index.ts";

/** How one kind of record is kept. */
interface Shelf<T extends { id: string; revision: number }> {
  noun: string;
  read(id: string): T | undefined;
  /** The record that has the same full name now. */
  namesake(record: T): T | undefined;
  write(record: T, created: number): void;
  delete(id: string): void;
  entry(record: T): SearchEntry;
  /** Full name, for people. */
  label(record: T): string;
}

export function sqliteCatalog(
  connection: Connection,
  reader: Reader,
  index: SearchIndex,
  append: AppendHistory,
  settings: { clusters: NamedTable<Cluster>; limits: NamedTable<Limit> },
): CatalogStore {
  const { jobs, jobByName, latestJob, publishedVersions } = jobShelf(connection);
  const { shelf: pipelines, byName: pipelineByName } = scopedShelf<Pipeline>(
    connection,
    "pipelines",
    "Pipeline",
    pipelineEntry,
  );
  const { shelf: schedules, byName: scheduleByName } = scopedShelf<Schedule>(
    connection,
    "schedules",
    "Schedule",
    scheduleEntry,
  );

  function apply(change: CatalogChange): void {
    if ("remove" in change) {
      if (change.remove === "job") remove(jobs, change.id, change.expectedRevision);
      else if (change.remove === "pipeline") remove(pipelines, change.id, change.expectedRevision);
      else remove(schedules, change.id, change.expectedRevision);
      return;
    }
    if (change.put === "job") put(jobs, change.job, change.expectedRevision);
    else if (change.put === "pipeline") put(pipelines, change.pipeline, change.expectedRevision);
    else if (change.put === "schedule") put(schedules, change.schedule, change.expectedRevision);
    else if (change.put === "cluster") settings.clusters.write(change.cluster, change.expectedRevision);
    else settings.limits.write(change.limit, change.expectedRevision);
  }

  function put<T extends { id: string; revision: number }>(
    shelf: Shelf<T>,
    record: T,
    expected: number,
  ): void {
    const before = shelf.read(record.id);
    guard(shelf, before, shelf.label(before ?? record), expected);
    const namesake = shelf.namesake(record);
    if (namesake && namesake.id !== record.id)
      throw new MflowError(
        "NAME_TAKEN",
        `${shelf.noun} ${shelf.label(record)} exists already (${namesake.id})`,
      );
    const entry = shelf.entry(record);
    shelf.write(record, entry.created);
    if (before) index.move(shelf.entry(before), entry);
    else index.add(entry);
  }

  function remove<T extends { id: string; revision: number }>(
    shelf: Shelf<T>,
    id: string,
    expected: number,
  ): void {
    const before = shelf.read(id);
    guard(shelf, before, before ? shelf.label(before) : id, expected);
    shelf.delete(id);
    if (before) index.remove(shelf.entry(before));
  }

  return {
    async commit(changes, history) {
      return connection.transaction(() => {
        for (const change of changes) apply(change);
        return append(history);
      });
    },
    async job(id) {
      return connection.read(() => jobs.read(id));
    },
    async findJob({ domain, namespace }, name, version) {
      return connection.read(() => jobByName(domain, namespace, name, version));
    },
    async latestJob({ domain, namespace }, name) {
      return connection.read(() => latestJob(domain, namespace, name));
    },
    async publishedVersions({ domain, namespace }, name) {
      return connection.read(() => publishedVersions(domain, namespace, name));
    },
    listJobs: (query) => reader.list("job", query),
    async pipeline(id) {
      return connection.read(() => pipelines.read(id));
    },
    async findPipeline({ domain, namespace }, name) {
      return connection.read(() => pipelineByName(domain, namespace, name));
    },
    listPipelines: (query) => reader.list("pipeline", query),
    async schedule(id) {
      return connection.read(() => schedules.read(id));
    },
    async findSchedule({ domain, namespace }, name) {
      return connection.read(() => scheduleByName(domain, namespace, name));
    },
    listSchedules: (query) => reader.list("schedule", query),
  };
}

function guard<T extends { revision: number }>(
  shelf: { noun: string },
  before: T | undefined,
  label: string,
  expected: number,
): void {
  const revision = before?.revision ?? 0;
  if (revision === expected) return;
  const stands = before ? `has revision ${revision}` : "does not exist";
  throw new MflowError(
    "STALE_REVISION",
    `${shelf.noun} ${label} ${stands}; revision ${expected} was expected`,
  );
}

function jobShelf(connection: Connection) {
  const insert = connection.prepare(
    `INSERT INTO jobs (id, domain, namespace, name, version, stage, published_at, created, revision, body)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
     ON CONFLICT (id) DO UPDATE SET domain = excluded.domain, namespace = excluded.namespace,
       name = excluded.name, version = excluded.version, stage = excluded.stage,
       published_at = excluded.published_at, created = excluded.created, revision = excluded.revision,
       body = excluded.body`,
  );
  const deletion = connection.prepare("DELETE FROM jobs WHERE id = ?");
  const byId = connection.prepare("SELECT body FROM jobs WHERE id = ?");
  const byName = connection.prepare(
    "SELECT body FROM jobs WHERE domain = ? AND namespace = ? AND name = ? AND version = ?",
  );
  const latest = connection.prepare(
    `SELECT body FROM jobs WHERE stage = 'PUBLISHED' AND domain = ? AND namespace = ? AND name = ?
     ORDER BY published_at DESC, id DESC LIMIT 1`,
  );
  const published = connection.prepare(
    `SELECT version FROM jobs WHERE stage = 'PUBLISHED' AND domain = ? AND namespace = ? AND name = ?
     ORDER BY published_at DESC, id DESC`,
  );
  const jobByName = (domain: string, namespace: string, name: string, version: string): Job | undefined =>
    parseBody(byName.get(domain, namespace, name, version) as Body);
  const jobs: Shelf<Job> = {
    noun: "Job",
    read: (id) => parseBody(byId.get(id) as Body),
    namesake: (job) => jobByName(job.domain, job.namespace, job.name, job.version),
    write(job, created) {
      const { id, domain, namespace, name, version, stage, publishedAt, revision } = job;
      const published = publishedAt === undefined ? null : Date.parse(publishedAt);
      const body = JSON.stringify(job);
      insert.run(id, domain, namespace, name, version, stage, published, created, revision, body);
    },
    delete: (id) => void deletion.run(id),
    entry: jobEntry,
    label: (job) => `${job.name}@${job.namespace}.${job.domain}:${job.version}`,
  };
  const latestJob = (domain: string, namespace: string, name: string): Job | undefined =>
    parseBody(latest.get(domain, namespace, name) as Body);
  const publishedVersions = (domain: string, namespace: string, name: string): string[] =>
    (published.all(domain, namespace, name) as { version: string }[]).map(({ version }) => version);
  return { jobs, jobByName, latestJob, publishedVersions };
}

interface Scoped extends Scope {
  id: string;
  name: string;
  revision: number;
}

/** Records that have one version, told by scope and name. */
function scopedShelf<T extends Scoped>(
  connection: Connection,
  table: "pipelines" | "schedules",
  noun: string,
  entry: (record: T) => SearchEntry,
): { shelf: Shelf<T>; byName(domain: string, namespace: string, name: string): T | undefined } {
  const insert = connection.prepare(
    `INSERT INTO ${table} (id, domain, namespace, name, created, revision, body) VALUES (?, ?, ?, ?, ?, ?, ?)
     ON CONFLICT (id) DO UPDATE SET domain = excluded.domain, namespace = excluded.namespace,
       name = excluded.name, created = excluded.created, revision = excluded.revision, body = excluded.body`,
  );
  const deletion = connection.prepare(`DELETE FROM ${table} WHERE id = ?`);
  const byId = connection.prepare(`SELECT body FROM ${table} WHERE id = ?`);
  const named = connection.prepare(
    `SELECT body FROM ${table} WHERE domain = ? AND namespace = ? AND name = ?`,
  );
  const byName = (domain: string, namespace: string, name: string): T | undefined =>
    parseBody(named.get(domain, namespace, name) as Body);
  const shelf: Shelf<T> = {
    noun,
    read: (id) => parseBody(byId.get(id) as Body),
    namesake: (record) => byName(record.domain, record.namespace, record.name),
    write(record, created) {
      const { id, domain, namespace, name, revision } = record;
      insert.run(id, domain, namespace, name, created, revision, JSON.stringify(record));
    },
    delete: (id) => void deletion.run(id),
    entry,
    label: (record) => `${record.name}@${record.namespace}.${record.domain}`,
  };
  return { shelf, byName };
}
