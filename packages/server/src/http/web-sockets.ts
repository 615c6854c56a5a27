// WebSockets are routes of the table like any other: a request to become one goes through the same hooks and refusals, and
// its handler takes the connection over once nothing speaks against it.

import type { IncomingMessage } from "node:http";
import type { Socket } from "node:net";
import { MflowError } from "@mflow/core/errors";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import type { WebSocket } from "ws";

interface Upgrade {
  socket: Socket;
  /** What came behind the request already. */
  head: Buffer;
}

const upgrades = new WeakMap<IncomingMessage, Upgrade>();

/** Whether a request asks for a WebSocket. Node answers all others as if they asked for nothing (`shouldUpgradeCallback`). */
export function asksForWebSocket({ method, headers }: IncomingMessage): boolean {
  return method === "GET" && headers.upgrade?.toLowerCase() === "websocket";
}

/** Leads requests for WebSockets to the routes. */
export function useWebSockets(app: FastifyInstance): void {
  // An `import` of it would load Node's own fetch, which a server that starts does without.
  const { ServerResponse } = process.getBuiltinModule("node:http");
  app.server.on("upgrade", (request: IncomingMessage, socket: Socket, head: Buffer) => {
    upgrades.set(request, { socket, head });
    socket.on("error", () => socket.destroy());
    const response = new ServerResponse(request);
    // What is not taken over is answered once, and the connection ends with it.
    response.shouldKeepAlive = false;
    response.assignSocket(socket);
    response.once("finish", () => socket.end());
    app.routing(request, response);
  });
}

export interface WebSocketOptions {
  /** The one subprotocol that is spoken. */
  protocol: string;
  /** Largest message that is taken, bytes; a larger one ends the connection. */
  maxMessage: number;
}

/** Makes a WebSocket of the request's connection. Rejects with BAD_REQUEST; then the request is still to be answered. */
export async function acceptWebSocket(
  request: FastifyRequest,
  reply: FastifyReply,
  { protocol, maxMessage }: WebSocketOptions,
): Promise<WebSocket> {
  const upgrade = upgrades.get(request.raw);
  if (!upgrade) throw new MflowError("BAD_REQUEST", "The request does not ask for a WebSocket.");
  const { WebSocketServer } = await import("ws");
  const server = new WebSocketServer({
    ...{ noServer: true, clientTracking: false, maxPayload: maxMessage },
    handleProtocols: (offered) => offered.has(protocol) && protocol,
  });
  const { promise, resolve, reject } = Promise.withResolvers<WebSocket>();
  server.once("wsClientError", (error) => {
    reply.raw.assignSocket(upgrade.socket);
    reject(new MflowError("BAD_REQUEST", `The WebSocket cannot be opened: ${error.message}.`));
  });
  reply.raw.detachSocket(upgrade.socket);
  server.handleUpgrade(request.raw, upgrade.socket, upgrade.head, resolve);
  const socket = await promise;
  reply.hijack();
  return socket;
}
