// An app of Slack that writes to people, by the public documentation of docs.slack.dev: `conversations.open`,
// `chat.postMessage`, `chat.update`.

import { createHash } from "node:crypto";
import type { SpecOf } from "@mflow/core/schema/channel";
import { type AppAnswer, apiUrl, callApp } from "./app-call.ts";
import { cardValueOf } from "./card-value.ts";
import { type Channel, type HttpSender, type Outgoing, SendError, type Sent } from "./channel.ts";
import { slackAppBlocks } from "./slack-app-blocks.ts";
import { slackFallback } from "./slack-blocks.ts";

type Settings = SpecOf<"SLACK_APP">;

export const SLACK_BASE_URL = "https://slack.com/api";
/** So many people's conversations are remembered. */
const MAX_CONVERSATIONS = 10_000;

const LIMITED = new Set(["ratelimited", "rate_limited", "message_limit_exceeded"]);
const TEMPORARY = new Set([
  ...["internal_error", "fatal_error", "service_unavailable", "request_timeout", "team_added_to_org"],
  // The first try with this client_msg_id is still under way.
  ...["duplicate_message_not_found", "duplicate_channel_not_found"],
]);

const TOKEN = "give the channel the present Bot User OAuth Token (`xoxb-...`) as `botToken`";
const ADDRESS = "check the person's address: the member id, e.g. U012AB3CD, of this workspace";
const REMEDIES: Readonly<Record<string, string>> = {
  ...{
    invalid_auth: TOKEN,
    not_authed: TOKEN,
    account_inactive: TOKEN,
    token_revoked: TOKEN,
    token_expired: TOKEN,
  },
  ...{
    user_not_found: ADDRESS,
    users_not_found: ADDRESS,
    user_disabled: ADDRESS,
    channel_not_found: ADDRESS,
  },
  cannot_dm_bot: "the address is a bot's: give a person's member id",
  messages_tab_disabled: "turn on the Messages Tab in App Home of the app",
  no_permission: "grant the app the scopes chat:write and im:write, and install it again",
};

export function createSlackApp(http: HttpSender): Channel<Settings> {
  const conversations = new Map<string, string>();
  return {
    kind: "SLACK_APP",
    // "Several hundred messages per minute" of a workspace, one per second and conversation.
    limits: { concurrency: 4, rate: { messages: 4, perMs: 1000 } },
    updates: true,
    send: (outgoing) => (outgoing.update ? update(http, outgoing) : post(http, conversations, outgoing)),
  };
}

async function post(
  http: HttpSender,
  conversations: Map<string, string>,
  outgoing: Outgoing<Settings>,
): Promise<Sent> {
  const channel = await conversationOf(http, conversations, outgoing);
  const { json, exchange } = await call(http, outgoing, "chat.postMessage", {
    ...{ channel, ...words(outgoing), unfurl_links: false, unfurl_media: false },
    // The same in every attempt: Slack then answers with the message that there is.
    client_msg_id: uuidOf(outgoing.deliveryId),
  });
  const receipt = receiptOf(json);
  return { ...exchange, ...(receipt && { receipt }) };
}

async function update(http: HttpSender, outgoing: Outgoing<Settings>): Promise<Sent> {
  const { channel = "", ts = "" } = outgoing.update ?? {};
  const body = { channel, ts, ...words(outgoing) };
  const { exchange } = await call(http, outgoing, "chat.update", body);
  return { ...exchange, receipt: { channel, ts } };
}

/** `text` is what notifications show. */
function words({ content, deliveryId, message }: Outgoing<Settings>) {
  return { text: slackFallback(content), blocks: slackAppBlocks(content, cardValueOf(deliveryId, message)) };
}

/** The conversation with a person; opened once. */
async function conversationOf(
  http: HttpSender,
  conversations: Map<string, string>,
  outgoing: Outgoing<Settings>,
): Promise<string> {
  const { address, settings } = outgoing;
  if (address === undefined) throw new SendError("DEAD", "the person has no address in this channel");
  const key = createHash("sha256").update(`${settings.botToken} ${address}`).digest("base64");
  const known = conversations.get(key);
  if (known !== undefined) return known;
  const { json, exchange } = await call(http, outgoing, "conversations.open", { users: address });
  const id = (json.channel as { id?: unknown } | undefined)?.id;
  if (typeof id !== "string") throw new SendError("RETRY", "Slack opened no conversation", exchange);
  if (conversations.size >= MAX_CONVERSATIONS) conversations.clear();
  conversations.set(key, id);
  return id;
}

async function call(
  http: HttpSender,
  { settings, signal, now }: Outgoing<Settings>,
  method: string,
  body: unknown,
): Promise<AppAnswer> {
  const url = apiUrl(settings.baseUrl, SLACK_BASE_URL, `/${method}`);
  const headers = { authorization: `Bearer ${settings.botToken}` };
  const answer = await callApp(http, "Slack", { url, headers, body, signal, now });
  const { status, json, exchange, waitMs } = answer;
  if (json.ok === true && status < 300) return answer;
  const error = typeof json.error === "string" ? json.error : String(status);
  const what = `Slack refused ${method}: ${error}`;
  if (status === 429 || LIMITED.has(error)) throw new SendError("LIMITED", what, exchange, waitMs);
  if (status >= 500 || TEMPORARY.has(error)) throw new SendError("RETRY", what, exchange);
  const scope = typeof json.needed === "string" ? json.needed : "chat:write and im:write";
  const remedy = error === "missing_scope" ? `grant the app ${scope} and install it again` : REMEDIES[error];
  throw new SendError("DEAD", remedy === undefined ? what : `${what}; ${remedy}`, exchange);
}

function receiptOf({ channel, ts }: Record<string, unknown>): Record<string, string> | undefined {
  return typeof channel === "string" && typeof ts === "string" ? { channel, ts } : undefined;
}

/** A UUID that a delivery's id leads to. */
function uuidOf(deliveryId: string): string {
  const bytes = createHash("sha256").update(deliveryId).digest().subarray(0, 16);
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x40;
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80;
  const hex = bytes.toString("hex");
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join("-");
}
