// The stream of events: everything that changed, in commit order.

import type { ArchiveQuery, EventPlaces, EventQuery } from "@mflow/core/schema/api";
import type { HistoryEvent } from "@mflow/core/schema/event";
import { resumable, type StreamOptions } from "./resume.ts";
import type { Transport } from "./transport.ts";

/** `after` is the `seq` of the last event already known, 0 for all there are; left out: from now on. */
export type EventOptions = EventQuery &
  StreamOptions & {
    /** Ends the iteration at this place of the stream. */
    until?: number;
  };

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
  const until = options.until ?? Number.POSITIVE_INFINITY;
  for await (const event of stream) {
    const place = Number(event.id ?? 0);
    if (place > until) return;
    if (event.data !== undefined) yield JSON.parse(event.data) as HistoryEvent;
    if (place === until) return;
  }
}

/** Old events that are no longer in the stream, in its order. */
export async function* archivedEvents(
  transport: Transport,
  { signal, ...query }: ArchiveQuery & { signal?: AbortSignal },
): AsyncGenerator<HistoryEvent, void> {
  const { body } = await transport.open({ path: "/events/archive", query, signal });
  if (!body) return;
  let rest = "";
  for await (const text of body.pipeThrough(new TextDecoderStream())) {
    const lines = (rest + text).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) yield JSON.parse(line) as HistoryEvent;
  }
}

/** Where the stream begins and ends. */
export function eventPlaces(transport: Transport): Promise<EventPlaces> {
  return transport.json<EventPlaces>({ path: "/events/places" });
}

/** The place of the newest event in the stream. */
export async function newestPlace(transport: Transport, signal?: AbortSignal): Promise<number> {
  const stream = resumable(
    (_lastId, signal) =>
      transport.open({ path: "/events", headers: { accept: "text/event-stream" }, signal }),
    { signal },
  );
  // A stream from now on begins by saying where it is.
  for await (const event of stream) if (event.id !== undefined) return Number(event.id);
  return 0;
}
