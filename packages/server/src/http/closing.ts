// Lets a server close in bounded time: streams end, connections that never sent a request are cut, and those
// with a request under way get a moment to finish.

import type { IncomingMessage } from "node:http";
import type { Socket } from "node:net";
import type { FastifyInstance } from "fastify";

/** How long requests under way may take once the server closes, milliseconds. */
const FINISH_MS = 5000;

/** Makes closing the app prompt. `before` is done first, while connections still live. */
export function closePromptly(app: FastifyInstance, before: () => void): void {
  // Node closes connections that are idle between requests, but waits for those that a browser opened ahead.
  const silent = new Set<Socket>();
  app.server.on("connection", (socket: Socket) => {
    silent.add(socket);
    socket.once("close", () => silent.delete(socket));
  });
  for (const event of ["request", "upgrade"]) {
    app.server.on(event, ({ socket }: IncomingMessage) => silent.delete(socket));
  }
  let patience: NodeJS.Timeout | undefined;
  app.addHook("preClose", (done) => {
    before();
    for (const socket of silent) socket.destroy();
    patience = setTimeout(() => app.server.closeAllConnections(), FINISH_MS);
    done();
  });
  app.addHook("onClose", (_app, done) => {
    clearTimeout(patience);
    done();
  });
}
