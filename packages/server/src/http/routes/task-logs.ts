// Logs of a task's attempts: pages, a stream of lines as they come, and the whole as plain text.

import { Readable } from "node:stream";
import { MflowError } from "@mflow/core/errors";
import {
  DEFAULT_LOG_LINES,
  LogPage,
  LogQuery,
  LogStreamQuery,
  LogTextQuery,
  MAX_LOG_LINES,
} from "@mflow/core/schema/api";
import type { JobTask } from "@mflow/core/schema/job-task";
import type { LogLine, LogRef } from "../../logs/log-store.ts";
import { type Caller, demandTask } from "../caller.ts";
import { followLog } from "../follow-log.ts";
import { type Route, route } from "../route.ts";
import type { Services } from "../services.ts";
import { lastEventId } from "../sse.ts";

const tag = "Logs";

/** Lines read at once for a download. */
const CHUNK_LINES = 2000;

export function taskLogRoutes(services: Services): Route[] {
  const { store, logs, streams } = services;

  async function find(id: string | undefined, caller: Caller): Promise<JobTask> {
    return demandTask(caller, "viewer", await store.runs.task(id ?? ""), id);
  }

  /** Attempts that have a log, and the one that is asked for: the newest of them unless said. */
  async function attemptOf(
    task: JobTask,
    asked: number | undefined,
  ): Promise<{ attempts: number[]; attempt: number }> {
    const attempts = await logs.attempts(workOf(task));
    if (asked !== undefined && asked > Math.max(task.attempt, 1) && !attempts.includes(asked)) {
      throw new MflowError("NOT_FOUND", `Task ${task.id} has no attempt ${asked}.`);
    }
    return { attempts, attempt: asked ?? attempts.at(-1) ?? 0 };
  }

  async function* plainText(ref: LogRef): AsyncGenerator<string> {
    for (let from = 1; ; ) {
      const lines = await logs.read(ref, from, CHUNK_LINES);
      if (lines.length === 0) return;
      yield lines.map(textLine).join("");
      from += lines.length;
    }
  }

  return [
    route({
      method: "GET",
      path: "/job-tasks/:id/logs",
      id: "getLogs",
      tag,
      summary: "Read or search lines of a log",
      description: "Of a task that a rerun kept, the log of the task that did the work; `keptFrom` says so.",
      access: "caller",
      query: LogQuery,
      successes: { 200: { description: "Some lines, and where to go on.", schema: LogPage } },
      errors: ["NOT_FOUND"],
      async handle({ params, query }, caller) {
        const task = await find(params.id, caller);
        const { attempts, attempt } = await attemptOf(task, query.attempt);
        const ref = { taskId: workOf(task), attempt };
        const { from = 1, tail, search, caseSensitive } = query;
        const limit = query.limit ?? DEFAULT_LOG_LINES;
        let lines: LogLine[] = [];
        let nextFrom: number | undefined;
        if (attempt === 0) lines = [];
        else if (search !== undefined) lines = await logs.search(ref, { text: search, caseSensitive, limit });
        else if (tail !== undefined) lines = await logs.tail(ref, Math.min(tail, MAX_LOG_LINES));
        else {
          lines = await logs.read(ref, from, limit);
          const next = from + lines.length;
          if (lines.length === limit && next <= (await logs.length(ref))) nextFrom = next;
        }
        const { keptFrom } = task;
        return {
          body: {
            attempt,
            attempts,
            ...(keptFrom && { keptFrom }),
            lines,
            ...(nextFrom !== undefined && { nextFrom }),
          },
        };
      },
    }),
    route({
      method: "GET",
      path: "/job-tasks/:id/logs/stream",
      id: "followLogs",
      tag,
      summary: "Follow a log",
      description:
        "Server-sent events: `line` with a LogLine as data and its number as id, and `end` when no more come. " +
        "A reader that comes back with `Last-Event-ID` goes on after that line.",
      access: "caller",
      headers: ["Last-Event-ID"],
      query: LogStreamQuery,
      successes: { 200: { description: "The lines as they come.", contentType: "text/event-stream" } },
      errors: ["NOT_FOUND"],
      async handle({ params, query, request, reply }, caller) {
        const task = await find(params.id, caller);
        const { attempt } = await attemptOf(task, query.attempt);
        const ref = { taskId: workOf(task), attempt: attempt === 0 ? Math.max(task.attempt, 1) : attempt };
        const last = lastEventId(request);
        let from = last === undefined ? (query.from ?? 1) : last + 1;
        if (last === undefined && query.tail !== undefined) {
          from = Math.max(from, (await logs.length(ref)) - query.tail + 1);
        }
        const stream = streams.open(request, reply);
        try {
          for await (const lines of followLog(services, ref, from, stream.signal)) {
            await stream.write(lines.map((line) => ({ id: line.line, event: "line", data: line })));
          }
          if (!stream.signal.aborted) await stream.write([{ event: "end", data: {} }]);
        } catch (error) {
          // The headers are out: all that is left is to hang up, so that the reader comes back.
          request.log.error({ err: error, requestId: request.id }, "a log stream broke");
        }
        stream.end();
        return undefined;
      },
    }),
    route({
      method: "GET",
      path: "/job-tasks/:id/logs.txt",
      id: "downloadLogs",
      tag,
      summary: "Download a log as plain text",
      description: "One line each: time, step, text.",
      access: "caller",
      query: LogTextQuery,
      successes: { 200: { description: "The whole log so far.", contentType: "text/plain" } },
      errors: ["NOT_FOUND"],
      async handle({ params, query }, caller) {
        const task = await find(params.id, caller);
        const { attempt } = await attemptOf(task, query.attempt);
        return {
          body: Readable.from(plainText({ taskId: workOf(task), attempt })),
          headers: {
            "Content-Type": "text/plain; charset=utf-8",
            "Content-Disposition": `attachment; filename="${task.id}.${attempt}.log"`,
          },
        };
      },
    }),
  ];
}

/** Id of the task that did the work: of one that a rerun kept, the log is there. It goes when that run is deleted. */
function workOf({ id, keptFrom }: JobTask): string {
  return keptFrom?.taskId ?? id;
}

function textLine({ time, step, text }: LogLine): string {
  return `${new Date(time).toISOString()} ${step ? `[${step}] ` : ""}${text}\n`;
}
