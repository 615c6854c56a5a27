// Logs of tasks: pages, plain text, and lines as they come.

import type { LogLineBody, LogPage, LogQuery, LogStreamQuery } from "@mflow/core/schema/api";
import { resumable, type StreamOptions } from "./resume.ts";
import { path, type Transport } from "./transport.ts";

export type FollowOptions = LogStreamQuery & StreamOptions;

export function logCalls(transport: Transport) {
  return {
    /** Some lines, and where to go on. */
    page: (taskId: string, query: LogQuery = {}) =>
      transport.json<LogPage>({ path: path`/job-tasks/${taskId}/logs`, query }),
    /** The whole log of an attempt as plain text. */
    text: (taskId: string, query: { attempt?: number } = {}) =>
      transport.text({
        path: path`/job-tasks/${taskId}/logs.txt`,
        query,
        headers: { accept: "text/plain" },
      }),
    /** Lines without gap or duplicate, over breaks of the connection; ends with the log, or when `signal` aborts. */
    follow: (taskId: string, options: FollowOptions = {}) => followLog(transport, taskId, options),
  };
}

async function newestAttempt(transport: Transport, taskId: string): Promise<number> {
  const page = await transport.json<LogPage>({ path: path`/job-tasks/${taskId}/logs`, query: { limit: 1 } });
  return page.attempt;
}

async function* followLog(
  transport: Transport,
  taskId: string,
  options: FollowOptions,
): AsyncGenerator<LogLineBody, void> {
  const { from, tail } = options;
  // Pinned, so that lines of a newer attempt never follow those of an older one after a break.
  const attempt = options.attempt ?? ((await newestAttempt(transport, taskId)) || 1);
  const stream = resumable(
    (lastId, signal) =>
      transport.open({
        path: path`/job-tasks/${taskId}/logs/stream`,
        query: lastId === undefined ? { attempt, from, tail } : { attempt },
        headers: {
          accept: "text/event-stream",
          ...(lastId === undefined ? {} : { "last-event-id": lastId }),
        },
        signal,
      }),
    options,
  );
  for await (const event of stream) {
    if (event.event === "end") return;
    if (event.data !== undefined) yield JSON.parse(event.data) as LogLineBody;
  }
}
