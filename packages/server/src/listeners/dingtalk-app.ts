// An app of DingTalk that writes to people, by the public documentation of open.dingtalk.com: "Obtain the access token
// of an internal app", "Robots send one-to-one messages in batches" (oToMessages/batchSend), "Create and deliver cards"
// and "Update cards". A robot's message cannot be changed; an interactive card can, and needs a template.

import type { SpecOf } from "@mflow/core/schema/channel";
import { type AppAnswer, apiUrl, callApp } from "./app-call.ts";
import { AppTokens, type GivenToken } from "./app-tokens.ts";
import { type Channel, type HttpSender, type Outgoing, SendError, type Sent } from "./channel.ts";
import { dingtalkCardParams, dingtalkRobotMessage } from "./dingtalk-app-card.ts";

type Settings = SpecOf<"DINGTALK_APP">;

const DINGTALK_BASE_URL = "https://api.dingtalk.com";
/** Under which an admin registers the callback address, unless the channel says another. */
const ROUTE_KEY = "mflow";

const LIMITED = /QpsLimit|Throttl|FlowControl|too\.?fast|too\.many/i;
const TOKEN_REFUSED = /InvalidAuthentication|InvalidAccessToken/i;

export function createDingtalkApp(http: HttpSender): Channel<Settings> {
  const tokens = new AppTokens<Settings>(
    (settings, signal) => askToken(http, settings, signal),
    ({ baseUrl = DINGTALK_BASE_URL, appKey, appSecret }) => [baseUrl, appKey, appSecret],
  );
  return {
    kind: "DINGTALK_APP",
    // 20 calls a second of one interface.
    limits: { concurrency: 4, rate: { messages: 15, perMs: 1000 } },
    updates: true,
    send(outgoing) {
      if (outgoing.update) return update(http, tokens, outgoing);
      return isCard(outgoing) ? deliverCard(http, tokens, outgoing) : sendByRobot(http, tokens, outgoing);
    },
  };
}

/** Cards are for gates; without a callback that can be checked their buttons would be for nothing. */
function isCard({ settings, message }: Outgoing<Settings>): boolean {
  return (
    message.gate !== undefined &&
    settings.cardTemplateId !== undefined &&
    settings.callbackSecret !== undefined
  );
}

/** A message of the robot; its buttons are links. It has no receipt, for it cannot be changed. */
async function sendByRobot(
  http: HttpSender,
  tokens: AppTokens<Settings>,
  outgoing: Outgoing<Settings>,
): Promise<Sent> {
  const userId = addressOf(outgoing);
  const { json, exchange } = await call(http, tokens, outgoing, "POST", "/v1.0/robot/oToMessages/batchSend", {
    ...{ robotCode: robotOf(outgoing.settings), userIds: [userId] },
    ...dingtalkRobotMessage(outgoing.content),
  });
  if (isListed(json.flowControlledStaffIdList, userId)) {
    throw new SendError("LIMITED", "DingTalk says that this person has had too many", exchange);
  }
  if (isListed(json.invalidStaffIdList, userId)) {
    const remedy = "check the address, and that the person is within the app's visible range";
    throw new SendError("DEAD", `DingTalk knows no user ${userId}; ${remedy}`, exchange);
  }
  if (isListed(json.filteredStaffIdList, userId)) {
    throw new SendError(
      "DEAD",
      `DingTalk filtered the message to ${userId}; the person may have blocked it`,
      exchange,
    );
  }
  return exchange;
}

async function deliverCard(
  http: HttpSender,
  tokens: AppTokens<Settings>,
  outgoing: Outgoing<Settings>,
): Promise<Sent> {
  const { settings, deliveryId: outTrackId, content } = outgoing;
  const receipt = { outTrackId };
  const answer = await call(http, tokens, outgoing, "POST", "/v1.0/card/instances/createAndDeliver", {
    ...{ cardTemplateId: settings.cardTemplateId, outTrackId, userIdType: 1 },
    ...{ callbackType: "HTTP", callbackRouteKey: settings.callbackRouteKey ?? ROUTE_KEY },
    cardData: { cardParamMap: dingtalkCardParams(outgoing.content) },
    openSpaceId: `dtv1.card//IM_ROBOT.${addressOf(outgoing)}`,
    imRobotOpenSpaceModel: {
      supportForward: false,
      lastMessageI18n: { ZH_CN: content.title, EN_US: content.title },
    },
    imRobotOpenDeliverModel: { spaceType: "IM_ROBOT", robotCode: robotOf(settings) },
  });
  const { result, success } = answer.json as { result?: { deliverResults?: unknown }; success?: unknown };
  const results = Array.isArray(result?.deliverResults)
    ? (result.deliverResults as Record<string, unknown>[])
    : [];
  const failed = results.find((one) => one.success === false);
  if (success === false || failed) {
    const why = failed?.errorMsg ?? answer.json.message ?? "no reason given";
    const remedy = "check the template, the robot and the person's address";
    throw new SendError("DEAD", `DingTalk did not deliver the card: ${why}; ${remedy}`, answer.exchange);
  }
  return { ...answer.exchange, receipt };
}

async function update(
  http: HttpSender,
  tokens: AppTokens<Settings>,
  outgoing: Outgoing<Settings>,
): Promise<Sent> {
  const outTrackId = outgoing.update?.outTrackId ?? "";
  const { json, exchange } = await call(http, tokens, outgoing, "PUT", "/v1.0/card/instances", {
    outTrackId,
    cardData: { cardParamMap: dingtalkCardParams(outgoing.content) },
    cardUpdateOptions: { updateCardDataByKey: true },
  });
  if (json.success === false) throw new SendError("DEAD", "DingTalk did not update the card", exchange);
  return { ...exchange, receipt: { outTrackId } };
}

function robotOf({ robotCode, appKey }: Settings): string {
  return robotCode ?? appKey;
}

function addressOf({ address }: Outgoing<Settings>): string {
  if (address === undefined) throw new SendError("DEAD", "the person has no address in this channel");
  return address;
}

function isListed(list: unknown, id: string): boolean {
  return Array.isArray(list) && list.includes(id);
}

/** A call with the app's token, which is renewed once when DingTalk does not take it. */
async function call(
  http: HttpSender,
  tokens: AppTokens<Settings>,
  { settings, signal, now }: Outgoing<Settings>,
  method: "POST" | "PUT",
  path: string,
  body: unknown,
): Promise<AppAnswer> {
  const url = apiUrl(settings.baseUrl, DINGTALK_BASE_URL, path);
  for (let isFirst = true; ; isFirst = false) {
    const token = await tokens.get(settings, now, signal);
    const headers = { "x-acs-dingtalk-access-token": token };
    const answer = await callApp(http, "DingTalk", { url, method, headers, body, signal, now });
    if (answer.status !== 401 && !TOKEN_REFUSED.test(String(answer.json.code))) return checked(answer);
    await tokens.forget(settings, token);
    if (isFirst) continue;
    const why = `DingTalk does not take the app's token: ${answer.json.message}`;
    throw new SendError("DEAD", `${why}; check that the app is published`, answer.exchange);
  }
}

/** The answer, unless it is an error: those have a code that is a word. */
function checked(answer: AppAnswer): AppAnswer {
  const { status, json, exchange, waitMs } = answer;
  const code = typeof json.code === "string" ? json.code : "";
  if (status < 300 && code === "") return answer;
  const what = `DingTalk refused it with ${code || status}: ${json.message ?? "no message"}`;
  // Its limits come as 403, with a code of their own.
  if (status === 429 || LIMITED.test(code)) throw new SendError("LIMITED", what, exchange, waitMs);
  if (status >= 500) throw new SendError("RETRY", what, exchange);
  throw new SendError("DEAD", `${what}; ${remedyOf(code, json)}`, exchange);
}

function remedyOf(code: string, { accessdenieddetail }: Record<string, unknown>): string {
  if (code.includes("PermissionDenied")) {
    const { requiredScopes } = (accessdenieddetail ?? {}) as { requiredScopes?: string[] };
    const scopes = requiredScopes?.join(", ") ?? "qyapi_robot_sendmsg (and Card.Instance.Write for cards)";
    return `grant the app ${scopes}`;
  }
  if (/client|appKey|secret/i.test(code)) return "check `appKey` and `appSecret` of the channel";
  if (/robot/i.test(code)) return "check `robotCode` of the channel, and that the app has a robot";
  if (/template/i.test(code))
    return "check `cardTemplateId` of the channel, and that the template is published";
  return "correct what it names";
}

async function askToken(http: HttpSender, settings: Settings, signal: AbortSignal): Promise<GivenToken> {
  const { appKey, appSecret, baseUrl } = settings;
  const url = apiUrl(baseUrl, DINGTALK_BASE_URL, "/v1.0/oauth2/accessToken");
  const body = { appKey, appSecret };
  const answer = await callApp(http, "DingTalk", { url, headers: {}, body, signal, now: Date.now() });
  const { accessToken: token, expireIn } = checked(answer).json;
  if (typeof token !== "string")
    throw new SendError("RETRY", "DingTalk gave no token", { status: answer.status });
  return { token, expiresInMs: Number(expireIn ?? 7200) * 1000 };
}
