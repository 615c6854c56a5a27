// What a route of the API is: a table entry that Fastify serves and that the OpenAPI document is made from,
// so that the two cannot disagree.

import type { ErrorCode } from "@mflow/core/errors";
import type { FastifyReply, FastifyRequest } from "fastify";
import type { Static, TSchema } from "typebox";
import type { Caller } from "./caller.ts";

/** `public`: everybody. `caller`: a valid token. `task`: that, or the task's own update token. */
export type Access = "public" | "caller" | "task";

/** What a request asks, read and validated. */
export interface Call<Query, Body> {
  params: Readonly<Record<string, string>>;
  query: Query;
  body: Body;
  /** Revisions that `If-Match` accepts; absent when it accepts any. */
  revisions?: number[];
  idempotencyKey?: string;
  request: FastifyRequest;
  reply: FastifyReply;
}

export interface Answer {
  /** Default 200. */
  status?: number;
  body?: unknown;
  /** Becomes the ETag. */
  revision?: number;
  headers?: Record<string, string>;
}

/** One possible success, for the document. */
export interface Success {
  description: string;
  schema?: TSchema;
  /** Default `application/json`. */
  contentType?: string;
}

export type HeaderName =
  | "If-Match"
  | "If-None-Match"
  | "Idempotency-Key"
  | "Last-Event-ID"
  | "Range"
  | "Sec-WebSocket-Protocol";

interface RouteFacts {
  method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  /** Below `/api/v1`, e.g. `/jobs/:ref`; from the root when `atRoot`. */
  path: string;
  atRoot?: boolean;
  /** The operation's id in the document, e.g. `publishJob`. */
  id: string;
  tag: string;
  summary: string;
  description?: string;
  access: Access;
  /** Headers that the route reads. */
  headers?: HeaderName[];
  /** The body is not validated by its schema: the handler says what is wrong with it. */
  readsBodyItself?: boolean;
  /** The body may be left out. */
  bodyOptional?: boolean;
  /** The body comes from an HTML form. */
  form?: boolean;
  /** The handler gets the body's bytes, of any type: what a signature is of. */
  rawBody?: boolean;
  /** The handler gets the body as a stream, of any type and length, and reads it to its end. */
  streamBody?: boolean;
  /** Manifests as YAML text are taken instead of the JSON body; its fields come as query then. */
  yaml?: boolean;
  /** The handler may make a WebSocket of the connection. Its token may come as a subprotocol. */
  isWebSocket?: boolean;
  successes: Record<number, Success>;
  /** Refusals of this route besides those that all have. */
  errors: ErrorCode[];
}

/** Schemas of a definition; an absent one means that nothing of the kind is read. */
interface Definition<Query extends TSchema, Body extends TSchema> extends RouteFacts {
  query?: Query;
  body?: Body;
}

interface PublicRoute<Query extends TSchema, Body extends TSchema> extends Definition<Query, Body> {
  access: "public";
  handle(call: Call<Static<Query>, Static<Body>>): Promise<Answer | undefined>;
}

interface CallerRoute<Query extends TSchema, Body extends TSchema> extends Definition<Query, Body> {
  access: "caller";
  handle(call: Call<Static<Query>, Static<Body>>, caller: Caller): Promise<Answer | undefined>;
}

interface TaskRoute<Query extends TSchema, Body extends TSchema> extends Definition<Query, Body> {
  access: "task";
  /** `caller` is absent when the request has no token, or one that is nobody's: then it may be the task's. */
  handle(
    call: Call<Static<Query>, Static<Body>>,
    caller: Caller | undefined,
    bearer: string | undefined,
  ): Promise<Answer | undefined>;
}

/** A route as it is registered. `handle` answers nothing when it has taken over the reply. */
export interface Route extends RouteFacts {
  query?: TSchema;
  body?: TSchema;
  handle(
    call: Call<unknown, unknown>,
    caller: Caller | undefined,
    bearer: string | undefined,
  ): Promise<Answer | undefined>;
}

/** Makes a route; its handler sees query and body with the types of their schemas. */
export function route<Query extends TSchema, Body extends TSchema>(
  definition: PublicRoute<Query, Body> | CallerRoute<Query, Body> | TaskRoute<Query, Body>,
): Route {
  return definition as Route;
}
