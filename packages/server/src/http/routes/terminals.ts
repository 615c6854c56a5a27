// The terminal of a task, over a WebSocket.

import { TerminalQuery } from "@mflow/core/schema/terminal";
import { MAX_TERMINAL_MESSAGE, TERMINAL_PROTOCOL } from "@mflow/core/schema/terminal-protocol";
import { actorIn, demandTask, may } from "../caller.ts";
import { errorBody, toMflowError } from "../errors.ts";
import { type Route, route } from "../route.ts";
import type { Services } from "../services.ts";
import { acceptWebSocket, asksForWebSocket } from "../web-sockets.ts";

/** Size of a terminal whose client does not say it. */
const DEFAULT_SIZE = { columns: 80, rows: 24 };

export function terminalRoutes({ store, engine, auth, terminals }: Services): Route[] {
  return [
    route({
      method: "GET",
      path: "/job-tasks/:id/terminal",
      id: "openTerminal",
      tag: "Terminals",
      summary: "Open a terminal in a task",
      description:
        "A WebSocket to a shell in the running container of a K8S_JOB task or, when it has ended, in a copy of its pod " +
        "that goes with the session. Binary frames are bytes, both ways. Text frames are JSON: the client sends a " +
        "TerminalCommand, the server a TerminalNotice, at first `opened` or `refused`, at last `ended`; then it closes " +
        "with 1000. A browser, which cannot send a bearer token, offers the subprotocols `mflow.terminal.v1` and " +
        "`bearer.TOKEN`. Without `Upgrade: websocket` nothing is opened, and the answer says whether it could be. " +
        "Who opens one is in the history. Needs operator.",
      access: "caller",
      isWebSocket: true,
      headers: ["Sec-WebSocket-Protocol"],
      query: TerminalQuery,
      successes: {
        101: { description: "The WebSocket." },
        204: { description: "No WebSocket was asked for, and nothing that is known speaks against one." },
      },
      errors: ["NOT_FOUND", "CONFLICT"],
      async handle({ params, query, request, reply }, caller) {
        const { id = "" } = params;
        const task = demandTask(caller, "operator", await store.runs.task(id), id);
        engine.checkTerminal(task);
        const place = terminals.enter(caller.name);
        try {
          if (!asksForWebSocket(request.raw)) {
            place.leave();
            return {};
          }
          const socket = await acceptWebSocket(request, reply, {
            protocol: TERMINAL_PROTOCOL,
            maxMessage: MAX_TERMINAL_MESSAGE,
          });
          const { bearer = "", ip } = request;
          terminals.begin(place, {
            socket,
            request: { ...DEFAULT_SIZE, ...query },
            open: (wanted) => engine.openTerminal(task.id, wanted, actorIn(caller, task)),
            isAllowed: async () => {
              const now = await auth.authenticate(bearer, ip);
              return now !== undefined && may(now, "operator", task);
            },
            refusalOf(error) {
              const refusal = toMflowError(error, 0);
              if (refusal.status >= 500) {
                request.log.error({ err: error, requestId: request.id }, refusal.message);
              }
              return { status: refusal.status, error: errorBody(refusal, request.id) };
            },
          });
          return undefined;
        } catch (error) {
          place.leave();
          throw error;
        }
      },
    }),
  ];
}
