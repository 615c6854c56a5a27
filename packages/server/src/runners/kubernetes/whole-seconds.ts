// Kubernetes tells times in whole seconds, by the clocks of its nodes; mflow in milliseconds, by its own. A clock that is
// off is seen where the work begins: it did not begin before it was asked for, nor after it was heard of.

/** A time that was told so soon after it was is known better by when it was told. */
const FRESH_MS = 3_000;
/** What rounding alone may do. */
const ROUNDED_MS = 2_000;

/** The begin of something: in the second that was told, not before `least` and not after now; milliseconds since the epoch. */
export function beginIn(second: string, least: number, now = Date.now()): string {
  return new Date(Math.max(Math.min(Date.parse(second), now), least)).toISOString();
}

/** How much is to be added to the times of a node by whose clock something began in a second, and by ours then. */
export function clockShift(second: string, begin: string): number {
  const shift = Date.parse(begin) - Date.parse(second);
  return Math.abs(shift) > ROUNDED_MS ? shift : 0;
}

/** The end of something: in the second that was told, as late as it can be when that was just now; not before `least`. */
export function endIn(second: string, least: number, shift = 0, now = Date.now()): string {
  const start = Math.min(Date.parse(second) + shift, now);
  const known = now - start < FRESH_MS ? Math.min(start + 999, Math.max(now, start)) : start;
  return new Date(Math.max(known, least)).toISOString();
}
