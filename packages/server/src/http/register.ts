// Puts the routes of the table on Fastify: finds the caller before the body is read, checks query and body
// against their schemas, and sends the answer.

import { Readable } from "node:stream";
import { MflowError } from "@mflow/core/errors";
import { API_PREFIX, type ServerState } from "@mflow/core/schema/api";
import { closed } from "@mflow/core/schema/scalars";
import { BEARER_PROTOCOL_PREFIX } from "@mflow/core/schema/terminal-protocol";
import { validateValue } from "@mflow/core/validate";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { YamlText } from "./body.ts";
import type { Authenticator, Caller } from "./caller.ts";
import { etagOf, parseIfMatch } from "./conditional.ts";
import { readQuery } from "./query.ts";
import type { Answer, Call, Route } from "./route.ts";

declare module "fastify" {
  interface FastifyRequest {
    caller: Caller | undefined;
    bearer: string | undefined;
  }
}

/** A parameter that no route reads is a typing error, and says so. */
const noQuery = closed({});

/** Path of a route as Fastify registers it. */
export function pathOf(route: Route): string {
  return route.atRoot ? route.path : API_PREFIX + route.path;
}

/** The token of a request; a browser can send one with a WebSocket as a subprotocol alone. */
function bearerOf({ isWebSocket }: Route, { headers }: FastifyRequest): string | undefined {
  const sent = /^Bearer +(\S{1,1024}) *$/i.exec(headers.authorization ?? "")?.[1];
  if (sent !== undefined || !isWebSocket) return sent;
  const offered = (headers["sec-websocket-protocol"] ?? "").split(",").map((protocol) => protocol.trim());
  const token = offered.find((protocol) => protocol.startsWith(BEARER_PROTOCOL_PREFIX));
  return token?.slice(BEARER_PROTOCOL_PREFIX.length, BEARER_PROTOCOL_PREFIX.length + 1024) || undefined;
}

/** Finds out who asks. Throws UNAUTHORIZED when a caller is needed and there is none. */
async function identify(route: Route, request: FastifyRequest, auth: Authenticator): Promise<void> {
  if (route.access === "public") return;
  request.bearer = bearerOf(route, request);
  if (request.bearer !== undefined) request.caller = await auth.authenticate(request.bearer, request.ip);
  if (request.caller || route.access === "task") return;
  const message = request.bearer === undefined ? "No bearer token was sent." : "The token is not valid.";
  throw new MflowError("UNAUTHORIZED", message);
}

/** Throws UNAVAILABLE for changes that come before the engine works or after it has stopped. Reading is free. */
function checkState(route: Route, state: ServerState): void {
  if (state === "ready" || (route.method === "GET" && !route.isWebSocket)) return;
  const what = state === "starting" ? "The server is starting" : "The server is stopping";
  throw new MflowError("UNAVAILABLE", `${what} and takes no changes.`);
}

function readBody(route: Route, given: unknown): unknown {
  if (route.rawBody) return given ?? Buffer.alloc(0);
  if (route.streamBody) return given ?? Readable.from([]);
  if (!route.body) {
    const isEmpty = given === undefined || JSON.stringify(given) === "{}";
    if (isEmpty) return undefined;
    throw new MflowError("BAD_REQUEST", `${route.method} ${pathOf(route)} takes no body.`);
  }
  if (given instanceof YamlText) return given;
  if (given === undefined && !route.bodyOptional) {
    throw new MflowError("BAD_REQUEST", `${route.method} ${pathOf(route)} needs a JSON body.`);
  }
  const body = given === undefined ? {} : given;
  if (route.readsBodyItself) return body;
  const details = validateValue(route.body, body);
  const [first] = details;
  if (!first) return body;
  const more = details.length > 1 ? ` (and ${details.length - 1} more)` : "";
  throw new MflowError("INVALID_DOCUMENT", `Body ${first.path || "/"}: ${first.message}${more}`, details);
}

/** An Idempotency-Key, which is kept: hence its limit. */
function idempotencyKeyOf(request: FastifyRequest): string | undefined {
  const key = request.headers["idempotency-key"];
  if (key === undefined) return undefined;
  if (typeof key === "string" && /^[\x21-\x7e]{1,128}$/.test(key)) return key;
  throw new MflowError("BAD_REQUEST", "An Idempotency-Key is 1 to 128 visible ASCII characters.");
}

function readCall(route: Route, request: FastifyRequest, reply: FastifyReply): Call<unknown, unknown> {
  const headers = route.headers ?? [];
  const rawQuery = request.query as Record<string, string | string[]>;
  const call: Call<unknown, unknown> = {
    params: request.params as Record<string, string>,
    query: readQuery(route.query ?? noQuery, rawQuery),
    body: readBody(route, request.body),
    request,
    reply,
  };
  if (headers.includes("If-Match")) call.revisions = parseIfMatch(request.headers["if-match"]);
  if (headers.includes("Idempotency-Key")) call.idempotencyKey = idempotencyKeyOf(request);
  return call;
}

function send(reply: FastifyReply, answer: Answer): FastifyReply {
  reply.code(answer.status ?? (answer.body === undefined ? 204 : 200));
  if (answer.revision !== undefined) reply.header("ETag", etagOf(answer.revision));
  if (answer.headers) reply.headers(answer.headers);
  return reply.send(answer.body);
}

export interface RouteGuards {
  auth: Authenticator;
  state(): ServerState;
}

export function registerRoutes(
  app: FastifyInstance,
  routes: readonly Route[],
  { auth, state }: RouteGuards,
): void {
  for (const route of routes) {
    app.route({
      method: route.method,
      url: pathOf(route),
      // The stream and the downloads would run for HEAD too; nothing needs it.
      exposeHeadRoute: false,
      config: { isStreamed: route.streamBody ?? false },
      onRequest: async (request) => {
        await identify(route, request, auth);
        checkState(route, state());
      },
      handler: async (request, reply) => {
        const call = readCall(route, request, reply);
        const answer = await route.handle(call, request.caller, request.bearer);
        return answer ? send(reply, answer) : reply;
      },
    });
  }
}
