// Fresh ids. Those of one process sort in the order in which they were made, also within a millisecond: the order of a
// queue can be told from them after a crash. Randomness is fetched in blocks: asking for ten bytes at a time costs as
// much as for thousands.

import { randomBytes } from "node:crypto";
import { makeId } from "@mflow/core/ids";

const BYTES_PER_ID = 10;
const BLOCK_BYTES = 4000;

let block = new Uint8Array(0);
let used = 0;
let lastTime = 0;
let last = new Uint8Array(BYTES_PER_ID);

/** `prefix-` and 26 characters, sortable by time. */
export function newId(prefix: string): string {
  const now = Date.now();
  if (now > lastTime) {
    lastTime = now;
    last = fresh();
    // There is room above for more of the same millisecond.
    last[0] = (last[0] as number) & 0x7f;
  } else {
    countOn(last);
  }
  return makeId(prefix, lastTime, last);
}

/** The next ones, not by one: nobody guesses an id from another. */
function countOn(bytes: Uint8Array): void {
  let carry = 1;
  const step = fresh();
  for (let index = BYTES_PER_ID - 1; index >= 0; index--) {
    // The lower half is moved by a random step, the upper one by what is carried.
    const sum = (bytes[index] as number) + carry + (index >= BYTES_PER_ID / 2 ? (step[index] as number) : 0);
    bytes[index] = sum & 0xff;
    carry = sum >> 8;
  }
}

function fresh(): Uint8Array<ArrayBuffer> {
  if (used + BYTES_PER_ID > block.length) {
    block = new Uint8Array(randomBytes(BLOCK_BYTES));
    used = 0;
  }
  const random = block.slice(used, used + BYTES_PER_ID);
  used += BYTES_PER_ID;
  return random;
}
