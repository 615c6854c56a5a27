// Group robots of WeCom, by WeCom's documentation "Group robot configuration" (developer.work.weixin.qq.com/document/
// path/91770): markdown. They have no signature: the key is in the URL.

import type { SpecOf } from "@mflow/core/schema/channel";
import type { Channel, HttpSender, Outgoing, Sent } from "./channel.ts";
import type { Content } from "./content.ts";
import { fitted } from "./fit-content.ts";
import { bytesOf, judgeErrcode, postToRobot } from "./robot-http.ts";
import { type Dialect, robotMarkdown } from "./robot-markdown.ts";

type Robot = SpecOf<"WECOM">;

/** "At most 4096 bytes, in UTF-8." */
const MAX_CONTENT_BYTES = 4096;
const LIMITED_FOR_MS = 60_000;

/** Called too often, or too many calls at once (document/path/90313, global error codes). */
const limited = new Set([45009, 45033]);
/** The server is busy. */
const busy = new Set([-1]);
/**
 * Will be refused again: the message (40008 its type, 40058 a parameter such as its length, 44004 empty, 45002 too
 * long, 47001 no JSON), and the robot (93000 wrong URL or removed from the group, 93004 stopped, 93008 not in the group).
 */
const refused = new Set([40008, 40058, 44004, 45002, 47001, 93000, 93004, 93008]);
const judge = judgeErrcode({ limited, limitedForMs: LIMITED_FOR_MS, refused, busy });

/** The three colours that WeCom's markdown has. */
const COLORS: Readonly<Record<Content["tone"], string>> = {
  GOOD: "info",
  BAD: "warning",
  WAITING: "warning",
  NEUTRAL: "comment",
};

const dialect: Dialect = {
  markup: /[<>[\]*`]/g,
  lineBreak: "\n",
  item: "• ",
  title: (title, tone) => `### <font color="${COLORS[tone]}">${title}</font>`,
  // There is no italic type.
  italic: (text) => text,
  code: (text) => `\`${text}\``,
};

/** A robot of WeCom. It takes 20 messages in any minute: 5 at once and then one every 4 s. */
export function createWecomRobot(http: HttpSender): Channel<Robot> {
  return {
    kind: "WECOM",
    limits: { concurrency: 2, rate: { messages: 5, perMs: 20_000 } },
    updates: false,
    send: (outgoing) => sendTo(http, outgoing),
  };
}

function sendTo(http: HttpSender, outgoing: Outgoing<Robot>): Promise<Sent> {
  const text = fitted(outgoing.content, wecomMarkdown, (built) => bytesOf(built) <= MAX_CONTENT_BYTES);
  const body = JSON.stringify({ msgtype: "markdown", markdown: { content: text } });
  return postToRobot(http, outgoing, { url: outgoing.settings.url, body, judge });
}

/** The message that WeCom shows; buttons are links at its end. */
function wecomMarkdown(content: Content): string {
  return robotMarkdown(content, dialect, [...(content.buttons ?? []), ...content.links]);
}
