// The stream of events: everything that changed, in commit order.

import type { EventQuery } from "@mflow/core/schema/api";
import type { HistoryEvent } from "@mflow/core/schema/event";
import { resumable, type StreamOptions } from "./resume.ts";
import type { Transport } from "./transport.ts";

/** `after` is the `seq` of the last event already known, 0 for all there are; left out: from now on. */
export type EventOptions = EventQuery & StreamOptions;

/** Events without gap or duplicate, over breaks of the connection; ends when `signal` aborts. */
export async function* followEvents(
  transport: Transport,
  options: EventOptions,
): AsyncGenerator<HistoryEvent, void> {
  const { domain, namespace, pipelineTaskId, taskId, after } = options;
  const query = { domain, namespace, pipelineTaskId, taskId };
  const stream = resumable(
    (lastId, signal) =>
      transport.open({
        path: "/events",
        // The place goes into the header after a break, and into the query at first.
        query: lastId === undefined ? { ...query, after } : query,
        headers: {
          accept: "text/event-stream",
          ...(lastId === undefined ? {} : { "last-event-id": lastId }),
        },
        signal,
      }),
    options,
  );
  for await (const event of stream) yield JSON.parse(event.data) as HistoryEvent;
}
