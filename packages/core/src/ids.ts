// Ids of records: a prefix that names the kind and 26 characters in the layout of a ULID
// (https://github.com/ulid/spec): 48 bits of time, then 80 random ones, in lower-case Crockford base32,
// which has no i, l, o, u. Ids of one prefix sort by time as text.

import { MflowError } from "./errors.ts";

const ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz";
const TIME_LENGTH = 10;
const RANDOM_BYTES = 10;
const MAX_TIME = 2 ** 48 - 1;
/** Ten characters hold 50 bits, so the first one of a 48 bit time is at most 7. */
const BODY = /^[0-7][0-9a-hjkmnp-tv-z]{25}$/;

/**
 * Makes an id. `timeMs` is milliseconds since the epoch; of `random` the first 10 bytes are used.
 * Throws INTERNAL when the time is out of range or there are fewer bytes: both are the caller's fault.
 */
export function makeId(prefix: string, timeMs: number, random: Uint8Array): string {
  const time = Math.floor(timeMs);
  if (!(time >= 0 && time <= MAX_TIME)) throw new MflowError("INTERNAL", `no id can have the time ${timeMs}`);
  if (random.length < RANDOM_BYTES) {
    throw new MflowError("INTERNAL", `an id needs ${RANDOM_BYTES} random bytes, not ${random.length}`);
  }
  return `${prefix}-${encodeTime(time)}${encodeRandom(random)}`;
}

/** Whether a text is an id with the prefix. */
export function isId(prefix: string, text: string): boolean {
  return text.startsWith(`${prefix}-`) && BODY.test(text.slice(prefix.length + 1));
}

function encodeTime(time: number): string {
  let text = "";
  let rest = time;
  for (let count = 0; count < TIME_LENGTH; count++) {
    text = ALPHABET.charAt(rest % 32) + text;
    rest = Math.floor(rest / 32);
  }
  return text;
}

function encodeRandom(random: Uint8Array): string {
  let text = "";
  let bits = 0;
  let count = 0;
  for (let index = 0; index < RANDOM_BYTES; index++) {
    bits = (bits << 8) | (random[index] as number);
    count += 8;
    while (count >= 5) {
      count -= 5;
      text += ALPHABET.charAt((bits >> count) & 31);
    }
  }
  return text;
}
