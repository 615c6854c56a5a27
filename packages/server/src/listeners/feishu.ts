// Group robots of Feishu and Lark, by the documentation "Custom bot usage guide" (open.feishu.cn/document/ukTMukTMukTM/
// ucTM5YjL3ETO24yNxkjN): an interactive card.

import { createHmac } from "node:crypto";
import type { SpecOf } from "@mflow/core/schema/channel";
import type { Channel, HttpSender, Outgoing, Sent } from "./channel.ts";
import { feishuCard, feishuLinkButtons } from "./feishu-card.ts";
import { fitted } from "./fit-content.ts";
import { answerSentence, bytesOf, postToRobot, strangeAnswer, type Verdict } from "./robot-http.ts";

type Robot = SpecOf<"FEISHU">;

/** "The body must not be larger than 20 KB." */
const MAX_BODY_BYTES = 20_000;

/** Sent too often: 11232 of the robots, 99991400 of the platform's gateway. */
const LIMITED = new Set([11232, 99991400]);
/** An inner error, which the documentation asks to try again. */
const BUSY = new Set([2200]);
/**
 * Will be refused again: the message (9499 bad request, 11246 and 230099 no card, 19002 parameters), the robot (19001
 * wrong URL), and the security settings (19021 signature or timestamp, 19022 address, 19024 keyword).
 */
const REFUSED = new Set([9499, 11246, 19001, 19002, 19021, 19022, 19024, 230099]);

/** A robot of Feishu. It takes 100 messages a minute and 5 a second: 3 at once, and then three in two seconds. */
export function createFeishuRobot(http: HttpSender): Channel<Robot> {
  return {
    kind: "FEISHU",
    limits: { concurrency: 2, rate: { messages: 3, perMs: 2000 } },
    updates: false,
    send: (outgoing) => sendTo(http, outgoing),
  };
}

function sendTo(http: HttpSender, outgoing: Outgoing<Robot>): Promise<Sent> {
  const { settings, content, now } = outgoing;
  const signature = signatureOf(settings, now);
  const body = fitted(
    content,
    (cut) =>
      JSON.stringify({
        ...signature,
        msg_type: "interactive",
        card: feishuCard(cut, feishuLinkButtons(cut)),
      }),
    (built) => bytesOf(built) <= MAX_BODY_BYTES,
  );
  return postToRobot(http, outgoing, { url: settings.url, body, judge });
}

/** With a secret: HMAC-SHA256 of nothing, by a key of time (seconds), line break and secret, in the body. */
function signatureOf({ secret }: Robot, now: number): { timestamp?: string; sign?: string } {
  if (secret === undefined) return {};
  const timestamp = String(Math.floor(now / 1000));
  return { timestamp, sign: createHmac("sha256", `${timestamp}\n${secret}`).digest("base64") };
}

/** Newer answers have `code` and `msg`, older ones `StatusCode` and `StatusMessage`, some both. */
function judge(text: string, body: Record<string, unknown> | undefined): Verdict {
  const code = body?.code ?? body?.StatusCode;
  if (typeof code !== "number") return strangeAnswer(text);
  if (code === 0) return { kind: "SENT" };
  const why = answerSentence(code, body?.msg ?? body?.StatusMessage);
  if (LIMITED.has(code)) return { kind: "LIMITED", why };
  if (REFUSED.has(code)) return { kind: "DEAD", why };
  return { kind: BUSY.has(code) ? "RETRY" : "UNKNOWN", why };
}
