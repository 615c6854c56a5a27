// Kubernetes tells times in whole seconds; mflow in milliseconds.

/** A time that was told so soon after it was is known better by when it was told. */
const FRESH_MS = 3_000;

/** The begin of something: in the second that was told, and not before `least`, milliseconds since the epoch. */
export function beginIn(second: string, least: number): string {
  return new Date(Math.max(Date.parse(second), least)).toISOString();
}

/** The end of something: in the second that was told, as late as it can be when that was just now; not before `least`. */
export function endIn(second: string, least: number, now = Date.now()): string {
  const start = Date.parse(second);
  const known = now - start < FRESH_MS ? Math.min(start + 999, Math.max(now, start)) : start;
  return new Date(Math.max(known, least)).toISOString();
}
