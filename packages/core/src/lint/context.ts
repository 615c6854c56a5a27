// What the rules are told about the world outside of the documents.

import type { PipelineSource } from "../extend-pipeline.ts";
import type { ChannelKind } from "../schema/channel.ts";
import type { Job } from "../schema/job.ts";
import type { Scope } from "../schema/scalars.ts";

/** The part of a stored job that the rules look at. */
export type KnownJob = Pick<Job, "domain" | "namespace" | "name" | "version" | "stage" | "spec">;

export interface LintContext {
  /** Scope of documents that name none. */
  scope: Scope;
  /**
   * The stored job of a reference in the full form that `readableJobRef` answers; of `latest` the newest PUBLISHED, of a range
   * the highest PUBLISHED in it.
   * Left out when there is no store to ask: then jobs that are not among the documents are not checked, with a
   * warning unless it is an `overlay`, which whoever runs it checks.
   */
  findJob?(ref: string, from: Scope): KnownJob | undefined;
  /** The PUBLISHED versions of the job of a reference with a range that nothing is in. */
  publishedVersions?(ref: string, from: Scope): readonly string[];
  /**
   * The stored pipeline of a full reference, of those that the documents extend or start, that their schedules name, and
   * that these extend or start. Left out when there is no store to ask: then what is not among the documents is not
   * checked, with a warning as for jobs.
   */
  findPipeline?(ref: string): PipelineSource | undefined;
  /** What stored PIPELINE jobs run, as it is written. Left out: not known. */
  pipelinesRun?: readonly string[];
  /** Names of stored jobs, for "did you mean". */
  jobNames?: Iterable<string>;
  /** Names of stored pipelines, for "did you mean". */
  pipelineNames?: Iterable<string>;
  /** The documents are laid over the stored ones for one run, so that their DRAFT jobs run too. */
  overlay?: boolean;
  /** Names of params that the run request fills, so that nothing asks for them. */
  givenParams?: ReadonlySet<string>;
  /** The runners that the server has; left out: not checked. */
  runnerTypes?: readonly string[];
  /** Who there is; left out, as while a server has no users: not checked. */
  people?: {
    users: ReadonlySet<string>;
    groups: ReadonlyMap<string, readonly string[]>;
    /** Why a user cannot decide gates in a scope; nothing when they can. */
    cannotDecide?(user: string, scope: Scope): string | undefined;
    /** Who is `@everyone` in a scope. */
    everyone?(scope: Scope): readonly string[];
  };
  /** The server's channels by name; left out: not checked. */
  channels?: ReadonlyMap<string, ChannelKind>;
  /** Whether the server may send to a host inside its own network; left out: a warning says that it has to be allowed. */
  allowsTarget?(host: string): boolean;
}

/** Where a document lives: what it says itself, else the scope it is read in. */
export function scopeOf(metadata: Partial<Scope>, scope: Scope): Scope {
  return { domain: metadata.domain ?? scope.domain, namespace: metadata.namespace ?? scope.namespace };
}
