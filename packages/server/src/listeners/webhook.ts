// Webhooks: the message as JSON, signed as the Standard Webhooks specification says
// (github.com/standard-webhooks/standard-webhooks, spec/standard-webhooks.md). While a receiver learns a new secret the
// message has a signature of each.

import { createHash } from "node:crypto";
import type { SpecOf } from "@mflow/core/schema/channel";
import { Webhook } from "standardwebhooks";
import { type Channel, type HttpSender, type Outgoing, SendError, type Sent } from "./channel.ts";
import { retryAfterMs } from "./retry-after.ts";

export type WebhookSettings = SpecOf<"WEBHOOK">;

export function createWebhookChannel(http: HttpSender): Channel<WebhookSettings> {
  return {
    kind: "WEBHOOK",
    limits: { concurrency: 8 },
    updates: false,
    send: (outgoing) => send(http, outgoing),
  };
}

async function send(http: HttpSender, outgoing: Outgoing<WebhookSettings>): Promise<Sent> {
  const { settings, signal, now } = outgoing;
  const body = JSON.stringify(outgoing.message);
  const requestDigest = createHash("sha256").update(body).digest("hex");
  const headers = headersOf(outgoing, body);
  const answer = await http.send({ url: settings.url, headers, body, signal });
  const { status, body: response } = answer;
  const exchange = { requestDigest, status, response };
  if (status >= 200 && status < 300) return exchange;
  const wait = retryAfterMs(answer.headers["retry-after"], now);
  if (status === 429) throw new SendError("LIMITED", "the receiver has had too many", exchange, wait);
  if (status === 410) throw new SendError("DEAD", "the receiver wants no more (410)", exchange);
  const isFinal = status >= 400 && status < 500 && status !== 408;
  throw new SendError(isFinal ? "DEAD" : "RETRY", `the receiver answered ${status}`, exchange, wait);
}

/** Its own headers first: none of them stands in for what says how the body is read and whom it is from. */
function headersOf({ settings, messageId, now }: Outgoing<WebhookSettings>, body: string) {
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(settings.headers ?? {})) {
    if (isOwn(name)) headers[name.toLowerCase()] = value;
  }
  headers["content-type"] = "application/json";
  headers["webhook-id"] = messageId;
  headers["webhook-timestamp"] = String(Math.floor(now / 1000));
  const secrets = [settings.secret, settings.previousSecret].filter((secret) => secret !== undefined);
  if (secrets.length > 0) {
    const signatures = secrets.map((secret) => signer(secret).sign(messageId, new Date(now), body));
    headers["webhook-signature"] = signatures.join(" ");
  }
  return headers;
}

/** Headers of the connection, which an HTTP client sets itself. */
const CONNECTION = new Set([
  ...["host", "connection", "keep-alive", "transfer-encoding", "upgrade", "te", "trailer", "expect"],
  ...["proxy-authorization", "proxy-connection"],
]);

function isOwn(name: string): boolean {
  const lower = name.toLowerCase();
  return !lower.startsWith("webhook-") && !lower.startsWith("content-") && !CONNECTION.has(lower);
}

/** `whsec_` and base64 as the specification has it; any other text serves as it is. */
function signer(secret: string): Webhook {
  const [, base64] = /^whsec_([A-Za-z0-9+/]+={0,2})$/.exec(secret) ?? [];
  const isBase64 = base64 !== undefined && Buffer.from(base64, "base64").toString("base64") === base64;
  return isBase64 ? new Webhook(secret) : new Webhook(secret, { format: "raw" });
}
