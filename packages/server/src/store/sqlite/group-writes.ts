// Small writes that come at the same moment share a transaction.

import { MflowError } from "@mflow/core/errors";
import type { Connection } from "./connection.ts";

/** Whether the store takes nothing now; INTERNAL is a row that it refuses. */
function isStoreUnfit(error: unknown): boolean {
  return error instanceof MflowError && error.code !== "INTERNAL";
}

interface Waiting<I, O> {
  item: I;
  resolve(result: O): void;
  reject(error: unknown): void;
}

/**
 * A writer whose calls of one turn of the event loop are written together, in their order. One that fails by itself
 * fails alone; what the store refuses is refused to all.
 */
export function inGroups<I, O>(
  connection: Pick<Connection, "transaction">,
  write: (item: I) => O,
): (item: I) => Promise<O> {
  let waiting: Waiting<I, O>[] = [];

  function flush(): void {
    const group = waiting;
    waiting = [];
    try {
      const results = connection.transaction(() => group.map(({ item }) => write(item)));
      for (const [index, { resolve }] of group.entries()) resolve(results[index] as O);
    } catch (error) {
      if (group.length === 1 || isStoreUnfit(error)) for (const { reject } of group) reject(error);
      else for (const each of group) writeAlone(each);
    }
  }

  function writeAlone({ item, resolve, reject }: Waiting<I, O>): void {
    try {
      resolve(connection.transaction(() => write(item)));
    } catch (error) {
      reject(error);
    }
  }

  return (item) =>
    new Promise((resolve, reject) => {
      if (waiting.length === 0) setImmediate(flush);
      waiting.push({ item, resolve, reject });
    });
}
