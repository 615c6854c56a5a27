// The chain of the decision record: each row carries the hash of the one before it, so a row that was changed, taken
// out or put in later shows. What was cut off at the end shows only to who noted the last hash before: keep it
// elsewhere, e.g. in a release report.

import { digestOf } from "./digest.ts";
import type { DecisionRecord, NewDecisionRecord } from "./schema/decision-record.ts";

/** The place and hash of a row, which the next one is bound to. */
export type ChainEnd = Pick<DecisionRecord, "seq" | "hash">;

/** What the first row is bound to. */
export const CHAIN_START: ChainEnd = { seq: 0, hash: "0".repeat(64) };

/** The record as the row that follows `before`. */
export function chainRecord(record: NewDecisionRecord, before: ChainEnd): DecisionRecord {
  const row = { seq: before.seq + 1, ...record, previous: before.hash };
  return { ...row, hash: digestOf(row) };
}

/**
 * Checks rows that follow `before` without gaps, in order; answers the first place whose row is not the one that was
 * written, or is missing; nothing when all are.
 */
export function verifyChain(
  records: Iterable<DecisionRecord>,
  before: ChainEnd = CHAIN_START,
): number | undefined {
  let end = before;
  for (const record of records) {
    const { hash, ...row } = record;
    const seq = end.seq + 1;
    if (record.seq !== seq || record.previous !== end.hash || digestOf(row) !== hash) return seq;
    end = record;
  }
  return undefined;
}
