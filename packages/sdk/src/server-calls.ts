// The server as a whole: how it stands, and whether anything new may start on it.

import type { ServerInfo } from "@mflow/core/schema/api";
import type { PauseRequest } from "@mflow/core/schema/pause";
import type { Transport } from "./transport.ts";

export function serverCalls(transport: Transport) {
  return {
    get: () => transport.json<ServerInfo>({ path: "/server" }),
    /** Nothing new starts until it is resumed. */
    drain: (request: PauseRequest = {}) =>
      transport.json<ServerInfo>({ method: "POST", path: "/server/drain", body: request, repeatable: true }),
    resume: () => transport.json<ServerInfo>({ method: "POST", path: "/server/resume", repeatable: true }),
  };
}
