// Small writes of one moment share a transaction.

import { MflowError } from "@mflow/core/errors";
import { expect, test } from "vitest";
import { inGroups } from "./group-writes.ts";

/** Counts transactions; what was written by one that failed is gone. */
function counting() {
  const written: number[] = [];
  let transactions = 0;
  return {
    written,
    get transactions() {
      return transactions;
    },
    transaction<T>(work: () => T): T {
      transactions++;
      const before = written.length;
      try {
        return work();
      } catch (error) {
        written.length = before;
        throw error;
      }
    },
  };
}

test("writes of one moment are one transaction, in their order, each with its own answer", async () => {
  const connection = counting();
  const write = inGroups(connection, (item: number) => connection.written.push(item));
  expect(await Promise.all([write(7), write(8), write(9)])).toEqual([1, 2, 3]);
  expect(await write(10)).toBe(4);
  expect([connection.written, connection.transactions]).toEqual([[7, 8, 9, 10], 2]);
});

test("one that fails takes no other along", async () => {
  const connection = counting();
  const write = inGroups(connection, (item: number) => {
    if (item === 8) throw new MflowError("INTERNAL", "UNIQUE constraint failed");
    return connection.written.push(item);
  });
  const results = await Promise.allSettled([write(7), write(8), write(9)]);
  expect(results.map(({ status }) => status)).toEqual(["fulfilled", "rejected", "fulfilled"]);
  expect(connection.written).toEqual([7, 9]);
});

test("what the store refuses is refused to all, once", async () => {
  const connection = counting();
  const write = inGroups(connection, () => {
    throw new MflowError("STORE_FULL", "the disk is full");
  });
  const results = await Promise.allSettled([write(1), write(2)]);
  expect(results.map(({ status }) => status)).toEqual(["rejected", "rejected"]);
  expect(connection.transactions).toBe(1);
});
