// Walks the decision record page by page and says whether it is whole.

import { CHAIN_START, type ChainEnd, verifyChain } from "@mflow/core/decision-chain";
import type { DecisionRecord } from "@mflow/core/schema/decision-record";
import type { ChainVerdict } from "@mflow/core/schema/release-report";
import type { DecisionRecordStore } from "../store/store.ts";

const PAGE = 500;

export interface Walk {
  /** The row before the first that is checked (default: the beginning). */
  before?: ChainEnd;
  /** Place of the last row that is checked (default: the end). */
  until?: number;
  /** A row and the hash that somebody noted of it. */
  expected?: ChainEnd;
}

export async function walkChain(
  records: Pick<DecisionRecordStore, "list">,
  { before = CHAIN_START, until = Number.POSITIVE_INFINITY, expected }: Walk = {},
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
    const noted = expected && [end, ...good].find(({ seq }) => seq === expected.seq);
    if (expected && noted && noted.hash !== expected.hash) {
      return bad(expected.seq, `row ${expected.seq} has not the hash that was noted: it was written anew`);
    }
    const previous = last;
    end = { seq: previous.seq, hash: previous.hash };
    if (wrong !== undefined) return bad(wrong, reasonOf(wrong, page, end));
  }
  if (Number.isFinite(until) && end.seq < until) return bad(end.seq + 1, `row ${end.seq + 1} is missing`);
  if (expected && end.seq < expected.seq) {
    return bad(
      end.seq + 1,
      `the record ends at row ${end.seq}; row ${expected.seq}, which was noted, is missing`,
    );
  }
  return { ok: true, rows, lastSeq: end.seq, lastHash: end.hash };
}

function reasonOf(seq: number, page: readonly DecisionRecord[], end: ChainEnd): string {
  const row = page.find((each) => each.seq === seq);
  if (!row) return `row ${seq} is missing`;
  if (row.previous !== end.hash)
    return `row ${seq} is not bound to row ${end.seq}: one of the two was changed or put in`;
  return `row ${seq} has not the hash of what it says: it was changed`;
}
