// Times as people write them: `2h`, a day, a date and time.

import { parseDuration } from "@mflow/core/duration";
import { UsageError } from "../usage-error.ts";

const DURATION = /^(\d+(ms|s|m|h|d))+$/;
const DAY = /^\d{4}-\d{2}-\d{2}$/;

/** `2h` ago, or a date and time. RFC 3339. */
export function pastTime(text: string, now: number): string {
  if (DURATION.test(text)) return new Date(now - parseDuration(text)).toISOString();
  return timeOf(text, text);
}

/** In `3d`, the beginning of a day here, or a date and time. RFC 3339. */
export function futureTime(text: string, now: number): string {
  if (DURATION.test(text)) return new Date(now + parseDuration(text)).toISOString();
  return timeOf(text, DAY.test(text) ? `${text}T00:00` : text);
}

function timeOf(text: string, read: string): string {
  const time = new Date(read);
  if (Number.isNaN(time.getTime())) {
    throw new UsageError(
      `\`${text}\` is no time`,
      "Write it like 2h, 3d, 2026-03-01 or 2026-03-01T12:00:00Z.",
    );
  }
  return time.toISOString();
}
