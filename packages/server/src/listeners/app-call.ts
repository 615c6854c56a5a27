// A call of a chat platform's API by an app: JSON out, JSON back, and what was exchanged for the delivery record. That
// the status is good says nothing on these platforms: whoever calls looks into the body.

import { createHash } from "node:crypto";
import { type Exchange, type HttpRequest, type HttpSender, SendError } from "./channel.ts";
import { jsonObject } from "./json-object.ts";
import { retryAfterMs } from "./retry-after.ts";

export interface AppCall extends Omit<HttpRequest, "body"> {
  body: unknown;
  /** Milliseconds since the epoch. */
  now: number;
}

export interface AppAnswer {
  status: number;
  json: Record<string, unknown>;
  exchange: Exchange;
  /** What the platform's own headers ask to wait, milliseconds. */
  waitMs: number | undefined;
}

/** Rejects with a SendError for what is no answer of the platform's API. */
export async function callApp(http: HttpSender, platform: string, call: AppCall): Promise<AppAnswer> {
  const { url, method = "POST", signal, now } = call;
  const body = JSON.stringify(call.body);
  const headers = { "content-type": "application/json; charset=utf-8", ...call.headers };
  const answer = await http.send({ url, method, headers, body, signal });
  const { status } = answer;
  const requestDigest = createHash("sha256").update(body).digest("hex");
  const exchange: Exchange = { requestDigest, status, response: answer.body };
  const waitMs = retryAfterMs(answer.headers["retry-after"] ?? answer.headers["x-ogw-ratelimit-reset"], now);
  const json = jsonObject(answer.body);
  if (json) return { status, json, exchange, waitMs };
  if (status === 429) throw new SendError("LIMITED", `${platform} has had too many`, exchange, waitMs);
  if (status >= 500 || status === 408)
    throw new SendError("RETRY", `${platform} answered ${status}`, exchange);
  const remedy = "that is not its API: check `baseUrl` of the channel";
  throw new SendError("DEAD", `${platform} answered ${status} without JSON; ${remedy}`, exchange);
}

/** URL of a path of the platform's API. */
export function apiUrl(baseUrl: string | undefined, otherwise: string, path: string): string {
  return (baseUrl ?? otherwise).replace(/\/+$/, "") + path;
}
