// The one way by which messages leave over HTTP. What is dialled is checked when it is dialled: after the name was
// resolved, so that no answer of a name server leads inside, and for literal addresses too, which are never resolved.
// The client library is loaded with the first message.

import { lookup } from "node:dns";
import { isIP, type LookupFunction } from "node:net";
import type { Agent, Dispatcher } from "undici";
import { type HttpAnswer, type HttpRequest, type HttpSender, SendError } from "./channel.ts";
import { createTargetGuard, type TargetGuard } from "./target-guard.ts";

/** An answer longer than this is cut, bytes. */
const ANSWER_LIMIT = 64 * 1024;
const MAX_REDIRECTS = 3;
/** Connections that nobody uses are ended after so long, milliseconds. */
const KEEP_ALIVE_MS = 4_000;

/** A sender with a life cycle: closing it ends its connections; sending afterwards opens new ones. */
export interface GuardedHttpSender extends HttpSender {
  close(): Promise<void>;
}

export interface HttpSenderOptions {
  /** What `--allow-target` names. */
  allowed: readonly string[];
  /** The `User-Agent` of requests that have none of their own. */
  userAgent: string;
}

export function createHttpSender({ allowed, userAgent }: HttpSenderOptions): GuardedHttpSender {
  const guard = createTargetGuard(allowed);
  let opening: Promise<{ client: typeof import("undici"); agent: Agent }> | undefined;
  const open = async () => {
    const client = await import("undici");
    return { client, agent: createAgent(client, guard) };
  };
  return {
    async send(request) {
      opening ??= open();
      const { client, agent } = await opening;
      const headers = { "user-agent": userAgent, ...request.headers };
      return sendFollowing(request.url, (url) => exchange(client, agent, url, { ...request, headers }));
    },
    async close() {
      const opened = await opening;
      opening = undefined;
      await opened?.agent.destroy();
    },
  };
}

/** Thrown where a connection would be dialled. */
class RefusedTarget extends Error {
  constructor(host: string, address: string) {
    const what = host === address ? address : `${host}, which is ${address} now,`;
    super(
      `${what} is no public address, and messages are not sent there; an operator of the server can allow it with --allow-target`,
    );
  }
}

function createAgent(client: typeof import("undici"), guard: TargetGuard): Agent {
  const dial = client.buildConnector({ lookup: checkingLookup(guard), timeout: 10_000 });
  return new client.Agent({
    keepAliveTimeout: KEEP_ALIVE_MS,
    keepAliveMaxTimeout: 60_000,
    connect(options, callback) {
      const host = options.hostname.replace(/^\[|\]$/g, "");
      if (isIP(host) > 0 && !guard.allows(host, host)) callback(new RefusedTarget(host, host), null);
      else dial(options, callback);
    },
  });
}

/** Resolves a name to those of its addresses that may be dialled. */
function checkingLookup(guard: TargetGuard): LookupFunction {
  return (hostname, options, callback) => {
    lookup(hostname, { ...options, all: true }, (error, addresses) => {
      if (error) return callback(error, [], 0);
      const usable = addresses.filter(({ address }) => guard.allows(hostname, address));
      const [first] = usable;
      if (!first) return callback(new RefusedTarget(hostname, addresses[0]?.address ?? hostname), [], 0);
      if (options.all) callback(null, usable);
      else callback(null, first.address, first.family);
    });
  };
}

/** One request and its answer, a redirect too. */
async function exchange(
  client: typeof import("undici"),
  agent: Agent,
  url: URL,
  { method = "POST", headers, body, signal }: HttpRequest,
): Promise<HttpAnswer> {
  try {
    const answer = await client.request(url, { dispatcher: agent, method, headers, body, signal });
    return { status: answer.statusCode, headers: flat(answer.headers), body: await textOf(answer.body) };
  } catch (error) {
    if (error instanceof RefusedTarget) throw new SendError("DEAD", error.message);
    if (signal.aborted) throw new SendError("RETRY", `${url.host} took too long`);
    // No such request can be made, now or later.
    if (error instanceof client.errors.InvalidArgumentError) {
      throw new SendError(
        "DEAD",
        `no request to ${url.host} can be made: ${error.message}; correct the settings`,
      );
    }
    throw new SendError("RETRY", `${url.host} did not answer: ${reasonOf(error)}`);
  }
}

function reasonOf(error: unknown): string {
  // Tried on several addresses: all went wrong, the first says how.
  if (error instanceof AggregateError && error.errors.length > 0) return reasonOf(error.errors[0]);
  const { message, code } = error as NodeJS.ErrnoException;
  return message || code || "the connection failed";
}

async function sendFollowing(
  given: string,
  exchangeWith: (url: URL) => Promise<HttpAnswer>,
): Promise<HttpAnswer> {
  let url = urlOf(given);
  for (let redirects = 0; ; redirects++) {
    const answer = await exchangeWith(url);
    const { status, headers } = answer;
    if (![301, 302, 303, 307, 308].includes(status)) return answer;
    const refuse = (why: string) =>
      new SendError("DEAD", `${url.host} answered ${status}, a redirect${why}`, {
        status,
        response: answer.body,
      });
    const next = URL.parse(headers.location ?? "", url.href);
    if (!next) throw refuse(" to nowhere");
    // What these mean for a POST is a GET without its body (RFC 9110, 15.4).
    if (status < 304) throw refuse(` to ${next.origin}, which would lose the message: give the new URL`);
    // Signature and own headers are for the origin that was named.
    if (next.origin !== url.origin)
      throw refuse(` to ${next.origin}, another origin, which is not followed: give the new URL`);
    if (redirects === MAX_REDIRECTS) throw refuse(`, the ${MAX_REDIRECTS + 1}th: give the URL at their end`);
    url = next;
  }
}

function urlOf(text: string): URL {
  const url = URL.parse(text);
  if (url?.protocol === "http:" || url?.protocol === "https:") return url;
  throw new SendError("DEAD", "messages are sent to http and https URLs alone; correct the URL");
}

function flat(headers: Dispatcher.ResponseData["headers"]): Record<string, string> {
  const entries = Object.entries(headers).flatMap(([name, value]) =>
    value === undefined ? [] : [[name.toLowerCase(), Array.isArray(value) ? value.join(", ") : value]],
  );
  return Object.fromEntries(entries);
}

/** The body as text, cut at the limit; what is beyond is not read. */
async function textOf(body: AsyncIterable<Uint8Array> & { destroy(): unknown }): Promise<string> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of body) {
    chunks.push(chunk.subarray(0, ANSWER_LIMIT - length));
    length += chunk.length;
    if (length >= ANSWER_LIMIT) break;
  }
  if (length >= ANSWER_LIMIT) body.destroy();
  return new TextDecoder().decode(Buffer.concat(chunks));
}
