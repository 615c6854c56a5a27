// Durations: how documents write them (`90s`, `1h30m`) and how people read them (`1m05s`).

import { MflowError } from "./errors.ts";

const UNITS: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
};

/**
 * Milliseconds of a duration such as `90s`, `15m` or `1h30m`.
 * Throws BAD_REQUEST when the text is none, or is longer than can be counted in whole milliseconds.
 */
export function parseDuration(text: string): number {
  let total = 0;
  let read = 0;
  for (const [part, count, unit] of text.matchAll(/([0-9]+)(ms|[smhd])/g)) {
    read += part.length;
    total += Number(count) * (UNITS[unit as string] as number);
  }
  if (read === 0 || read !== text.length || !Number.isSafeInteger(total)) {
    const shown = JSON.stringify(text.length > 40 ? `${text.slice(0, 40)}…` : text);
    throw new MflowError("BAD_REQUEST", `${shown} is not a duration; write it like 500ms, 90s, 15m or 1h30m`);
  }
  return total;
}

/** The last time that a `Date` holds, milliseconds since the epoch. */
const LAST_TIME_MS = 8.64e15;

/** RFC 3339 of the time `ms` after `fromMs` (since the epoch); a time beyond what dates can say is the last one. */
export function timeAfter(fromMs: number, ms: number): string {
  return new Date(Math.min(fromMs + ms, LAST_TIME_MS)).toISOString();
}

/**
 * A duration in milliseconds, short and for people: `340ms`, `1.4s`, `42s`, `1m05s`, `2h03m`, `3d04h`.
 * Cuts rather than rounds, so a running clock never shows time that has not passed; below zero is `0ms`.
 */
export function formatDuration(ms: number): string {
  const whole = ms > 0 ? Math.floor(ms) : 0;
  if (whole < 1000) return `${whole}ms`;
  if (whole < 10_000) return `${Math.floor(whole / 100) / 10}s`;
  if (whole < 60_000) return `${Math.floor(whole / 1000)}s`;
  if (whole < 3_600_000) return pair(whole, "m", 60_000, "s", 1000);
  if (whole < 86_400_000) return pair(whole, "h", 3_600_000, "m", 60_000);
  return pair(whole, "d", 86_400_000, "h", 3_600_000);
}

function pair(ms: number, unit: string, unitMs: number, smaller: string, smallerMs: number): string {
  const rest = Math.floor((ms % unitMs) / smallerMs);
  return `${Math.floor(ms / unitMs)}${unit}${String(rest).padStart(2, "0")}${smaller}`;
}
