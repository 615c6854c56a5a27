// The decision record: appended inside the transaction of what it tells of, each row chained to the one before it.

import { CHAIN_START, type ChainEnd, chainRecord } from "@mflow/core/decision-chain";
import type { DecisionRecord, NewDecisionRecord } from "@mflow/core/schema/decision-record";
import type { DecisionRecordStore } from "../store.ts";
import type { Connection } from "./connection.ts";
import { places } from "./places.ts";

/** Appends records inside a transaction and answers them chained. */
export type AppendRecords = (records: NewDecisionRecord[]) => DecisionRecord[];

/** Adds records to the end of the chain, inside the transaction that writes what was decided. */
export function appendRecords(connection: Connection): AppendRecords {
  const last = connection.prepare(
    "SELECT body FROM decision_records WHERE seq = (SELECT max(seq) FROM decision_records)",
  );
  const insert = connection.prepare("INSERT INTO decision_records (seq, body) VALUES (?, ?)");

  /** Read anew in each transaction: another server may have appended, and a row takes longer to hash than to read. */
  function end(): ChainEnd {
    const row = last.get() as { body: string } | undefined;
    return row ? (JSON.parse(row.body) as DecisionRecord) : CHAIN_START;
  }

  return (records) => {
    if (records.length === 0) return [];
    let before = end();
    return records.map((record) => {
      const chained = chainRecord(record, before);
      insert.run(chained.seq, JSON.stringify(chained));
      before = chained;
      return chained;
    });
  };
}

/**
 * A row as it stands in the file. SQLite, which finds rows by what it reads in the body, takes the first of two fields
 * of one name and JavaScript the last: a body that is not as it was written loses its hash, so that the chain shows it.
 */
function readRecord(body: string): DecisionRecord {
  const record = JSON.parse(body) as DecisionRecord;
  return JSON.stringify(record) === body ? record : { ...record, hash: "" };
}

export function sqliteDecisionRecords(connection: Connection, append: AppendRecords): DecisionRecordStore {
  const usedLink = connection.prepare("SELECT 1 FROM decision_records WHERE link = ? LIMIT 1");
  const records = places(connection, "decision_records", readRecord);
  return {
    async append(added) {
      return connection.transaction(() => append(added));
    },
    list: (query) => records.list(query),
    async isLinkUsed(link) {
      return connection.read(() => usedLink.get(link) !== undefined);
    },
  };
}
