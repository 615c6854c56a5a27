// Calls to the API server of one cluster. The client library brings the credentials; the calls are made here, as JSON
// that is passed on as it is: the library's own calls open a connection each, drop fields of the spec that are newer than
// it, and cannot ask a watch for bookmarks.

import type { IncomingMessage } from "node:http";
import { isIP, type LookupFunction } from "node:net";
import type { Readable } from "node:stream";
import type { KubeConfig } from "@kubernetes/client-node";
import type { Dispatcher } from "undici";
import type { WebSocket } from "ws";

/** A refusal of the API server, or that it did not answer. */
export class KubeError extends Error {
  override readonly name = "KubeError";
  /** HTTP status; 0: there was no answer. */
  readonly status: number;
  /** The reason of the `Status` object, e.g. `AlreadyExists`; of no answer the code of the error, e.g. `ECONNREFUSED`. */
  readonly reason: string | undefined;
  /** Milliseconds that the server asks to wait. */
  readonly retryAfterMs: number | undefined;
  /** What is wrong with which field of what was sent. */
  readonly causes: readonly { field: string; message: string }[];

  constructor(
    status: number,
    message: string,
    more: { reason?: string; retryAfterMs?: number; causes?: KubeError["causes"] } = {},
  ) {
    super(message);
    this.causes = more.causes ?? [];
    this.status = status;
    this.reason = more.reason;
    this.retryAfterMs = more.retryAfterMs;
  }

  /** Whether the same call may succeed later: no answer, overload, or a failure of the server's. */
  get isRetryable(): boolean {
    if (this.reason === REFUSED_TARGET) return false;
    return this.status === 0 || this.status === 408 || this.status === 429 || this.status >= 500;
  }
}

/** Reason of an address that may not be dialled. */
const REFUSED_TARGET = "ERR_TARGET_REFUSED";

export interface CallOptions {
  query?: Record<string, string | number | boolean | undefined>;
  body?: unknown;
  /** Default `application/json`. */
  contentType?: string;
  signal?: AbortSignal;
}

/** A patch that can take single entries out of a list. */
export const STRATEGIC_MERGE_PATCH = "application/strategic-merge-patch+json";

/** An answer that has not begun after so long is none, milliseconds. */
const HEADERS_MS = 30_000;
const BODY_MS = 60_000;
/** Calls under way at once. */
const MAX_CALLS = 16;
/** Idle connections are ended before load balancers do it. */
const KEEP_ALIVE_MS = 30_000;
/** Subprotocols of `exec`, the best first: v5 can close stdin, v4 tells the exit code. */
const EXEC_PROTOCOLS = ["v5.channel.k8s.io", "v4.channel.k8s.io"];

/** Says of a host and an address that it was resolved to whether they may be dialled. */
export type MayDial = (host: string, address: string) => boolean;

interface Connection {
  undici: typeof import("undici");
  /** Of short calls, over few connections. */
  calls: Dispatcher;
  /** Of what goes on, over a connection each. */
  streams: Dispatcher;
}

export class ClusterClient {
  #config: KubeConfig;
  readonly #mayDial: MayDial | undefined;
  #server: string;
  #connection: Promise<Connection> | undefined;

  /** `mayDial`: checks what is dialled, for a kubeconfig that a task brought; absent: everything may be. */
  constructor(config: KubeConfig, mayDial?: MayDial) {
    this.#config = config;
    this.#mayDial = mayDial;
    this.#server = serverOf(config);
  }

  /** Goes on with other credentials or at another address. What streams is ended, and is to be asked for anew. */
  async reconfigure(config: KubeConfig): Promise<void> {
    this.#config = config;
    this.#server = serverOf(config);
    await this.close();
  }

  /** URL of the API server. */
  get server(): string {
    return this.#server;
  }

  /** Namespace of the kubeconfig's context, when it names one. */
  get contextNamespace(): string | undefined {
    return this.#config.getContextObject(this.#config.getCurrentContext())?.namespace;
  }

  get<T>(path: string, query?: CallOptions["query"], signal?: AbortSignal): Promise<T> {
    return this.call("GET", path, { query, signal });
  }

  create<T>(path: string, body: unknown, query?: CallOptions["query"]): Promise<T> {
    return this.call("POST", path, { body, query });
  }

  patch<T>(path: string, body: unknown, contentType: string): Promise<T> {
    return this.call("PATCH", path, { body, contentType });
  }

  delete<T>(path: string, body?: unknown): Promise<T> {
    return this.call("DELETE", path, { body });
  }

  /** One call and its JSON answer. Rejects with a KubeError. */
  async call<T>(method: Dispatcher.HttpMethod, path: string, options: CallOptions = {}): Promise<T> {
    const answer = await this.#send(method, path, options);
    return (await bodyOf(answer.body)) as T;
  }

  /** A GET whose answer goes on: a watch, a log. Rejects with a KubeError. */
  async stream(path: string, options: Pick<CallOptions, "query" | "signal">): Promise<Readable> {
    const answer = await this.#send("GET", path, options, "streams");
    return answer.body;
  }

  /**
   * Opens a WebSocket for `exec`; one frame a message, its first byte the channel. It is paused: to be resumed once
   * somebody listens. Rejects with a KubeError.
   */
  async webSocket(path: string, query: readonly (readonly [string, string])[]): Promise<WebSocket> {
    const { WebSocket } = await import("ws");
    const { headers, tls } = await this.#credentials();
    const url = `${this.#server.replace(/^http/, "ws")}${path}?${new URLSearchParams(query.map(([key, value]): [string, string] => [key, value]))}`;
    const options = { ...tls, headers, lookup: this.#lookup(), handshakeTimeout: HEADERS_MS };
    this.#refuseAddress();
    const socket = new WebSocket(url, EXEC_PROTOCOLS, options);
    return new Promise((resolve, reject) => {
      socket.once("open", () => {
        socket.pause();
        resolve(socket);
      });
      socket.once("unexpected-response", (_request, response: IncomingMessage) => {
        bodyOf(response).then(
          (body) => reject(refusal(response.statusCode ?? 0, body, undefined)),
          (error: unknown) => reject(noAnswer(this.#server, error)),
        );
        socket.on("error", () => {});
      });
      socket.once("error", (error) => reject(noAnswer(this.#server, error)));
    });
  }

  /** Ends all connections, also those that stream. */
  async close(): Promise<void> {
    const connection = await this.#connection?.catch(() => undefined);
    this.#connection = undefined;
    await Promise.all([connection?.calls.destroy(), connection?.streams.destroy()]);
  }

  async #send(
    method: Dispatcher.HttpMethod,
    path: string,
    { query, body, contentType = "application/json", signal }: CallOptions,
    kind: "calls" | "streams" = "calls",
  ): Promise<Dispatcher.ResponseData> {
    const url = new URL(this.#server + path);
    for (const [key, value] of Object.entries(query ?? {})) {
      if (value !== undefined) url.searchParams.set(key, String(value));
    }
    let answer: Dispatcher.ResponseData;
    try {
      this.#connection ??= this.#connect().catch((error: unknown) => {
        this.#connection = undefined;
        throw error;
      });
      const [connection, { headers }] = await Promise.all([this.#connection, this.#credentials()]);
      if (body !== undefined) headers["content-type"] = contentType;
      headers.accept = "application/json";
      answer = await connection.undici.request(url, {
        method,
        headers,
        body: body === undefined ? null : JSON.stringify(body),
        dispatcher: connection[kind],
        signal,
        headersTimeout: HEADERS_MS,
        bodyTimeout: kind === "calls" ? BODY_MS : 0,
      });
    } catch (error) {
      throw noAnswer(this.#server, error);
    }
    if (answer.statusCode < 300) return answer;
    const text = await bodyOf(answer.body).catch(() => undefined);
    throw refusal(answer.statusCode, text, answer.headers["retry-after"]);
  }

  async #connect(): Promise<Connection> {
    const undici = await import("undici");
    const { tls } = await this.#credentials();
    const proxy = this.#config.getCurrentCluster()?.proxyUrl;
    this.#refuseAddress();
    if (proxy !== undefined && /^https?:/.test(proxy) && !this.#mayDial) {
      const agent = () => new undici.ProxyAgent({ uri: proxy, requestTls: tls });
      return { undici, calls: agent(), streams: agent() };
    }
    const connect = {
      ...tls,
      keepAlive: true,
      keepAliveInitialDelay: KEEP_ALIVE_MS,
      timeout: 10_000,
      lookup: this.#lookup(),
    };
    const agent = (connections: number | null) =>
      new undici.Agent({ connect, connections, keepAliveTimeout: KEEP_ALIVE_MS, pipelining: 1 });
    return { undici, calls: agent(MAX_CALLS), streams: agent(null) };
  }

  /** What the library makes of the user's credentials now; tokens from files are read again when they are old. */
  async #credentials(): Promise<{ headers: Record<string, string>; tls: Record<string, unknown> }> {
    const options: Record<string, unknown> = {};
    await this.#config.applyToHTTPSOptions(options);
    const { headers = {}, auth, ca, cert, key, rejectUnauthorized, servername } = options;
    const sent: Record<string, string> = { "user-agent": "mflow", ...(headers as Record<string, string>) };
    if (typeof auth === "string") sent.Authorization = `Basic ${Buffer.from(auth).toString("base64")}`;
    const tls = Object.fromEntries(
      Object.entries({ ca, cert, key, rejectUnauthorized, servername }).filter(
        ([, value]) => value !== undefined,
      ),
    );
    return { headers: sent, tls };
  }

  /** A literal address is never resolved, so `lookup` does not see it. */
  #refuseAddress(): void {
    const host = new URL(this.#server).hostname.replace(/^\[|\]$/g, "");
    if (this.#mayDial && isIP(host) > 0 && !this.#mayDial(host, host)) throw refusedTarget(host, host);
  }

  #lookup(): LookupFunction | undefined {
    const mayDial = this.#mayDial;
    if (!mayDial) return undefined;
    return (hostname, options, callback) => {
      void import("node:dns").then(({ lookup }) =>
        lookup(hostname, { ...options, all: true }, (error, addresses) => {
          if (error) return callback(error, [], 0);
          const usable = addresses.filter(({ address }) => mayDial(hostname, address));
          const [first] = usable;
          if (!first) return callback(refusedTarget(hostname, addresses[0]?.address ?? hostname), [], 0);
          if (options.all) callback(null, usable);
          else callback(null, first.address, first.family);
        }),
      );
    };
  }
}

function serverOf(config: KubeConfig): string {
  return (config.getCurrentCluster()?.server ?? "").replace(/\/+$/, "");
}

function refusedTarget(host: string, address: string): KubeError {
  const what = `${host} (${address}) is no public address`;
  const remedy = "an operator of the server can allow it with --allow-target, or add it as a cluster";
  return new KubeError(0, `${what}; ${remedy}`, { reason: REFUSED_TARGET });
}

async function bodyOf(body: AsyncIterable<Uint8Array>): Promise<unknown> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of body) chunks.push(chunk);
  const text = Buffer.concat(chunks).toString("utf8");
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

/** A `Status` object. */
interface StatusBody {
  message?: string;
  reason?: string;
  details?: { causes?: { field?: string; message?: string }[] };
}

/** The KubeError of an answer that is no success; a `Status` object says it best. */
function refusal(status: number, body: unknown, retryAfter: string | string[] | undefined): KubeError {
  const said = typeof body === "object" && body !== null ? (body as StatusBody) : {};
  const message =
    said.message ??
    (typeof body === "string" && body.trim() ? body.trim().slice(0, 500) : `status ${status}`);
  const seconds = Number(Array.isArray(retryAfter) ? retryAfter[0] : retryAfter);
  const causes = (said.details?.causes ?? []).flatMap(({ field, message }) =>
    field === undefined || message === undefined ? [] : [{ field, message }],
  );
  return new KubeError(status, message, {
    causes,
    ...(said.reason !== undefined && { reason: said.reason }),
    ...(seconds > 0 && { retryAfterMs: seconds * 1000 }),
  });
}

function noAnswer(server: string, error: unknown): KubeError {
  const inner = error instanceof AggregateError && error.errors.length > 0 ? error.errors[0] : error;
  if (inner instanceof KubeError) return inner;
  const { message, code } = inner as NodeJS.ErrnoException;
  return new KubeError(
    0,
    `the API server ${server} did not answer: ${message || code || "the connection failed"}`,
    code === undefined ? {} : { reason: code },
  );
}
