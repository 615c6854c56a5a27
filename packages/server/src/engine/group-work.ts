// One run's part of a group commit: what waits to be decided of it, in order, and what is written of all that together.

import type { Change } from "@mflow/core/change";
import type { Notice } from "@mflow/core/notice";
import type { JobTask } from "@mflow/core/schema/job-task";
import type { Decision, RunState } from "@mflow/core/state";
import type { IdempotencyKey, NewDelivery, RunCommit } from "../store/store.ts";
import type { Actor } from "./submit.ts";

/** What waits to be decided. */
export interface Entry {
  aggregateId: string;
  /** Absent when the entry only brings a new state. */
  change?: Exclude<Change, { type: "runPipeline" }>;
  /** A run or lone task that does not exist yet; made anew for each try. */
  create?: () => RunState;
  actor?: Actor;
  idempotency?: IdempotencyKey;
  tries: number;
  resolve(state: RunState): void;
  reject(error: unknown): void;
}

/** One run's part of a group commit. */
export interface Work {
  aggregateId: string;
  entries: Entry[];
  /** Those of the run that are decided once these are committed. */
  later?: Entry[];
  state?: RunState;
  expectedRevision: number;
  rows: Map<string, JobTask>;
  commit?: RunCommit;
  /** Told when the commit stands. */
  answers: (() => void)[];
}

/** Tells those who wait for it. */
export function answer(work: Work): void {
  for (const each of work.answers) each();
}

/** What waits, by the run or lone task that it is about; in order. */
export function byAggregate(entries: readonly Entry[]): Map<string, Entry[]> {
  return Map.groupBy(entries, (entry) => entry.aggregateId);
}

/** What a commit needs besides decisions. */
export interface CommitParts {
  newEffectId(): string;
  /** The deliveries of a notice, from memory. */
  deliveriesOf(notice: Notice, aggregateId: string): NewDelivery[];
}

/** Adds a decision to what will be written, in the order of decisions; answers with that. */
export function addToCommit(
  work: Work,
  decision: Decision,
  { newEffectId, deliveriesOf }: CommitParts,
): RunCommit {
  const { aggregateId } = work;
  work.commit ??= {
    id: aggregateId,
    expectedRevision: work.expectedRevision,
    tasks: [],
    history: [],
    effects: [],
    doneEffects: [],
    claims: [],
    releases: [],
    messages: [],
    records: [],
  };
  const { commit } = work;
  if (decision.definition) commit.definition = decision.definition;
  if (decision.run) commit.run = decision.run;
  commit.history.push(...decision.history);
  commit.claims.push(...decision.claims);
  commit.releases.push(...decision.releases);
  commit.records.push(...decision.records);
  for (const notice of decision.notices) {
    const deliveries = deliveriesOf(notice, aggregateId);
    if (deliveries.length > 0) commit.messages.push({ message: notice.message, deliveries });
  }
  for (const effect of decision.effects) {
    commit.effects.push({ ...effect, id: newEffectId(), aggregateId });
  }
  commit.tasks = [...work.rows.values()];
  return commit;
}
