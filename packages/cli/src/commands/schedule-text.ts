// Short texts on schedules, for tables and for all there is to know.

import { formatDuration } from "@mflow/core/duration";
import type { ScheduleView } from "@mflow/core/schema/schedule";

/** `in 3h05m`, `3h05m ago`; `now` in milliseconds since the epoch. */
export function untilText(time: string, now: number): string {
  const ms = Math.floor((Date.parse(time) - now) / 1000) * 1000;
  if (ms >= 0) return `in ${formatDuration(ms).replace("0ms", "0s")}`;
  return `${formatDuration(-ms).replace("0ms", "0s")} ago`;
}

/** `30 2 * * *`, several with commas between. */
export function cronText({ spec }: Pick<ScheduleView, "spec">): string {
  return Array.isArray(spec.cron) ? spec.cron.join(", ") : spec.cron;
}
