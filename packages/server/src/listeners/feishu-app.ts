// An app of Feishu or Lark that writes to people, by the public documentation of open.feishu.cn: "Get the custom app's
// tenant_access_token", "Send message" (whose `uuid` makes a repeated request within an hour the same message), and
// "Update a message card".

import type { SpecOf } from "@mflow/core/schema/channel";
import { type AppAnswer, apiUrl, callApp } from "./app-call.ts";
import { AppTokens, type GivenToken } from "./app-tokens.ts";
import { cardValueOf } from "./card-value.ts";
import { type Channel, type HttpSender, type Outgoing, SendError, type Sent } from "./channel.ts";
import { feishuAppCard } from "./feishu-app-card.ts";

type Settings = SpecOf<"FEISHU_APP">;

const FEISHU_BASE_URL = "https://open.feishu.cn";
/** Too many requests: of the app, and to one person. */
const LIMITED = new Set([99991400, 230020, 11232]);
/** Feishu's own trouble: internal errors, and "temporarily unavailable". */
const TEMPORARY = new Set([2200, 1500, 1551, 1557, 230049, 230101]);
/** The token is missing, wrong or expired. */
const TOKEN_REFUSED = new Set([99991661, 99991663, 99991664, 99991665, 99991668, 99991671]);

/** What to do about what Feishu refuses for good. */
const REMEDIES: Readonly<Record<number, string>> = {
  10003: "check `appId` and `appSecret` of the channel",
  10014: "check `appId` and `appSecret` of the channel",
  99991672: "grant the app the scope im:message:send_as_bot and publish a version of it",
  99992361: "the open_id is of another app: give the person's open_id for this one",
  230001: "check the person's address: open_id (ou_...), union_id (on_...), user_id or mail address",
  230006: "turn on the bot of the app and publish a version of it",
  230013: "add the person to the availability of the app and publish a version of it",
  230027: "grant the app the scope im:message:send_as_bot and publish a version of it",
  230029: "the person has left: take the address away",
  230034: "check the person's address: open_id (ou_...), union_id (on_...), user_id or mail address",
  230053: "the person has stopped messages of the bot",
};

export function createFeishuApp(http: HttpSender): Channel<Settings> {
  const tokens = new AppTokens<Settings>(
    (settings, signal) => askToken(http, settings, signal),
    ({ baseUrl = FEISHU_BASE_URL, appId, appSecret }) => [baseUrl, appId, appSecret],
  );
  return {
    kind: "FEISHU_APP",
    // 1,000 messages a minute and 50 a second of an app.
    limits: { concurrency: 4, rate: { messages: 15, perMs: 1000 } },
    updates: true,
    send: (outgoing) => (outgoing.update ? update(http, tokens, outgoing) : send(http, tokens, outgoing)),
  };
}

/** Which kind of id an address is, told by its form. */
function idTypeOf(address: string): "open_id" | "union_id" | "email" | "user_id" {
  if (address.startsWith("ou_")) return "open_id";
  if (address.startsWith("on_")) return "union_id";
  return address.includes("@") ? "email" : "user_id";
}

async function send(
  http: HttpSender,
  tokens: AppTokens<Settings>,
  outgoing: Outgoing<Settings>,
): Promise<Sent> {
  const { address } = outgoing;
  if (address === undefined) throw new SendError("DEAD", "the person has no address in this channel");
  const path = `/open-apis/im/v1/messages?receive_id_type=${idTypeOf(address)}`;
  const content = JSON.stringify(cardOf(outgoing));
  const body = { receive_id: address, msg_type: "interactive", content, uuid: outgoing.deliveryId };
  const { json, exchange } = await call(http, tokens, outgoing, "POST", path, body);
  const messageId = (json.data as { message_id?: unknown } | undefined)?.message_id;
  return { ...exchange, ...(typeof messageId === "string" && { receipt: { messageId } }) };
}

async function update(
  http: HttpSender,
  tokens: AppTokens<Settings>,
  outgoing: Outgoing<Settings>,
): Promise<Sent> {
  const messageId = outgoing.update?.messageId ?? "";
  const path = `/open-apis/im/v1/messages/${encodeURIComponent(messageId)}`;
  const body = { content: JSON.stringify(cardOf(outgoing)) };
  const { exchange } = await call(http, tokens, outgoing, "PATCH", path, body);
  return { ...exchange, receipt: { messageId } };
}

/** Callbacks do not name mail addresses, so that who is known by one alone could press but not be told from others. */
function cardOf({ content, deliveryId, message, address = "" }: Outgoing<Settings>) {
  const card = idTypeOf(address) === "email" ? undefined : cardValueOf(deliveryId, message);
  return feishuAppCard(content, card);
}

/** A call with the app's token, which is renewed once when Feishu does not take it. */
async function call(
  http: HttpSender,
  tokens: AppTokens<Settings>,
  { settings, signal, now }: Outgoing<Settings>,
  method: "POST" | "PATCH",
  path: string,
  body: unknown,
): Promise<AppAnswer> {
  const url = apiUrl(settings.baseUrl, FEISHU_BASE_URL, path);
  for (let isFirst = true; ; isFirst = false) {
    const token = await tokens.get(settings, now, signal);
    const headers = { authorization: `Bearer ${token}` };
    const answer = await callApp(http, "Feishu", { url, method, headers, body, signal, now });
    if (!TOKEN_REFUSED.has(Number(answer.json.code))) return checked(answer);
    await tokens.forget(settings, token);
    if (isFirst) continue;
    const why = `Feishu does not take the app's token: ${answer.json.msg}`;
    throw new SendError("DEAD", `${why}; check that the app is enabled`, answer.exchange);
  }
}

/** The answer, unless it is an error, whatever its status. */
function checked(answer: AppAnswer): AppAnswer {
  const { status, json, exchange, waitMs } = answer;
  const code = Number(json.code);
  if (code === 0 && status < 300) return answer;
  const what = `Feishu refused it with ${Number.isNaN(code) ? status : code}: ${json.msg ?? "no message"}`;
  if (status === 429 || LIMITED.has(code)) throw new SendError("LIMITED", what, exchange, waitMs);
  if (status >= 500 || TEMPORARY.has(code)) throw new SendError("RETRY", what, exchange);
  const remedy = REMEDIES[code];
  throw new SendError("DEAD", remedy === undefined ? what : `${what}; ${remedy}`, exchange);
}

async function askToken(http: HttpSender, settings: Settings, signal: AbortSignal): Promise<GivenToken> {
  const { appId, appSecret, baseUrl } = settings;
  const url = apiUrl(baseUrl, FEISHU_BASE_URL, "/open-apis/auth/v3/tenant_access_token/internal");
  const body = { app_id: appId, app_secret: appSecret };
  const answer = await callApp(http, "Feishu", { url, headers: {}, body, signal, now: Date.now() });
  const { tenant_access_token: token, expire } = checked(answer).json;
  if (typeof token !== "string")
    throw new SendError("RETRY", "Feishu gave no token", { status: answer.status });
  return { token, expiresInMs: Number(expire ?? 7200) * 1000 };
}
