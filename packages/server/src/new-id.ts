// Fresh ids. Randomness is fetched in blocks: asking for ten bytes at a time costs as much as for thousands.

import { randomBytes } from "node:crypto";
import { makeId } from "@mflow/core/ids";

const BYTES_PER_ID = 10;
const BLOCK_BYTES = 4000;

let block = new Uint8Array(0);
let used = 0;

/** `prefix-` and 26 characters, sortable by time. */
export function newId(prefix: string): string {
  if (used + BYTES_PER_ID > block.length) {
    block = new Uint8Array(randomBytes(BLOCK_BYTES));
    used = 0;
  }
  const random = block.subarray(used, used + BYTES_PER_ID);
  used += BYTES_PER_ID;
  return makeId(prefix, Date.now(), random);
}
