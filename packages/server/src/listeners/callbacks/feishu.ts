// Callbacks of Feishu and Lark: `card.action.trigger`, and the check of the address. By the public documentation
// "Send callbacks to the developer's server" and "Card callback communication" of open.feishu.cn: with an Encrypt Key
// bodies are encrypted and requests signed; without one a Verification Token in the body is all that there is.

import { createDecipheriv, createHash } from "node:crypto";
import type { SpecOf } from "@mflow/core/schema/channel";
import { readButtonValue } from "../card-value.ts";
import { FORM_COMMENT, feishuAppCard } from "../feishu-app-card.ts";
import {
  type CallbackPlatform,
  CallbackRefusal,
  type CallbackRequest,
  MAX_AGE_MS,
  type PressAnswers,
} from "./callback.ts";
import { objectAt, parseObject, textAt } from "./callback-body.ts";
import { demandEqual, demandFresh, header } from "./genuine.ts";

type Settings = SpecOf<"FEISHU_APP">;

const answers: PressAnswers = {
  tell: ({ isDone, sentence, content }) => ({
    body: {
      toast: { type: isDone ? "success" : "error", content: sentence },
      ...(content && { card: { type: "raw", data: feishuAppCard(content) } }),
    },
  }),
};

export const feishuCallbacks: CallbackPlatform<Settings> = {
  verify(settings, request) {
    const { encryptKey, verificationToken } = settings;
    if (encryptKey === undefined && verificationToken === undefined) {
      throw new CallbackRefusal(
        "the channel has neither encryptKey nor verificationToken to check callbacks with",
      );
    }
    const signed = encryptKey === undefined ? undefined : checkSignature(request, encryptKey);
    const outer = parseObject(request.body.toString("utf8"));
    const body = encryptKey === undefined ? outer : decrypt(outer, encryptKey);
    if (body.type === "url_verification") return challenge(body, verificationToken);
    if (encryptKey !== undefined && !signed)
      throw new CallbackRefusal("the header x-lark-signature is missing");
    const head = objectAt(body, "header");
    checkToken(head.token, verificationToken);
    if (head.app_id !== settings.appId) throw new CallbackRefusal("the callback is of another app");
    const { nonce, atMs } = signed ?? unsignedTime(head);
    demandFresh(atMs, request.now);
    const event = objectAt(body, "event");
    const action = objectAt(event, "action");
    const claimed = readButtonValue(action.value);
    if (head.event_type !== "card.action.trigger" || !claimed)
      return { kind: "ANSWER", answer: { body: {} } };
    const operator = objectAt(event, "operator");
    const userIds = ["open_id", "user_id", "union_id"].flatMap((name) => textAt(operator, name) ?? []);
    const comment = textAt(objectAt(action, "form_value"), FORM_COMMENT);
    const { delivery, verdict } = claimed;
    const press = { delivery, verdict, claimed, userIds, ...(comment !== undefined && { comment }) };
    return { kind: "PRESS", nonce, until: atMs + MAX_AGE_MS, press, answers };
  },
};

interface Stamp {
  nonce: string;
  /** Milliseconds since the epoch. */
  atMs: number;
}

/**
 * SHA-256 of time, nonce, Encrypt Key and raw body. The check of the address comes unsigned: then nothing is answered,
 * and only what decides nothing is read on.
 */
function checkSignature(request: CallbackRequest, encryptKey: string): Stamp | undefined {
  if (request.headers["x-lark-signature"] === undefined) return undefined;
  const signature = header(request, "x-lark-signature");
  const time = header(request, "x-lark-request-timestamp");
  const nonce = header(request, "x-lark-request-nonce");
  const expected = createHash("sha256")
    .update(time + nonce + encryptKey)
    .update(request.body)
    .digest("hex");
  demandEqual(signature, expected, "signature");
  return { nonce: signature, atMs: Number(time) * 1000 };
}

/** AES-256-CBC: the key is the SHA-256 of the Encrypt Key, the first 16 bytes are the initialisation vector. */
function decrypt(outer: Record<string, unknown>, encryptKey: string): Record<string, unknown> {
  const bytes = Buffer.from(textAt(outer, "encrypt") ?? "", "base64");
  const key = createHash("sha256").update(encryptKey).digest();
  try {
    const decipher = createDecipheriv("aes-256-cbc", key, bytes.subarray(0, 16));
    const text = Buffer.concat([decipher.update(bytes.subarray(16)), decipher.final()]).toString("utf8");
    return parseObject(text);
  } catch {
    // One sentence for all: that the padding or the JSON is wrong would help who forges.
    throw new CallbackRefusal("the body was not encrypted with the channel's encryptKey");
  }
}

function challenge(body: Record<string, unknown>, verificationToken: string | undefined) {
  checkToken(body.token, verificationToken);
  return { kind: "ANSWER", answer: { body: { challenge: textAt(body, "challenge") ?? "" } } } as const;
}

function checkToken(given: unknown, expected: string | undefined): void {
  if (expected !== undefined)
    demandEqual(typeof given === "string" ? given : "", expected, "verification token");
}

/** Without a signature the body says itself when it was made, and which event it is. */
function unsignedTime(head: Record<string, unknown>): Stamp {
  const eventId = textAt(head, "event_id");
  if (eventId === undefined) throw new CallbackRefusal("the callback has no event_id");
  const digits = textAt(head, "create_time") ?? "";
  // Microseconds in callbacks, milliseconds in events.
  const atMs = Number(digits) / (digits.length > 13 ? 1000 : 1);
  return { nonce: eventId, atMs };
}
