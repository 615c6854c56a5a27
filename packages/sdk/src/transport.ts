// One HTTP call: address, token, query, JSON in and out, errors, and another try where that is safe.

import { API_PREFIX } from "@mflow/core/schema/api-prefix";
import { BEARER_PROTOCOL_PREFIX } from "@mflow/core/schema/terminal-protocol";
import { ConnectionError, errorOf, notAnswerOfMflow } from "./api-error.ts";
import { pause } from "./pause.ts";

export interface ClientOptions {
  /** Address of the server; a function is asked before each try, for a server that may come back elsewhere. */
  url: string | (() => string | Promise<string>);
  token?: string;
  /** How the program names itself, e.g. `release-bot/2.1`; decisions are recorded with it. */
  userAgent?: string;
  fetch?: typeof fetch;
  /** Further tries of calls that may be repeated, when no connection comes about (default 3). */
  retries?: number;
  /** Milliseconds until a call without an answer is given up (default 60 s); streams have none. */
  timeoutMs?: number;
}

type QueryValue = string | number | boolean | readonly string[] | undefined;

export interface Call {
  method?: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  /** Below `/api/v1`, or with `bare` below the address itself. */
  path: string;
  bare?: boolean;
  query?: { readonly [name: string]: QueryValue };
  body?: unknown;
  /** Bytes that are sent as they are, instead of `body`; what is a stream can be sent once. */
  bytes?: Uint8Array | ReadableStream<Uint8Array>;
  headers?: Record<string, string>;
  /** The same call again has no further effect. GET calls never have one. */
  repeatable?: boolean;
  signal?: AbortSignal;
}

export interface Transport {
  /** The parsed answer; `undefined` when it is empty. Rejects with `ApiError` or `ConnectionError`. */
  json<T>(call: Call): Promise<T>;
  /** The answer's text. */
  text(call: Call): Promise<string>;
  /** The answer unread, without a time limit. One try. */
  open(call: Call): Promise<Response>;
  /**
   * A WebSocket that is open. Rejects with what a plain GET of the same address is refused with, because a WebSocket does
   * not tell why it does not come about; else with `ConnectionError`.
   */
  webSocket(call: Pick<Call, "path" | "query" | "signal">, protocol: string): Promise<WebSocket>;
}

const FIRST_PAUSE_MS = 100;

/** `/jobs/${ref}` with each value encoded. */
export function path(parts: TemplateStringsArray, ...values: string[]): string {
  return String.raw({ raw: parts }, ...values.map(encodeURIComponent));
}

function queryString(query: Call["query"]): string {
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(query ?? {})) {
    if (value === undefined) continue;
    for (const one of typeof value === "object" ? value : [value]) search.append(name, String(one));
  }
  const text = search.toString();
  return text ? `?${text}` : "";
}

export function createTransport(options: ClientOptions): Transport {
  const send = options.fetch ?? globalThis.fetch;
  const retries = options.retries ?? 3;
  const timeoutMs = options.timeoutMs ?? 60_000;

  const address = async () =>
    (typeof options.url === "string" ? options.url : await options.url()).replace(/\/+$/, "");

  async function once(base: string, call: Call, signal: AbortSignal | undefined): Promise<Response> {
    const headers: Record<string, string> = { accept: "application/json", ...call.headers };
    if (options.token) headers.authorization = `Bearer ${options.token}`;
    if (options.userAgent) headers["user-agent"] = options.userAgent;
    if (call.body !== undefined) headers["content-type"] = "application/json";
    let response: Response;
    try {
      response = await send(base + (call.bare ? "" : API_PREFIX) + call.path + queryString(call.query), {
        method: call.method ?? "GET",
        headers,
        body: call.bytes ?? (call.body === undefined ? undefined : JSON.stringify(call.body)),
        ...(call.bytes instanceof ReadableStream && { duplex: "half" }),
        signal,
        redirect: "error",
      });
    } catch (error) {
      throw unanswered(base, call, error);
    }
    if (!response.ok) throw await errorOf(response, base);
    return response;
  }

  /** What a call rejects with when fetch or the reading of the body failed. */
  function unanswered(base: string, call: Call, error: unknown): unknown {
    if (call.signal?.aborted) return call.signal.reason;
    if (error instanceof Error && error.name === "TimeoutError") {
      return new ConnectionError(base, `no answer from ${base} within ${timeoutMs / 1000} s`, error);
    }
    return new ConnectionError(base, `cannot reach ${base}`, error);
  }

  async function text(call: Call): Promise<string> {
    const repeatable = call.repeatable ?? (call.method ?? "GET") === "GET";
    for (let tries = 0; ; tries++) {
      const limit = AbortSignal.timeout(timeoutMs);
      const signal = call.signal ? AbortSignal.any([call.signal, limit]) : limit;
      const base = await address();
      try {
        const response = await once(base, call, signal);
        return await response.text().catch((error) => {
          throw unanswered(base, call, error);
        });
      } catch (error) {
        const again = error instanceof ConnectionError && !limit.aborted && repeatable && tries < retries;
        if (!again) throw error;
        await pause(FIRST_PAUSE_MS * 2 ** tries, call.signal);
        call.signal?.throwIfAborted();
      }
    }
  }

  async function json<T>(call: Call): Promise<T> {
    const answer = await text(call);
    if (answer === "") return undefined as T;
    try {
      return JSON.parse(answer) as T;
    } catch {
      throw notAnswerOfMflow(200, await address());
    }
  }

  async function webSocket(
    { path, query, signal }: Pick<Call, "path" | "query" | "signal">,
    protocol: string,
  ): Promise<WebSocket> {
    signal?.throwIfAborted();
    const base = await address();
    const protocols = [protocol];
    // Headers cannot be sent with one everywhere; the address is written to logs.
    if (options.token) protocols.push(BEARER_PROTOCOL_PREFIX + options.token);
    const socket = new WebSocket(
      base.replace(/^http/i, "ws") + API_PREFIX + path + queryString(query),
      protocols,
    );
    socket.binaryType = "arraybuffer";
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    socket.onopen = () => resolve();
    socket.onerror = reject;
    const given = () => socket.close();
    signal?.addEventListener("abort", given, { once: true });
    try {
      await promise;
    } catch {
      signal?.throwIfAborted();
      await once(base, { path, query, signal }, signal);
      throw new ConnectionError(
        base,
        `no WebSocket comes about with ${base}; what stands between may not pass them`,
        undefined,
      );
    } finally {
      signal?.removeEventListener("abort", given);
      socket.onopen = null;
      socket.onerror = null;
    }
    return socket;
  }

  return { json, text, webSocket, open: async (call) => once(await address(), call, call.signal) };
}
