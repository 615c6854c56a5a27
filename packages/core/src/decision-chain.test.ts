import { expect, test } from "vitest";
import { CHAIN_START, type ChainEnd, chainRecord, verifyChain } from "./decision-chain.ts";
import type { DecisionRecord, NewDecisionRecord } from "./schema/decision-record.ts";

function aDecision(n: number): NewDecisionRecord {
  return {
    at: `2026-01-31T12:00:0${n}.000Z`,
    domain: "default",
    namespace: "default",
    taskId: "task-1",
    act: "DECIDE",
    user: "ana",
    verdict: "PASS",
    comment: `Number ${n} 🚀`,
    rule: "ana is listed",
    source: { via: "LINK", link: `link-${n}` },
  };
}

/** Five rows that follow `before`. */
function aChain(before: ChainEnd = CHAIN_START): [DecisionRecord, ...DecisionRecord[]] {
  const rows = [chainRecord(aDecision(1), before)] as [DecisionRecord, ...DecisionRecord[]];
  for (let n = 2; n <= 5; n++) rows.push(chainRecord(aDecision(n), rows.at(-1) as DecisionRecord));
  return rows;
}

test("rows have places without gaps and are bound to the one before", () => {
  const rows = aChain();
  expect(rows.map(({ seq }) => seq)).toEqual([1, 2, 3, 4, 5]);
  expect(rows[0].previous).toBe("0".repeat(64));
  for (const [i, row] of rows.slice(1).entries()) expect(row.previous).toBe(rows[i]?.hash);
  expect(new Set(rows.map(({ hash }) => hash)).size).toBe(5);
});

test("the hash is the SHA-256 of the canonical JSON of all other fields", () => {
  const record: NewDecisionRecord = {
    at: "2026-01-31T12:00:00.000Z",
    domain: "d",
    namespace: "n",
    act: "EXPIRE",
    rule: "r",
  };
  const row = chainRecord(record, CHAIN_START);
  // From sha256sum, not from this code.
  expect(row.hash).toBe("13d146a9714982d06faf39887144964c3d99ed140f4057bf6c94a1793fcd40bf");
});

test("a sound chain is verified, as a whole and from any row on", () => {
  const rows = aChain();
  expect(verifyChain(rows)).toBeUndefined();
  expect(verifyChain(rows.slice(2), rows[1])).toBeUndefined();
  expect(verifyChain([])).toBeUndefined();
});

test("rows survive being stored as JSON, with their fields in any order", () => {
  const stored = aChain().map((row) => {
    const entries = Object.entries(JSON.parse(JSON.stringify(row)) as DecisionRecord);
    return Object.fromEntries(entries.reverse()) as unknown as DecisionRecord;
  });
  expect(verifyChain(stored)).toBeUndefined();
});

test("any change of a row shows at its place", () => {
  const changes: Partial<DecisionRecord>[] = [
    { comment: "Number 3" },
    { user: "bob" },
    { verdict: "DENY" },
    { at: "2026-01-31T12:00:09.000Z" },
    { digest: "0".repeat(64) },
    { source: { via: "LINK", link: "link-9" } },
    { seq: 4 },
    { previous: "0".repeat(64) },
    { hash: "f".repeat(64) },
  ];
  for (const change of changes) {
    const rows = aChain().map((row) => (row.seq === 3 ? { ...row, ...change } : row));
    expect(verifyChain(rows), JSON.stringify(change)).toBe(3);
  }
});

test("a row that was changed and hashed anew shows at the next one", () => {
  const [first, second, third, ...rest] = aChain() as [DecisionRecord, DecisionRecord, DecisionRecord];
  const { seq: _seq, previous: _previous, hash: _hash, ...told } = third;
  const forged = chainRecord({ ...told, user: "bob" }, second);
  expect(verifyChain([first, second, forged, ...rest])).toBe(4);
});

test("a row that is missing, was put in or stands elsewhere shows", () => {
  const rows = aChain();
  expect(verifyChain(rows.toSpliced(2, 1))).toBe(3);
  expect(verifyChain(rows.slice(1))).toBe(1);
  expect(verifyChain(rows.toSpliced(2, 0, rows[1] as DecisionRecord))).toBe(3);
  expect(verifyChain([rows[0], rows[2], rows[1]] as DecisionRecord[])).toBe(2);
  expect(verifyChain(aChain({ seq: 0, hash: "a".repeat(64) }))).toBe(1);
});
