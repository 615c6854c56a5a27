// Bodies must arrive in time, so that slow senders hold a connection, not the server. Node's own limit is for all requests
// of a server; uploads take as long as they take, so it is counted here: for a body as a whole, or for streams the time in
// which nothing comes.

import type { FastifyInstance, FastifyRequest } from "fastify";
import { answerMalformedHttp } from "./errors.ts";

const BODY_MS = 60_000;

declare module "fastify" {
  interface FastifyContextConfig {
    /** The handler reads the body as it comes. */
    isStreamed?: boolean;
  }
}

export function useBodyTimeout(app: FastifyInstance, ms = BODY_MS): void {
  app.addHook("onRequest", (request, _reply, done) => {
    if (hasBody(request)) limit(request, ms);
    done();
  });
}

function hasBody({ headers }: FastifyRequest): boolean {
  return headers["transfer-encoding"] !== undefined || Number(headers["content-length"] ?? 0) > 0;
}

function limit({ raw, routeOptions }: FastifyRequest, ms: number): void {
  const isStreamed = routeOptions.config.isStreamed === true;
  let bytesBefore = raw.socket.bytesRead;
  const timer = setInterval(() => {
    const { bytesRead } = raw.socket;
    // Nothing can come while it is our turn to read.
    const isFull = raw.readableLength >= raw.readableHighWaterMark;
    if (isStreamed && (bytesRead > bytesBefore || isFull)) bytesBefore = bytesRead;
    else answerMalformedHttp(Object.assign(new Error(), { code: "ERR_HTTP_REQUEST_TIMEOUT" }), raw.socket);
  }, ms);
  const over = () => clearInterval(timer);
  raw.once("end", over);
  raw.once("close", over);
}
