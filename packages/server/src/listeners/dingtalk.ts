// Group robots of DingTalk, by DingTalk's documentation "Custom robot access" (open.dingtalk.com/document/robots/
// custom-robot-access): an action card when there is something to open, else markdown.

import { createHmac } from "node:crypto";
import type { SpecOf } from "@mflow/core/schema/channel";
import type { Channel, HttpSender, Outgoing, Sent } from "./channel.ts";
import type { Content } from "./content.ts";
import { fitted } from "./fit-content.ts";
import { bytesOf, judgeErrcode, postToRobot } from "./robot-http.ts";
import { type Dialect, robotMarkdown } from "./robot-markdown.ts";

type Robot = SpecOf<"DINGTALK">;

/** The documentation allows 20,000 bytes. */
const MAX_BODY_BYTES = 19_000;
/** "If it is over 20 messages, it is limited for 10 minutes." */
const LIMITED_FOR_MS = 10 * 60_000;

/** Sent too fast: 130101 and 410100 are documented, with 20 messages a minute. */
const limited = new Set([130101, 410100]);
/** The server is busy. */
const busy = new Set([-1]);
/**
 * Will be refused again: the message (40035, 43004, 400105, 430101 to 430104 for unsafe links and unfit texts, 460101
 * too long), the robot (300001, 400101, 400102, 400106), the group (400013), and the security settings (310000: keyword,
 * signature, timestamp or address).
 */
const refused = new Set([
  ...[40035, 43004, 300001, 310000, 400013, 400101, 400102, 400105, 400106],
  ...[430101, 430102, 430103, 430104, 460101],
]);
const judge = judgeErrcode({ limited, limitedForMs: LIMITED_FOR_MS, refused, busy });

const MARKS: Readonly<Record<Content["tone"], string>> = {
  GOOD: "🟢",
  BAD: "🔴",
  WAITING: "🟡",
  NEUTRAL: "⚪",
};

const dialect: Dialect = {
  // An underscore within a word is none.
  markup: /[<>[\]*`~]|(?<![\p{L}\p{N}])_|_(?![\p{L}\p{N}])/gu,
  lineBreak: "  \n",
  item: "- ",
  title: (title, tone) => `### ${MARKS[tone]} ${title}`,
  italic: (text) => `*${text}*`,
  // Code has no documented markup.
  code: (text) => text,
};

/** A robot of DingTalk. It takes 20 messages in any minute: 5 at once and then one every 4 s. */
export function createDingtalkRobot(http: HttpSender): Channel<Robot> {
  return {
    kind: "DINGTALK",
    limits: { concurrency: 2, rate: { messages: 5, perMs: 20_000 } },
    updates: false,
    send: (outgoing) => sendTo(http, outgoing),
  };
}

function sendTo(http: HttpSender, outgoing: Outgoing<Robot>): Promise<Sent> {
  const { settings, content, now } = outgoing;
  const body = fitted(
    content,
    (cut) => JSON.stringify(dingtalkMessage(cut)),
    (built) => bytesOf(built) <= MAX_BODY_BYTES,
  );
  return postToRobot(http, outgoing, { url: signedUrl(settings, now), body, judge });
}

/** With a secret: HMAC-SHA256 of time (milliseconds), line break and secret, by the secret, in the query. */
function signedUrl({ url, secret }: Robot, now: number): string {
  if (secret === undefined) return url;
  const signed = new URL(url);
  const sign = createHmac("sha256", secret).update(`${now}\n${secret}`).digest("base64");
  signed.searchParams.set("timestamp", String(now));
  signed.searchParams.set("sign", sign);
  return signed.href;
}

/** The message that DingTalk shows; buttons and links open pages. */
export function dingtalkMessage(content: Content) {
  const { title, buttons = [], links } = content;
  const opens = [...buttons, ...links].map(({ label, url }) => ({ title: label, actionURL: url }));
  const text = robotMarkdown(content, dialect, []);
  if (opens.length === 0) return { msgtype: "markdown", markdown: { title, text } };
  return { msgtype: "actionCard", actionCard: { title, text, btnOrientation: "1", btns: opens } };
}
