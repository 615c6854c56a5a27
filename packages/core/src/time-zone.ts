// Time zones: how far their clocks are from UTC at a moment, and when that changes. The rules of the zones are those that
// the platform brings along.

import { didYouMean } from "./nearest.ts";
import { quoted } from "./quoted.ts";

const DAY_MS = 86_400_000;
/** Longest time between looks for a change of the clocks; none is undone within it. */
const STEP_MS = 7 * DAY_MS;

const formats = new Map<string, Intl.DateTimeFormat>();

function formatOf(zone: string): Intl.DateTimeFormat {
  const known = formats.get(zone);
  if (known) return known;
  const format = new Intl.DateTimeFormat("en-US", {
    timeZone: zone,
    hourCycle: "h23",
    era: "short",
    year: "numeric",
    month: "numeric",
    day: "numeric",
    hour: "numeric",
    minute: "numeric",
    second: "numeric",
  });
  formats.set(zone, format);
  return format;
}

/** Why a text names no time zone; nothing when it names one. */
export function zoneProblem(zone: string): string | undefined {
  if (/^[A-Za-z][A-Za-z0-9_+/-]*$/.test(zone)) {
    try {
      formatOf(zone);
      return undefined;
    } catch {
      // A zone that the platform does not know.
    }
  }
  const guess =
    didYouMean(zone, Intl.supportedValuesOf("timeZone")) || "; write it like `Europe/Berlin`, or `UTC`";
  return `${quoted(zone)} is no time zone of the IANA list${guess}`;
}

/** How far the clocks of a zone are ahead of UTC at a moment, milliseconds. */
export function offsetAt(zone: string, moment: number): number {
  if (zone === "UTC") return 0;
  const whole = Math.floor(moment / 1000) * 1000;
  const parts: Record<string, number> = {};
  for (const { type, value } of formatOf(zone).formatToParts(whole)) parts[type] = Number(value);
  const { year = 0, month = 1, day = 1, hour = 0, minute = 0, second = 0 } = parts;
  return Date.UTC(year, month - 1, day, hour, minute, second) - whole;
}

/** A moment at which the clocks of a zone are put forward or back. */
export interface ClockChange {
  at: number;
  /** Offsets from UTC before and since, milliseconds. */
  before: number;
  since: number;
}

/** The first change after `from`, up to and with `to`. */
export function nextClockChange(zone: string, from: number, to: number): ClockChange | undefined {
  if (zone === "UTC") return undefined;
  let start = from;
  let before = offsetAt(zone, start);
  while (start < to) {
    const end = Math.min(start + STEP_MS, to);
    const since = offsetAt(zone, end);
    if (since !== before) return { at: firstWith(zone, since, start, end), before, since };
    start = end;
    before = since;
  }
  return undefined;
}

/** The first moment with an offset that `end` has and `start` has not. Changes come at whole seconds. */
function firstWith(zone: string, offset: number, start: number, end: number): number {
  let before = Math.floor(start / 1000);
  let since = Math.ceil(end / 1000);
  while (since - before > 1) {
    const middle = Math.floor((before + since) / 2);
    if (offsetAt(zone, middle * 1000) === offset) since = middle;
    else before = middle;
  }
  return since * 1000;
}

/** A moment as the clocks of a zone show it, with the offset: `2026-03-29 03:30:00 +02:00`. */
export function formatInZone(moment: number, zone: string): string {
  const offset = offsetAt(zone, moment);
  const [date = "", time = ""] = new Date(moment + offset).toISOString().split("T");
  const minutes = Math.round(Math.abs(offset) / 60_000);
  const two = (value: number) => String(value).padStart(2, "0");
  const sign = offset < 0 ? "-" : "+";
  return `${date} ${time.slice(0, 8)} ${sign}${two(Math.floor(minutes / 60))}:${two(minutes % 60)}`;
}
