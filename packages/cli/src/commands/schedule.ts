// `mflow schedule ...`: what starts by the clock.

import { cronProblem } from "@mflow/core/cron";
import { DEFAULT_TIME_ZONE, jitterOf, ScheduleTimes } from "@mflow/core/schedule-times";
import type { ScheduledTime, ScheduleSpec, ScheduleView } from "@mflow/core/schema/schedule";
import { formatInZone, zoneProblem } from "@mflow/core/time-zone";
import { type Client, eachItem } from "@mflow/sdk";
import type { Connection } from "../connect.ts";
import type { Context } from "../context.ts";
import { type Column, tableLines } from "../display/table.ts";
import { EXIT } from "../exit-code.ts";
import type { CommandCall } from "../program.ts";
import { UsageError } from "../usage-error.ts";
import { watch } from "../watch/watch.ts";
import { printList } from "./print-list.ts";
import { scheduleLines } from "./schedule-lines.ts";
import { untilText } from "./schedule-text.ts";

interface NextOptions {
  cron?: string;
  timeZone?: string;
  from?: string;
  count: number;
}

export async function run(context: Context, call: CommandCall): Promise<number | undefined> {
  const { args, command, options } = call;
  const [name = ""] = args as [string | undefined];
  const verb = command.name();
  if (verb === "next") return next(context, name, options as unknown as NextOptions);
  const connection = await context.connect();
  const { client } = connection;
  switch (verb) {
    case "list":
      return list(context, client);
    case "get":
      return show(context, client, name);
    case "pause": {
      const message = options.message as string | undefined;
      const paused = await client.schedules.pause(
        name,
        message === undefined ? {} : { message },
        context.scope,
      );
      if (context.documentFormat) return context.printDocument(paused);
      return context.print(`schedule ${paused.name} is paused; \`mflow schedule resume ${name}\` resumes it`);
    }
    case "resume": {
      const resumed = await client.schedules.resume(name, context.scope);
      if (context.documentFormat) return context.printDocument(resumed);
      const [first] = resumed.status.nextTimes;
      const due = first ? `next at ${inZone(first.startsAt, resumed.spec)}` : "it has no times any more";
      return context.print(`schedule ${resumed.name} is resumed and runs as ${resumed.owner}; ${due}`);
    }
    default:
      return trigger(context, connection, name, options);
  }
}

/** All of them: there is no option to go on with. */
async function list(context: Context, client: Client): Promise<undefined> {
  const items: ScheduleView[] = [];
  const page = (cursor: string | undefined) =>
    client.schedules.list({ ...context.scope, cursor, limit: 500 });
  for await (const schedule of eachItem(page)) items.push(schedule);
  return printList(context, "schedule", { items });
}

async function show(context: Context, client: Client, name: string): Promise<undefined> {
  const schedule = await client.schedules.get(name, context.scope);
  if (context.documentFormat) return context.printDocument(schedule);
  const { style, command, io } = context;
  const columns = (io.stdout.isTTY ? io.stdout.columns : undefined) ?? 100;
  for (const line of scheduleLines(schedule, { style, command, now: Date.now(), columns }))
    context.print(line);
}

async function trigger(
  context: Context,
  connection: Connection,
  name: string,
  options: Record<string, unknown>,
): Promise<number> {
  const { detach, queue, idempotencyKey } = options as {
    detach?: boolean;
    queue?: boolean;
    idempotencyKey?: string;
  };
  const given = {
    ...(idempotencyKey !== undefined && { idempotencyKey }),
    ...(queue !== undefined && { queue }),
  };
  const response = await connection.client.schedules.trigger(name, { ...context.scope, ...given });
  const { id } = response.run;
  if (response.repeated) context.note(`this request was made before; its run is ${id}`);
  for (const warning of response.warnings ?? []) context.note(warning);
  if (!detach) return watch(context, connection, id);
  if (context.documentFormat) await context.printDocument(response);
  else context.print(id);
  return EXIT.ok;
}

function inZone(time: string, { timeZone = DEFAULT_TIME_ZONE }: Pick<ScheduleSpec, "timeZone">): string {
  return `${formatInZone(Date.parse(time), timeZone)} (${timeZone})`;
}

async function next(context: Context, name: string, options: NextOptions): Promise<undefined> {
  const { cron, timeZone, from, count } = options;
  if ((name === "") === (cron === undefined)) {
    throw new UsageError("name a schedule, or give an expression with --cron", "One of the two.");
  }
  if (cron !== undefined) {
    const now = from === undefined ? Date.now() : undefined;
    return printTimes(context, timesOf(cron, timeZone, from, count), timeZone, now);
  }
  if (timeZone !== undefined || from !== undefined)
    throw new UsageError("--time-zone and --from go with --cron", "A schedule has its own time zone.");
  const { client } = await context.connect();
  const { id, spec, status } = await client.schedules.get(name, context.scope);
  const isPaused = status.stage === "PAUSED";
  if (isPaused) context.note(`schedule ${name} is paused, so nothing starts; it would be due then`);
  // The server knows what has started already; it tells five.
  const known = status.nextTimes.slice(0, count);
  const last = known.at(-1);
  const after = last ? Date.parse(last.time) : Date.now();
  const rest = last || isPaused ? new ScheduleTimes(spec).next(after, count - known.length) : [];
  const more = rest.map((time) => ({
    time: new Date(time).toISOString(),
    startsAt: new Date(time + jitterOf(id, time, spec.jitter)).toISOString(),
  }));
  return printTimes(context, [...known, ...more], spec.timeZone, Date.now());
}

/** The times of an expression, which is read here. */
function timesOf(
  cron: string,
  timeZone: string | undefined,
  from: string | undefined,
  count: number,
): ScheduledTime[] {
  const problem = cronProblem(cron) ?? (timeZone === undefined ? undefined : zoneProblem(timeZone));
  if (problem) throw new UsageError(problem);
  const start = from === undefined ? Date.now() : Date.parse(from);
  if (Number.isNaN(start))
    throw new UsageError(`--from ${from} is no time`, "Write it like 2026-03-28 or 2026-03-28T12:00:00Z.");
  const times = new ScheduleTimes({ cron, ...(timeZone !== undefined && { timeZone }) }).next(start, count);
  return times.map((time) => {
    const text = new Date(time).toISOString();
    return { time: text, startsAt: text };
  });
}

/** With `now`, milliseconds since the epoch, also how long it is until then. */
async function printTimes(
  context: Context,
  times: ScheduledTime[],
  timeZone: string | undefined = DEFAULT_TIME_ZONE,
  now: number | undefined,
): Promise<undefined> {
  if (context.documentFormat) return context.printDocument({ items: times });
  if (times.length === 0) return context.note("there are no times any more");
  const hasJitter = times.some(({ time, startsAt }) => time !== startsAt);
  const columns: Column<ScheduledTime>[] = [
    { title: `TIME IN ${timeZone}`, value: ({ time }) => formatInZone(Date.parse(time), timeZone) },
    { title: "UTC", value: ({ time }) => time.replace(".000Z", "Z") },
    ...(hasJitter ? [{ title: "STARTS", value: ({ startsAt }: ScheduledTime) => startsAt }] : []),
    ...(now === undefined
      ? []
      : [{ title: "", value: ({ startsAt }: ScheduledTime) => untilText(startsAt, now) }]),
  ];
  const [titles = "", ...rows] = tableLines(columns, times, {});
  context.print(context.style.tone("quiet", titles.trimEnd()));
  for (const row of rows) context.print(row);
}
