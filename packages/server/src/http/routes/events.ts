// The stream of everything that changed, in commit order, without gap or duplicate.

import { EventQuery } from "@mflow/core/schema/api";
import { type Caller, demand, may } from "../caller.ts";
import { EventReader } from "../event-reader.ts";
import { type Route, route } from "../route.ts";
import type { Services } from "../services.ts";
import { lastEventId } from "../sse.ts";

export function eventRoutes({ store, bell, streams }: Services): Route[] {
  return [
    route({
      method: "GET",
      path: "/events",
      id: "followEvents",
      tag: "Events",
      summary: "Follow what changes",
      description:
        "Server-sent events: the data is a HistoryEvent, the id its place in the stream. A reader that comes back " +
        "with `Last-Event-ID` misses nothing. Without `after` or `Last-Event-ID` it begins now. Ids without data " +
        "say where the stream stands while nothing of interest happens.",
      access: "caller",
      headers: ["Last-Event-ID"],
      query: EventQuery,
      successes: { 200: { description: "The events as they come.", contentType: "text/event-stream" } },
      errors: [],
      async handle({ query, request, reply }, caller) {
        const { domain, namespace, pipelineTaskId, taskId } = query;
        if (domain !== undefined || namespace !== undefined) demandSome(caller, domain, namespace);
        const after = lastEventId(request) ?? query.after ?? (await store.history.lastSeq());
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
  ];
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
