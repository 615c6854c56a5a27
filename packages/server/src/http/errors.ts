// Turns everything that can go wrong in a request into a value of the catalogue and its body: our own
// refusals, those of Fastify and of the JSON parser, and what nobody expected.

import type { Socket } from "node:net";
import { type ErrorCode, MflowError } from "@mflow/core/errors";
import type { ErrorBody } from "@mflow/core/schema/api";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";

/** When to come again. Wrong tokens are counted per minute; starting and stopping take a moment. */
const retryAfterSeconds: Partial<Record<ErrorCode, number>> = {
  TOO_MANY_REQUESTS: 60,
  UNAVAILABLE: 1,
  STORE_BUSY: 1,
};

/** Fastify's own refusals that are not simply a bad request. */
const fastifyCodes: Record<string, ErrorCode> = {
  FST_ERR_CTP_BODY_TOO_LARGE: "TOO_LARGE",
  FST_ERR_CTP_INVALID_MEDIA_TYPE: "UNSUPPORTED_MEDIA_TYPE",
};

/** The body of a refusal. */
export function errorBody(error: MflowError, requestId: string): ErrorBody {
  const { code, message, remedy, details } = error;
  return { code, message, remedy, details, requestId };
}

/** The catalogue's error for whatever was thrown. What is not known becomes INTERNAL and tells nothing. */
export function toMflowError(thrown: unknown, bodyLimit: number): MflowError {
  if (thrown instanceof MflowError) return thrown;
  const { code, statusCode, message } = thrown as { code?: string; statusCode?: number; message?: string };
  const known = code === undefined ? undefined : fastifyCodes[code];
  if (known === "TOO_LARGE") return new MflowError(known, `The body is larger than ${bodyLimit} bytes.`);
  if (known === "UNSUPPORTED_MEDIA_TYPE") {
    return new MflowError(known, "The Content-Type is missing or not of a type that is read here.");
  }
  if (statusCode !== undefined && statusCode >= 400 && statusCode < 500) {
    return new MflowError("BAD_REQUEST", message ?? "The request is malformed.");
  }
  return new MflowError("INTERNAL", "An unexpected error happened; the server's log has it.");
}

/** Answers a request with what was thrown; logs what is the server's fault. */
export function sendError(
  thrown: unknown,
  request: FastifyRequest,
  reply: FastifyReply,
  bodyLimit: number,
): void {
  const error = toMflowError(thrown, bodyLimit);
  if (error.status >= 500) request.log.error({ err: thrown, requestId: request.id }, error.message);
  if (error.code === "UNAUTHORIZED") reply.header("WWW-Authenticate", 'Bearer realm="mflow"');
  const wait = retryAfterSeconds[error.code];
  if (wait !== undefined) reply.header("Retry-After", wait);
  // What is left of a refused body is not read: the connection ends instead of waiting for it.
  if (error.code === "TOO_LARGE" || error.code === "ARTIFACT_TOO_LARGE") reply.header("Connection", "close");
  reply.code(error.status).header("Content-Type", "application/json; charset=utf-8");
  reply.send(JSON.stringify(errorBody(error, request.id)));
}

/** Makes every error of an app one of the catalogue, unknown paths included. */
export function useErrorCatalogue(app: FastifyInstance, bodyLimit: number): void {
  app.setErrorHandler((error, request, reply) => sendError(error, request, reply, bodyLimit));
  app.setNotFoundHandler((request, reply) => {
    const path = request.url.split("?", 1)[0];
    const error = new MflowError("NOT_FOUND", `There is no ${request.method} ${path}; see /api/docs.`);
    sendError(error, request, reply, bodyLimit);
  });
}

/** Answers what is not even HTTP, before a request exists. */
export function answerMalformedHttp(error: NodeJS.ErrnoException, socket: Socket): void {
  if (error.code === "ECONNRESET" || socket.destroyed || !socket.writable) {
    socket.destroy();
    return;
  }
  const refusals: Record<string, [string, string]> = {
    ERR_HTTP_REQUEST_TIMEOUT: ["408 Request Timeout", "The request did not arrive in time."],
    HPE_HEADER_OVERFLOW: ["431 Request Header Fields Too Large", "The request's headers are too large."],
  };
  const [status, message] = refusals[error.code ?? ""] ?? ["400 Bad Request", "The request is not HTTP."];
  const body = JSON.stringify(errorBody(new MflowError("BAD_REQUEST", message), "none"));
  socket.end(
    `HTTP/1.1 ${status}\r\nConnection: close\r\n` +
      `Content-Type: application/json; charset=utf-8\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
  );
}
