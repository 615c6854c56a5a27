// The part of the store's contract about jobs, pipelines and schedules, the settings that are written with them, and what
// schedules have done.

import type { Cluster } from "@mflow/core/schema/cluster";
import type { HistoryEvent, NewHistoryEvent } from "@mflow/core/schema/event";
import type { Job } from "@mflow/core/schema/job";
import type { Limit } from "@mflow/core/schema/limit";
import type { Pipeline } from "@mflow/core/schema/pipeline";
import type { Scope } from "@mflow/core/schema/scalars";
import type { Schedule, ScheduleState } from "@mflow/core/schema/schedule";
import type { Page, PageQuery } from "./page.ts";

/** A record is written when its stored revision is `expectedRevision`; 0 means that it must not exist. */
export type CatalogChange =
  | { put: "job"; job: Job; expectedRevision: number }
  | { put: "pipeline"; pipeline: Pipeline; expectedRevision: number }
  | { put: "schedule"; schedule: Schedule; expectedRevision: number }
  | { put: "cluster"; cluster: Cluster; expectedRevision: number }
  | { put: "limit"; limit: Limit; expectedRevision: number }
  | { remove: "job" | "pipeline" | "schedule"; id: string; expectedRevision: number };

export interface CatalogStore {
  /** All or nothing. Rejects with STALE_REVISION or NAME_TAKEN that names the record. */
  commit(changes: CatalogChange[], history: NewHistoryEvent[]): Promise<HistoryEvent[]>;
  job(id: string): Promise<Job | undefined>;
  findJob(scope: Scope, name: string, version: string): Promise<Job | undefined>;
  /** The job version that was PUBLISHED last. */
  latestJob(scope: Scope, name: string): Promise<Job | undefined>;
  /** All PUBLISHED versions of a job, the one that was PUBLISHED last first. */
  publishedVersions(scope: Scope, name: string): Promise<string[]>;
  listJobs(query: PageQuery & { name?: string; stages?: string[] }): Promise<Page<Job>>;
  pipeline(id: string): Promise<Pipeline | undefined>;
  findPipeline(scope: Scope, name: string): Promise<Pipeline | undefined>;
  listPipelines(query: PageQuery & { name?: string }): Promise<Page<Pipeline>>;
  schedule(id: string): Promise<Schedule | undefined>;
  findSchedule(scope: Scope, name: string): Promise<Schedule | undefined>;
  listSchedules(query: PageQuery & { name?: string }): Promise<Page<Schedule>>;
}

export interface StoredSchedule {
  schedule: Schedule;
  /** Absent until it was put for the first time. */
  state?: ScheduleState;
}

/** What schedules have done so far; it goes with its schedule. Durable when a promise resolves. */
export interface ScheduleStore {
  /** Oldest first. */
  all(): Promise<StoredSchedule[]>;
  find(id: string): Promise<StoredSchedule | undefined>;
  /**
   * Written, with events, when the stored revision is `expectedRevision`, 0: there is none yet. Rejects with
   * STALE_REVISION, or with NOT_FOUND when the schedule is gone.
   */
  putState(
    state: ScheduleState,
    expectedRevision: number,
    history: NewHistoryEvent[],
  ): Promise<HistoryEvent[]>;
}
