// Walks the decision record page by page and says whether it is whole. Everybody with a token may ask for that, and the
// record only grows: so one walk goes at a time, those who ask for the same share it, and it lets others have their turn.

import { setImmediate } from "node:timers/promises";
import { CHAIN_START, type ChainEnd, verifyChain } from "@mflow/core/decision-chain";
import type { DecisionRecord } from "@mflow/core/schema/decision-record";
import type { ChainVerdict } from "@mflow/core/schema/release-report";
import type { DecisionRecordStore } from "../store/store.ts";

/** Rows that are read and checked in one go, which takes some milliseconds in which nothing else is done. */
const PAGE = 100;

export interface Walk {
  /** The row before the first that is checked (default: the beginning). */
  before?: ChainEnd;
  /** Place of the last row that is checked (default: the end). */
  until?: number;
}

type Records = Pick<DecisionRecordStore, "list">;

export class ChainWalks {
  readonly #records: Records;
  readonly #shared = new Map<string, Promise<ChainVerdict>>();
  #last: Promise<unknown> = Promise.resolve();

  constructor(records: Records) {
    this.#records = records;
  }

  /** Whether a part is whole, or all; `expected`: a row and the hash that somebody noted of it. */
  async verify(walk: Walk = {}, expected?: ChainEnd): Promise<ChainVerdict> {
    const verdict = await this.#share(walk);
    return expected ? compareNoted(this.#records, verdict, expected) : verdict;
  }

  #share(walk: Walk): Promise<ChainVerdict> {
    const key = `${walk.before?.seq} ${walk.before?.hash} ${walk.until}`;
    const shared = this.#shared.get(key);
    if (shared) return shared;
    const walking = this.#last.then(() => walkChain(this.#records, walk));
    this.#shared.set(key, walking);
    const done = () => this.#shared.delete(key);
    this.#last = walking.then(done, done);
    return walking;
  }
}

async function walkChain(
  records: Records,
  { before = CHAIN_START, until = Number.POSITIVE_INFINITY }: Walk = {},
): Promise<ChainVerdict> {
  let end = before;
  let rows = 0;
  const bad = (seq: number, reason: string): ChainVerdict => ({
    ...{ ok: false, rows, lastSeq: end.seq, lastHash: end.hash },
    bad: { seq, reason },
  });
  while (end.seq < until) {
    const page = await records.list({ after: end.seq, limit: Math.min(PAGE, until - end.seq) });
    if (page.length === 0) break;
    const wrong = verifyChain(page, end);
    const good = wrong === undefined ? page : page.filter(({ seq }) => seq < wrong);
    rows += good.length;
    const last = good.at(-1) ?? end;
    end = { seq: last.seq, hash: last.hash };
    if (wrong !== undefined) return bad(wrong, reasonOf(wrong, page, end));
    await setImmediate();
  }
  if (Number.isFinite(until) && end.seq < until) return bad(end.seq + 1, `row ${end.seq + 1} is missing`);
  return { ok: true, rows, lastSeq: end.seq, lastHash: end.hash };
}

/** The verdict of a walk, unless the row that was noted is gone or another one. */
async function compareNoted(
  records: Records,
  verdict: ChainVerdict,
  expected: ChainEnd,
): Promise<ChainVerdict> {
  const { lastSeq } = verdict;
  if (expected.seq <= lastSeq) {
    if ((await hashAt(records, expected.seq)) === expected.hash) return verdict;
    const reason = `row ${expected.seq} has not the hash that was noted: it was written anew`;
    return { ...verdict, ok: false, bad: { seq: expected.seq, reason } };
  }
  if (!verdict.ok) return verdict;
  // A walk that others began may have ended before the row that was noted was written.
  const rest = await walkChain(records, { before: { seq: lastSeq, hash: verdict.lastHash } });
  const whole = { ...rest, rows: verdict.rows + rest.rows };
  if (rest.rows > 0 || !rest.ok) return compareNoted(records, whole, expected);
  const reason = `the record ends at row ${lastSeq}; row ${expected.seq}, which was noted, is missing`;
  return { ...verdict, ok: false, bad: { seq: lastSeq + 1, reason } };
}

/** Before the first row there is the start of the chain. */
async function hashAt(records: Records, seq: number): Promise<string | undefined> {
  if (seq === CHAIN_START.seq) return CHAIN_START.hash;
  const [row] = await records.list({ after: seq - 1, limit: 1 });
  return row?.seq === seq ? row.hash : undefined;
}

function reasonOf(seq: number, page: readonly DecisionRecord[], end: ChainEnd): string {
  const row = page.find((each) => each.seq === seq);
  if (!row) return `row ${seq} is missing`;
  if (row.previous !== end.hash)
    return `row ${seq} is not bound to row ${end.seq}: one of the two was changed or put in`;
  return `row ${seq} has not the hash of what it says: it was changed`;
}
