// What an engine is made of: every part is handed to it, it makes none of them itself.

import type { Context } from "@mflow/core/change";
import type { FetchSpec } from "@mflow/core/schema/artifact";
import type { Scope } from "@mflow/core/schema/scalars";
import type { ListenerHub } from "../listeners/channel.ts";
import type { LogStore } from "../logs/log-store.ts";
import type { Runner } from "../runners/runner.ts";
import type { WorkFiles } from "../runners/work-files.ts";
import type { Store } from "../store/store.ts";
import type { Clock } from "./clock.ts";

/** What the engine needs of the secret key. */
export interface EngineKeys
  extends Pick<Context, "seal" | "unseal" | "isSealed" | "fingerprint" | "verifyUpdateToken"> {
  updateToken(taskId: string, attempt: number): string;
}

export interface EngineOptions {
  store: Store;
  runners: readonly Runner[];
  logs: LogStore;
  keys: EngineKeys;
  /** Tasks under way at once on this server. */
  maxTasks: number;
  /** Members of a group in a scope; answers from memory. */
  groupMembers(group: string, scope: Scope): readonly string[];
  /** Who stands in now for a user who is away; absent: nobody does. */
  standInOf?(user: string): string | undefined;
  /** Why a user cannot decide gates in a scope; absent: everybody can. */
  cannotDecide?(user: string, scope: Scope): string | undefined;
  /**
   * What a user may do in a scope, for the runs that their runs start: `RUNS` things, only `SEES` them, or `NONE` of it;
   * absent: everybody runs everything.
   */
  rightsOf?(user: string, scope: Scope): "RUNS" | "SEES" | "NONE";
  /** Who tells listeners; absent: nobody is told. */
  listeners?: ListenerHub;
  /** Artifacts and caches; absent: nothing can be kept. */
  files?: WorkFiles & {
    /** The run or lone task is being deleted: removes its artifacts. What rejects can be repeated. */
    removeOf(aggregateId: string): Promise<void>;
    /** Whether tasks of a run that `from` names have ended and keep this artifact. */
    keeps(runId: string, fetch: Pick<FetchSpec, "from" | "name">): Promise<boolean>;
  };
  newId(prefix: string): string;
  /** Address of this server as tasks reach it. */
  mflowUrl(): string;
  log: { warn(message: string, error?: unknown): void };
  clock?: Clock;
  stopGraceMs?: number;
  /** Grace for the status call of a task whose work is gone, milliseconds. */
  statusGraceMs?: number;
}
