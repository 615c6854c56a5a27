// What the robots of all platforms have in common: a JSON body is posted, and the answer's body says more than its
// status. A platform names the codes that it documents; for all else the status decides, and where that says nothing
// either it is tried again: a message may come twice, but does not get lost.

import { createHash } from "node:crypto";
import { type Exchange, type HttpSender, type Outgoing, SendError, type Sent } from "./channel.ts";
import { cutText } from "./cut-text.ts";
import { jsonObject } from "./json-object.ts";
import { oneLine } from "./plain-line.ts";
import { retryAfterMs } from "./retry-after.ts";

/** What a platform says of an answer. */
export type Verdict =
  | { kind: "SENT" }
  | { kind: "DEAD" | "RETRY"; why: string }
  | { kind: "LIMITED"; why: string; waitMs?: number }
  /** It says nothing that we know. */
  | { kind: "UNKNOWN"; why: string };

export interface RobotRequest {
  url: string;
  body: string;
  /** Says what the answer means; `body` is undefined when it is no JSON object. */
  judge(text: string, body: Record<string, unknown> | undefined): Verdict;
}

/** Posts to a robot; rejects with a SendError unless the platform says that it took the message. */
export async function postToRobot(
  http: HttpSender,
  { signal, now }: Pick<Outgoing<unknown>, "signal" | "now">,
  { url, body, judge }: RobotRequest,
): Promise<Sent> {
  const requestDigest = createHash("sha256").update(body).digest("hex");
  const headers = { "content-type": "application/json; charset=utf-8" };
  const { status, headers: answered, body: response } = await http.send({ url, headers, body, signal });
  const exchange: Exchange = { requestDigest, status, response };
  const verdict = judge(response, jsonObject(response));
  const wait = retryAfterMs(answered["retry-after"], now);
  const isSuccess = status >= 200 && status < 300;
  if (verdict.kind === "SENT" && isSuccess) return exchange;
  const why = verdict.kind === "SENT" ? `the robot answered ${status}` : verdict.why;
  if (status === 429 || verdict.kind === "LIMITED") {
    const asked = verdict.kind === "LIMITED" ? verdict.waitMs : undefined;
    throw new SendError("LIMITED", why, exchange, wait ?? asked);
  }
  if (verdict.kind === "DEAD" || verdict.kind === "RETRY")
    throw new SendError(verdict.kind, why, exchange, wait);
  const isRefused = status >= 400 && status < 500 && status !== 408;
  throw new SendError(isRefused ? "DEAD" : "RETRY", why, exchange, wait);
}

/** How an answer is told in one line, e.g. `the robot answered 9499: Bad Request`. */
export function answerSentence(code: unknown, text: unknown): string {
  const said = typeof text === "string" && text !== "" ? `: ${cutText(oneLine(text), 200)}` : "";
  return `the robot answered ${String(code)}${said}`;
}

/** The codes of a platform that tells in `errcode` how it went, and in `errmsg` why; 0 is success. */
export interface ErrorCodes {
  limited: ReadonlySet<number>;
  /** How long it stays limited. */
  limitedForMs: number;
  /** Will be refused again. */
  refused: ReadonlySet<number>;
  busy: ReadonlySet<number>;
}

/** Says what an answer with `errcode` means. */
export function judgeErrcode({ limited, limitedForMs, refused, busy }: ErrorCodes): RobotRequest["judge"] {
  return (text, body) => {
    const code = body?.errcode;
    if (typeof code !== "number") return strangeAnswer(text);
    if (code === 0) return { kind: "SENT" };
    const why = answerSentence(code, body?.errmsg);
    if (limited.has(code)) return { kind: "LIMITED", why, waitMs: limitedForMs };
    if (refused.has(code)) return { kind: "DEAD", why };
    return { kind: busy.has(code) ? "RETRY" : "UNKNOWN", why };
  };
}

/** An answer that is none of the platform, e.g. of a proxy before it. */
export function strangeAnswer(text: string): Verdict {
  return {
    kind: "UNKNOWN",
    why: `the answer is not the platform's: ${cutText(oneLine(text), 200) || "nothing"}`,
  };
}

/** Bytes of a text in UTF-8: what platforms count. */
export function bytesOf(text: string): number {
  return Buffer.byteLength(text);
}
