// Kubernetes tells times in whole seconds; mflow in milliseconds.

/** Of a time that is not older than this, the moment when it was noticed says the rest of its second. */
const FRESH_MS = 3_000;

/**
 * A time that Kubernetes told, as far as it is known better: it is not before `least` (milliseconds since the epoch), and
 * one that was told just now lies between its second and now.
 */
export function within(time: string | undefined, least: number, now = Date.now()): string | undefined {
  if (time === undefined) return undefined;
  const second = Date.parse(time);
  const known = now - second < FRESH_MS ? Math.min(second + 999, Math.max(now, second)) : second;
  return new Date(Math.max(known, least)).toISOString();
}
