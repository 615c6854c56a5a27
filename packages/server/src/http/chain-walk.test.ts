// The walk over a record of several pages: whole, and spoilt in every way.

import { CHAIN_START, type ChainEnd, chainRecord } from "@mflow/core/decision-chain";
import type { DecisionRecord, NewDecisionRecord } from "@mflow/core/schema/decision-record";
import { expect, test } from "vitest";
import { ChainWalks, type Walk } from "./chain-walk.ts";

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

function walk(rows: readonly DecisionRecord[], part?: Walk, expected?: ChainEnd) {
  const list = async ({ after, limit }: { after: number; limit: number }) =>
    rows.filter(({ seq }) => seq > after).slice(0, limit);
  return new ChainWalks({ list }).verify(part, expected);
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
  expect(await walk(whole, {}, { seq: 1000, hash: row(1000).hash })).toMatchObject({ ok: true });
  expect(await walk(whole, {}, { seq: 1000, hash: "f".repeat(64) })).toMatchObject({
    ok: false,
    bad: { seq: 1000, reason: "row 1000 has not the hash that was noted: it was written anew" },
  });
  expect(await walk(whole.slice(0, 900), {}, { seq: 1000, hash: row(1000).hash })).toEqual({
    ...{ ok: false, rows: 900, ...endAt(900) },
    bad: { seq: 901, reason: "the record ends at row 900; row 1000, which was noted, is missing" },
  });
});

/** Rows, with a count of what is read of them and whether two read in the same turn of the event loop. */
function watched(rows: readonly DecisionRecord[]) {
  const seen = { rows: 0, turns: 0, mostOfTurn: 0 };
  let inTurn = 0;
  const list = async ({ after, limit }: { after: number; limit: number }) => {
    const page = rows.filter(({ seq }) => seq > after).slice(0, limit);
    if (inTurn === 0) {
      seen.turns++;
      setImmediate(() => {
        inTurn = 0;
      });
    }
    inTurn += page.length;
    seen.rows += page.length;
    seen.mostOfTurn = Math.max(seen.mostOfTurn, inTurn);
    return page;
  };
  return { seen, walks: new ChainWalks({ list }) };
}

test("a walk lets others have their turn, and many walks at once do no more in a turn than one", async () => {
  const { seen, walks } = watched(whole);
  await Promise.all([
    walks.verify(),
    walks.verify({ before: row(100), until: 900 }),
    walks.verify({ before: row(200), until: 900 }),
  ]);
  expect(seen.rows).toBe(ROWS + 800 + 700);
  expect(seen.mostOfTurn).toBeLessThanOrEqual(200);
});

test("those who ask for the same at the same time share a walk, whatever hash they noted", async () => {
  const { seen, walks } = watched(whole);
  const noted = [1, 500, ROWS].map((seq) => ({ seq, hash: row(seq).hash }));
  const verdicts = await Promise.all([walks.verify(), ...noted.map((each) => walks.verify({}, each))]);
  expect(verdicts).toEqual(Array(4).fill({ ok: true, rows: ROWS, ...endAt(ROWS) }));
  expect(seen.rows).toBe(ROWS + noted.length);
  await walks.verify();
  expect(seen.rows).toBe(2 * ROWS + noted.length);
});

test("a row that was written and noted while a shared walk came to its end is not missing", async () => {
  const rows = whole.slice(0, 150);
  const list = async ({ after, limit }: { after: number; limit: number }) => {
    const page = rows.filter(({ seq }) => seq > after).slice(0, limit);
    if (page.length === 0 && rows.length === 150) rows.push(...whole.slice(150, 170));
    return page;
  };
  const walks = new ChainWalks({ list });
  const noted = { seq: 160, hash: row(160).hash };
  expect(await Promise.all([walks.verify(), walks.verify({}, noted)])).toEqual([
    { ok: true, rows: 150, ...endAt(150) },
    { ok: true, rows: 170, ...endAt(170) },
  ]);
});

test("a walk that fails fails those who share it, and the next one begins anew", async () => {
  let isFailing = true;
  const list = async () => {
    if (isFailing) throw new Error("the disk is gone");
    return [];
  };
  const walks = new ChainWalks({ list });
  await expect(walks.verify()).rejects.toThrow("the disk is gone");
  isFailing = false;
  expect(await walks.verify()).toEqual({ ok: true, rows: 0, ...endAt(0) });
});
