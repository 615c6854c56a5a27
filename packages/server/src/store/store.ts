// The contract of the store, by aggregate. store.conformance.ts tests each sentence here against every
// implementation. Everything returns a promise, because PostgreSQL will; SQLite answers at once.
//
// Errors: `STORE_FULL` and `STORE_BUSY` of the catalogue; then nothing of the transaction was written.
// `UNAVAILABLE` once the store is closed.

export type * from "./account-store.ts";
export type * from "./artifact-rows.ts";
export type * from "./catalog-store.ts";
export type * from "./delivery-store.ts";
export type * from "./lease.ts";
export type * from "./page.ts";

import type { MflowError } from "@mflow/core/errors";
import type { EndedRun, Ending } from "@mflow/core/retention";
import type { Channel } from "@mflow/core/schema/channel";
import type { Cluster } from "@mflow/core/schema/cluster";
import type { DecisionRecord, NewDecisionRecord } from "@mflow/core/schema/decision-record";
import type { HistoryEvent, NewHistoryEvent } from "@mflow/core/schema/event";
import type { JobTask } from "@mflow/core/schema/job-task";
import type { Limit } from "@mflow/core/schema/limit";
import type { Pause } from "@mflow/core/schema/pause";
import type { PipelineTask, RunDefinition } from "@mflow/core/schema/pipeline-task";
import type { Scope } from "@mflow/core/schema/scalars";
import type { DecidedEffect } from "@mflow/core/state";
import type { AccountStore } from "./account-store.ts";
import type { ArtifactRows } from "./artifact-rows.ts";
import type { CatalogStore, ScheduleStore } from "./catalog-store.ts";
import type { DeliveryStore, NewMessage } from "./delivery-store.ts";
import type { Lease } from "./lease.ts";
import type { Page, PageQuery } from "./page.ts";

/** A run with its tasks, or a lone task: what is decided on and committed as one. */
export interface Aggregate {
  /** Id of the run, or of the lone task. */
  id: string;
  run?: PipelineTask;
  definition: RunDefinition;
  tasks: JobTask[];
}

/** Work that follows from a commit. Holds ids only, never specs or secrets. */
export interface NewEffect extends DecidedEffect {
  id: string;
  aggregateId: string;
}

export interface Effect extends NewEffect {
  tries: number;
  /** Milliseconds since the epoch; not before this. */
  dueAt: number;
}

/** All that one aggregate's decisions change, in one guarded step. */
export interface RunCommit {
  /** Id of the aggregate. */
  id: string;
  /** Revision on which it was decided; 0 when the aggregate is new. */
  expectedRevision: number;
  /** Only when it is new. */
  definition?: RunDefinition;
  /** The run's new row; its `revision` is above `expectedRevision`. Absent for a lone task, whose own revision guards. */
  run?: PipelineTask;
  /** New and changed tasks. */
  tasks: JobTask[];
  history: NewHistoryEvent[];
  effects: NewEffect[];
  /** Effects that are done with; unknown ids are ignored. */
  doneEffects: string[];
  /** Sequence locks that the aggregate takes. */
  claims: string[];
  /** Sequence locks that it lets go, also of those that it takes; those of others are left alone. */
  releases: string[];
  idempotency?: IdempotencyKey;
  /** Messages and who gets them, in order. */
  messages: NewMessage[];
  /** Rows for the decision record, in order; the store chains them. */
  records: NewDecisionRecord[];
}

export interface IdempotencyKey {
  /** Scope, actor and the caller's key, joined by the caller. */
  key: string;
  /** Digest of the request. */
  digest: string;
}

export type CommitResult =
  | { ok: true; events: HistoryEvent[] }
  | { ok: false; conflict: "REVISION" }
  /** The aggregate is new, but messages of one with the same id, which was removed, still wait. */
  | { ok: false; conflict: "REMOVED" }
  | { ok: false; conflict: "LOCKED"; key: string; holder: string }
  | { ok: false; conflict: "IDEMPOTENCY"; digest: string; aggregateId: string };

export interface RunStore {
  /**
   * Writes all commits in one transaction, each on what the ones before it left. One whose guard fails is undone
   * alone, and its result says why; the others are written. A used idempotency key is said before a stale
   * revision, and that before a lock. Events get increasing places in commit order. New effects are due at once and
   * leased to `lease`. Tasks that a new rerun kept get the artifacts which they have in the run that it is made of.
   */
  commit(commits: RunCommit[], lease: Lease): Promise<CommitResult[]>;
  /** The aggregate with all its tasks, in the pipeline's order. */
  load(id: string): Promise<Aggregate | undefined>;
  /** Id of the aggregate that a task belongs to. */
  aggregateOf(taskId: string): Promise<string | undefined>;
  /** Ids of aggregates that have begun and not ended, oldest first: not of runs in stage PENDING. */
  unfinished(): Promise<string[]>;
  /** Runs in stage PENDING, oldest first; their tasks and definitions are not read. */
  pending(): Promise<PipelineTask[]>;
  lockHolder(key: string): Promise<string | undefined>;
  /** What an idempotency key was used for in the last 24 hours, also when that was removed. */
  findIdempotency(key: string): Promise<{ digest: string; aggregateId: string } | undefined>;
  run(id: string): Promise<PipelineTask | undefined>;
  task(id: string): Promise<JobTask | undefined>;
  tasksOfRun(runId: string): Promise<JobTask[]>;
  /** At most `limit` of them, without the first `skip`. */
  someTasksOfRun(runId: string, skip: number, limit: number): Promise<JobTask[]>;
  definition(aggregateId: string): Promise<RunDefinition | undefined>;
  listRuns(query: RunQuery): Promise<Page<PipelineTask>>;
  listTasks(query: TaskQuery): Promise<Page<JobTask>>;
  /**
   * Tasks whose audit or confirm is WAITING and lists one of the names (users and `@groups`), oldest gate first. Cost
   * does not depend on how many other tasks there are.
   */
  waitingGates(query: WaitingGateQuery): Promise<Page<WaitingGate>>;
  /** The task of this name in this pipeline (or lone job) that SUCCEEDED last, but for `before`, the task that asks. */
  lastSucceeded(query: LastSucceededQuery): Promise<JobTask | undefined>;
  /**
   * Removes an ended aggregate with its tasks and deliveries; history stays, and `history` is added to it, and so does
   * the decision record. PENDING deliveries stay until they end, and the definition, which they need, as long. Rejects
   * with CONFLICT when it has not ended, with NOT_FOUND when there is none. However wide it is, others commit in
   * between; once it is gone its tasks follow, also when the process dies meanwhile: the next opening goes on. Its
   * idempotency keys stay for their day.
   */
  remove(aggregateId: string, history?: NewHistoryEvent[]): Promise<HistoryEvent[]>;
}

/** What ended runs are runs of: a pipeline by its name, or, for tasks that ran alone, their job. */
export interface EndedGroupKey extends Scope {
  kind: "RUN" | "TASK";
  name: string;
}

/** How many ended runs or lone tasks there are of a pipeline or job. */
export interface EndedGroup extends EndedGroupKey {
  /** Of the group among all. */
  place: number;
  succeeded: number;
  other: number;
}

/** Ended runs and lone tasks in the order of their ends. No cost here grows with how many there are. */
export interface EndedRunStore {
  /** At most `limit` groups that have ended runs, of places after `after`, in order. */
  groups(after: number, limit: number): Promise<EndedGroup[]>;
  group(key: EndedGroupKey): Promise<EndedGroup | undefined>;
  /** At most `limit` that ended in one of these ways, those that ended first, and by id; only what comes after `after`. */
  oldest(
    group: EndedGroup,
    endings: readonly Ending[],
    limit: number,
    after?: Pick<EndedRun, "endedAt" | "id">,
  ): Promise<EndedRun[]>;
  /** The one that ended last in this way. */
  newest(group: EndedGroup, ending: Ending): Promise<EndedRun | undefined>;
}

/** What the state takes of the disk. */
export interface SpaceStore {
  /**
   * Why nothing can be written: STORE_FULL or STORE_UNUSABLE, from the first write that met it on until there is room
   * again. Reads nothing and writes nothing while all is well; else it tries to write now and then.
   */
  refusal(): Promise<MflowError | undefined>;
  space(): Promise<{ bytes: number; freeBytes: number }>;
  /** Gives back a portion of what is free, when that is much; answers whether it did: then there may be more. */
  giveBack(): Promise<boolean>;
}

export interface WaitingGateQuery {
  names: readonly string[];
  /** 1 to 500. */
  limit: number;
  cursor?: string;
}

export interface WaitingGate {
  task: JobTask;
  gate: "audit" | "confirm";
}

export interface LastSucceededQuery {
  scope: Scope;
  /** Name of the pipeline; absent for lone tasks, which are told by their job. */
  pipeline?: string;
  job: string;
  stageName?: string;
  name: string;
  /** Id of the task that asks; tasks that are not older are left out. Absent: nobody asks. */
  before?: string;
}

export interface RunQuery extends PageQuery {
  stages?: string[];
  /** Name of the pipeline. */
  pipeline?: string;
  /** Id of the run of which they are reruns or rollbacks. */
  of?: string;
}

export interface TaskQuery extends PageQuery {
  stages?: string[];
  /** Name of the job. */
  job?: string;
  pipelineTaskId?: string;
}

export interface Outbox {
  /** Leases at most `limit` effects that are due at `now` and under no lease, the caller's own included; due first. */
  claim(lease: Lease, now: number, limit: number): Promise<Effect[]>;
  /** Gives an effect back for another try not before `dueAt`; counts the try. */
  retry(id: string, dueAt: number, error: string): Promise<void>;
  done(ids: string[]): Promise<void>;
  /** Voids all leases: for a server that knows that it is alone and starts. */
  releaseAll(): Promise<void>;
}

export interface RecordQuery {
  /** Rows after this place, in order. */
  after: number;
  limit: number;
  scope?: Partial<Scope>;
  pipelineTaskId?: string;
  taskId?: string;
}

/** The decision record. Rows are added in the commit of what they tell of, or by `append` when nothing changed. */
export interface DecisionRecordStore {
  append(records: NewDecisionRecord[]): Promise<DecisionRecord[]>;
  list(query: RecordQuery): Promise<DecisionRecord[]>;
  /** Whether a decision was made with this link: links serve once. */
  isLinkUsed(link: string): Promise<boolean>;
}

/** Records that are told by their name alone, each written together with the history of it. Secrets are sealed. */
export interface NamedStore<T> {
  /** By name. */
  list(): Promise<T[]>;
  /** Written when the stored revision is `expectedRevision`, 0: it must not exist. Rejects with STALE_REVISION or NAME_TAKEN. */
  put(record: T, expectedRevision: number, history?: NewHistoryEvent[]): Promise<HistoryEvent[]>;
  /** Rejects with NOT_FOUND. */
  remove(name: string, history?: NewHistoryEvent[]): Promise<HistoryEvent[]>;
}

export type ChannelStore = NamedStore<Channel>;
export type ClusterStore = NamedStore<Cluster>;

/** What is paused besides runs, whose rows say so themselves. Written together with the history of it. */
export interface PauseStore {
  /** By key. */
  list(): Promise<Pause[]>;
  /** Writes, over what is there. */
  put(pause: Pause, history: NewHistoryEvent[]): Promise<HistoryEvent[]>;
  /** What is not there is ignored. */
  remove(key: string, history: NewHistoryEvent[]): Promise<HistoryEvent[]>;
}

/** What a runner must not forget of an attempt while its work is elsewhere. */
export interface RunnerAttempt {
  taskId: string;
  /** From 1. */
  attempt: number;
  /** Of the runner's own: what it knows of the attempt, secrets sealed. */
  body: unknown;
}

/** What runners whose work is on other machines remember over a restart. Durable when a promise resolves. */
export interface RunnerAttemptStore {
  /** Oldest first. */
  list(runner: string): Promise<RunnerAttempt[]>;
  /** Writes, over what is there for the same attempt. */
  put(runner: string, attempt: RunnerAttempt): Promise<void>;
  /** What is not there is ignored. */
  remove(runner: string, refs: readonly { taskId: string; attempt: number }[]): Promise<void>;
  /** Tells this installation from others that use the same cluster: 20 characters, made with the database. */
  installationId(): Promise<string>;
}

export interface HistoryQuery {
  /** Events after this place. */
  after: number;
  limit: number;
  scope?: Partial<Scope>;
  pipelineTaskId?: string;
  taskId?: string;
}

/** How much of the history is in the archive. */
export interface ArchivedHistory {
  /** All up to this place; 0: nothing. */
  upTo: number;
  /** Name of the file that was written last; none: empty. */
  file: string;
  /** So much of it is whole. */
  bytes: number;
}

export interface HistoryStore {
  /** Adds events that belong to no other change. Durable when it resolves. */
  append(events: NewHistoryEvent[]): Promise<HistoryEvent[]>;
  /** Only events that are not in the archive. */
  list(query: HistoryQuery): Promise<HistoryEvent[]>;
  /** Place of the newest event, in the archive or not; 0 when there is none. */
  lastSeq(): Promise<number>;
  archived(): Promise<ArchivedHistory>;
  /** Notes what is in the archive, and removes it here. Durable when it resolves. */
  archive(archived: ArchivedHistory): Promise<void>;
}

/** Closing waits for lists under way; a second close does nothing. */
export interface Store {
  readonly runs: RunStore;
  readonly ended: EndedRunStore;
  readonly outbox: Outbox;
  readonly history: HistoryStore;
  readonly catalog: CatalogStore;
  readonly schedules: ScheduleStore;
  readonly accounts: AccountStore;
  readonly deliveries: DeliveryStore;
  readonly records: DecisionRecordStore;
  readonly channels: NamedStore<Channel>;
  readonly clusters: NamedStore<Cluster>;
  readonly limits: NamedStore<Limit>;
  readonly pauses: PauseStore;
  readonly runnerAttempts: RunnerAttemptStore;
  readonly artifacts: ArtifactRows;
  readonly space: SpaceStore;
  close(): Promise<void>;
}
