// The stream of everything that changed, in commit order, without gap or duplicate, and the archive of what is old.

import { Readable } from "node:stream";
import { ArchiveQuery, EventPlaces, EventQuery } from "@mflow/core/schema/api";
import type { HistoryEvent } from "@mflow/core/schema/event";
import { type Caller, demand, may } from "../caller.ts";
import { archivedMeanwhile, EventReader } from "../event-reader.ts";
import { type Route, route } from "../route.ts";
import type { Services } from "../services.ts";
import { lastEventId } from "../sse.ts";

export function eventRoutes({ store, bell, streams, archive }: Services): Route[] {
  return [
    route({
      method: "GET",
      path: "/events",
      id: "followEvents",
      tag: "Events",
      summary: "Follow what changes",
      description:
        "Server-sent events: the data is a HistoryEvent, the id its place in the stream. A reader that comes back " +
        "with `Last-Event-ID` misses nothing. Without `after` or `Last-Event-ID` it begins now; with `after=0` with the " +
        "first event that is not in the archive. Ids without data say where the stream stands while nothing of " +
        "interest happens.",
      access: "caller",
      headers: ["Last-Event-ID"],
      query: EventQuery,
      successes: { 200: { description: "The events as they come.", contentType: "text/event-stream" } },
      errors: ["EVENTS_ARCHIVED"],
      async handle({ query, request, reply }, caller) {
        const { domain, namespace, pipelineTaskId, taskId } = query;
        if (domain !== undefined || namespace !== undefined) demandSome(caller, domain, namespace);
        const { upTo } = await store.history.archived();
        const asked = lastEventId(request) ?? query.after ?? (await store.history.lastSeq());
        // Who asks for all there are wants no certain one.
        if (asked > 0 && asked < upTo) throw archivedMeanwhile(asked, upTo);
        const after = Math.max(asked, upTo);
        const scope = { domain, namespace };
        const reader = new EventReader(store.history, bell, { after, scope, pipelineTaskId, taskId });
        const stream = streams.open(request, reply);
        try {
          await stream.write([{ id: after }]);
          for await (const { events, position } of reader.read(stream.signal)) {
            const seen = events.filter((event) => may(caller, "viewer", event));
            if (seen.length > 0) await stream.write(seen.map((event) => ({ id: event.seq, data: event })));
            // Nothing to see, but the next start need not look at these again.
            if (seen.at(-1)?.seq !== position) await stream.write([{ id: position }]);
          }
        } catch (error) {
          request.log.error({ err: error, requestId: request.id }, "an event stream broke");
        }
        stream.end();
        return undefined;
      },
    }),
    route({
      method: "GET",
      path: "/events/places",
      id: "getEventPlaces",
      tag: "Events",
      summary: "Where the stream of events begins and ends",
      access: "caller",
      successes: { 200: { description: "The places.", schema: EventPlaces } },
      errors: [],
      async handle() {
        const [newest, { upTo }] = [await store.history.lastSeq(), await store.history.archived()];
        return { body: { archivedUpTo: upTo, newest } };
      },
    }),
    route({
      method: "GET",
      path: "/events/archive",
      id: "readEventArchive",
      tag: "Events",
      summary: "Read old events",
      description:
        "Those that are no longer in the stream, in its order: each a line of JSON, a HistoryEvent.",
      access: "caller",
      query: ArchiveQuery,
      successes: { 200: { description: "The events.", contentType: "application/x-ndjson" } },
      errors: [],
      async handle({ query, request }, caller) {
        const { domain, namespace, pipelineTaskId, taskId, after = 0 } = query;
        if (domain !== undefined || namespace !== undefined) demandSome(caller, domain, namespace);
        const gone = new AbortController();
        request.raw.socket.once("close", () => gone.abort());
        const wanted = { after, scope: { domain, namespace }, pipelineTaskId, taskId };
        return {
          body: Readable.from(linesFor(caller, archive.read(wanted, gone.signal))),
          headers: { "Content-Type": "application/x-ndjson; charset=utf-8" },
        };
      },
    }),
  ];
}

/** What the caller may see of events, a line each. */
async function* linesFor(caller: Caller, events: AsyncIterable<HistoryEvent>): AsyncGenerator<string> {
  for await (const event of events) if (may(caller, "viewer", event)) yield `${JSON.stringify(event)}\n`;
}

/** Throws FORBIDDEN when the caller may see nothing of what was asked for. */
function demandSome(caller: Caller, domain = "*", namespace = "*"): void {
  const sees = caller.grants.some(
    (grant) =>
      (domain === "*" || grant.domain === "*" || grant.domain === domain) &&
      (namespace === "*" || grant.namespace === "*" || grant.namespace === namespace),
  );
  if (!sees) demand(caller, "viewer", { domain, namespace });
}
