// `Retry-After` (RFC 9110, 10.2.3): seconds, or a date.

/** Nobody lets us wait longer, milliseconds. */
const LONGEST_MS = 60 * 60_000;

/** Milliseconds from `now` (milliseconds since the epoch) that a header asks to wait; undefined when it says nothing. */
export function retryAfterMs(header: string | undefined, now: number): number | undefined {
  if (header === undefined) return undefined;
  const seconds = /^\s*([0-9]{1,9})\s*$/.exec(header)?.[1];
  const wait = seconds === undefined ? Date.parse(header) - now : Number(seconds) * 1000;
  return Number.isNaN(wait) ? undefined : Math.min(Math.max(wait, 0), LONGEST_MS);
}
