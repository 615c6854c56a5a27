// What is said of a schedule, as lines. Pure.

import { DEFAULT_TIME_ZONE } from "@mflow/core/schedule-times";
import { paramValueList } from "@mflow/core/schema/param";
import type { Firing, ScheduledTime, ScheduleView } from "@mflow/core/schema/schedule";
import { formatInZone } from "@mflow/core/time-zone";
import type { Column } from "../display/table.ts";
import { type DescribeOptions, factLines, section, table } from "./describe-layout.ts";
import { labelText } from "./kind-columns.ts";
import { cronText, untilText } from "./schedule-text.ts";

/** `STARTED run-...`, `REFUSED: why`. */
function firingText({ outcome, runId, message }: Firing): string {
  if (outcome === "STARTED") return `STARTED ${runId ?? ""}`.trimEnd();
  return message === undefined ? outcome : `${outcome}: ${message}`;
}

function catchUpText({ catchUp }: ScheduleView["spec"]): string {
  const { policy = "SKIP", within, limit } = catchUp ?? {};
  return [policy, within && `within ${within}`, limit !== undefined && `at most ${limit}`]
    .filter(Boolean)
    .join(", ");
}

export function scheduleLines(schedule: ScheduleView, options: DescribeOptions): string[] {
  const { spec, status } = schedule;
  const zone = spec.timeZone ?? DEFAULT_TIME_ZONE;
  const at = (time: string) => formatInZone(Date.parse(time), zone);
  const pause = status.paused
    ? `by ${status.paused.by} at ${at(status.paused.at)}${status.paused.message ? `: ${status.paused.message}` : ""}`
    : spec.paused && "by its manifest";
  const params = paramValueList(spec.runParams).map(({ name, value }) => `${name}=${value}`);
  const waiting =
    status.waiting && `the run of ${at(status.waiting.time)}, for ${status.waiting.runIds.join(", ")}`;
  return [
    ...factLines(
      [
        ["Schedule", schedule.name],
        ["Name", schedule.displayName],
        ["Stage", status.stage],
        ["Paused", pause || undefined],
        ["Scope", `${schedule.namespace}.${schedule.domain}`],
        ["Pipeline", spec.pipeline],
        ["Cron", `${cronText(schedule)} (${zone})`],
        ["Jitter", spec.jitter],
        ["From", spec.startAt],
        ["Until", spec.endAt],
        ["Overlap", spec.overlap ?? "SKIP"],
        ["Catch up", catchUpText(spec)],
        ["Params", params.join(" ")],
        ["Run labels", labelText(spec.labels)],
        ["Labels", labelText(schedule.labels)],
        ["Runs as", schedule.owner],
        ["Waits", waiting],
        ["Created", `${schedule.createdAt} by ${schedule.createdBy}`],
        ["Id", schedule.id],
        ["About", schedule.description],
      ],
      options,
    ),
    ...section("Next", nextLines(status.nextTimes, at, options), options),
    ...section("Last", table(firingColumns(at), status.firings, options), options),
  ];
}

function nextLines(
  times: readonly ScheduledTime[],
  at: (time: string) => string,
  { now }: DescribeOptions,
): string[] {
  return times.map(({ time, startsAt }) => {
    const jitter = time === startsAt ? "" : `, starts ${at(startsAt).slice(11)}`;
    return `${at(time)}  ${untilText(startsAt, now)}${jitter}`;
  });
}

function firingColumns(at: (time: string) => string): Column<Firing>[] {
  const timeText = ({ since, time, count }: Firing) =>
    since === undefined ? at(time) : `${at(since)} to ${at(time)}${count === undefined ? "" : ` (${count})`}`;
  return [
    { title: "TIME", value: timeText },
    { title: "OUTCOME", value: firingText, shrinksTo: 20 },
    { title: "BY", value: ({ by }) => by ?? "" },
  ];
}
