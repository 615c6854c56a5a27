// The walk over a record of several pages: whole, and spoilt in every way.

import { CHAIN_START, chainRecord } from "@mflow/core/decision-chain";
import type { DecisionRecord, NewDecisionRecord } from "@mflow/core/schema/decision-record";
import { expect, test } from "vitest";
import { type Walk, walkChain } from "./chain-walk.ts";

const ROWS = 1203;

const whole: DecisionRecord[] = [];
for (let number = 1; number <= ROWS; number++) {
  const row = {
    at: "2026-03-01T12:00:00.000Z",
    domain: "d",
    namespace: "n",
    act: "OPEN",
    rule: `${number}`,
  } as const;
  whole.push(chainRecord(row, whole.at(-1) ?? CHAIN_START));
}

const row = (seq: number) => whole[seq - 1] as DecisionRecord;
const endAt = (seq: number, rows = whole) => ({
  lastSeq: seq,
  lastHash: rows[seq - 1]?.hash ?? CHAIN_START.hash,
});

/** A row without what chains it. */
function said(seq: number): NewDecisionRecord {
  const { seq: _seq, previous: _previous, hash: _hash, ...record } = row(seq);
  return record;
}

function walk(rows: readonly DecisionRecord[], options?: Walk) {
  const list = async ({ after, limit }: { after: number; limit: number }) =>
    rows.filter(({ seq }) => seq > after).slice(0, limit);
  return walkChain({ list }, options);
}

test("a whole record says how many rows it has and what its last hash is", async () => {
  expect(await walk(whole)).toEqual({ ok: true, rows: ROWS, ...endAt(ROWS) });
  expect(await walk([])).toEqual({ ok: true, rows: 0, ...endAt(0) });
  expect(await walk(whole.slice(0, 500))).toEqual({ ok: true, rows: 500, ...endAt(500) });
});

test("a part is checked from the row before it to its last", async () => {
  expect(await walk(whole, { before: row(700), until: 710 })).toEqual({ ok: true, rows: 10, ...endAt(710) });
  expect(await walk(whole.slice(0, 705), { before: row(700), until: 710 })).toEqual({
    ...{ ok: false, rows: 5, ...endAt(705) },
    bad: { seq: 706, reason: "row 706 is missing" },
  });
});

test.each<[string, DecisionRecord[], number, string]>([
  [
    "a changed row",
    whole.with(600, { ...row(601), rule: "another" }),
    601,
    "row 601 has not the hash of what it says: it was changed",
  ],
  ["a row that was taken out", whole.toSpliced(600, 1), 601, "row 601 is missing"],
  [
    "a row that was written anew with a hash that fits",
    whole.with(600, chainRecord({ ...said(601), rule: "another" }, row(600))),
    602,
    "row 602 is not bound to row 601: one of the two was changed or put in",
  ],
  ["a first row that is gone", whole.slice(1), 1, "row 1 is missing"],
])("%s shows", async (_name, rows, seq, reason) => {
  expect(await walk(rows)).toEqual({
    ...{ ok: false, rows: seq - 1, ...endAt(seq - 1, rows) },
    bad: { seq, reason },
  });
});

test("a hash that was noted shows a record that was cut off or written anew as a whole", async () => {
  expect(await walk(whole, { expected: { seq: 1000, hash: row(1000).hash } })).toMatchObject({ ok: true });
  expect(await walk(whole, { expected: { seq: 1000, hash: "f".repeat(64) } })).toMatchObject({
    ok: false,
    bad: { seq: 1000, reason: "row 1000 has not the hash that was noted: it was written anew" },
  });
  expect(await walk(whole.slice(0, 900), { expected: { seq: 1000, hash: row(1000).hash } })).toEqual({
    ...{ ok: false, rows: 900, ...endAt(900) },
    bad: { seq: 901, reason: "the record ends at row 900; row 1000, which was noted, is missing" },
  });
});
