// What the callbacks of all platforms have in common: a request that is verified before anything in it is believed,
// what it asks, and how the person who pressed is answered.

import { timingSafeEqual } from "node:crypto";
import type { Language } from "@mflow/core/schema/listener";
import type { ButtonValue } from "../card-value.ts";
import type { HttpSender } from "../channel.ts";
import type { Content } from "../content.ts";

/** How old, or ahead, the time of a callback may be, milliseconds. */
export const MAX_AGE_MS = 5 * 60_000;

export interface CallbackRequest {
  /** Of the HTTP request; names in lower case. */
  headers: Readonly<Record<string, string | string[] | undefined>>;
  body: Buffer;
  /** Milliseconds since the epoch. */
  now: number;
}

/** The callback is not what it should be; the message names the rule. */
export class CallbackRefusal extends Error {}

/** A button that somebody pressed. `claimed` is absent where the platform brings back no more than the card's id. */
export interface Press {
  delivery: string;
  verdict: "PASS" | "DENY";
  comment?: string;
  claimed?: ButtonValue;
  /** By which the platform knows who pressed. */
  userIds: string[];
}

/** What is told to who pressed. */
export interface Told {
  isDone: boolean;
  /** One sentence in their language. */
  sentence: string;
  /** The card as it is from now on; absent: it stays as it is. */
  content?: Content;
}

/** The answer to the platform, and what is to be sent to it besides. */
export interface CallbackAnswer {
  /** JSON; absent: an empty 200. */
  body?: unknown;
  /** Runs after the answer. */
  follow?(http: HttpSender, signal: AbortSignal): Promise<void>;
}

/** What a verified callback is. */
export type VerifiedCallback =
  /** The platform checks the address, or tells of something that decides nothing. Serves any number of times. */
  | { kind: "ANSWER"; answer: CallbackAnswer }
  /** Somebody pressed a button. `nonce` tells it from every other time; it counts until `until`, ms since the epoch. */
  | { kind: "PRESS"; nonce: string; until: number; press: Press; answers: PressAnswers };

export interface PressAnswers {
  /** Tells them how it went. */
  tell(told: Told): CallbackAnswer;
  /** Asks why, in a dialog, before anything is decided; present where the button alone is not enough. */
  ask?(language: Language): CallbackAnswer;
}

export interface CallbackPlatform<Settings> {
  /** Throws a CallbackRefusal for what is not genuine, or too old. */
  verify(settings: Settings, request: CallbackRequest): VerifiedCallback;
}

/** A header that comes once. */
export function header(request: CallbackRequest, name: string): string {
  const value = request.headers[name];
  if (typeof value === "string" && value !== "") return value;
  throw new CallbackRefusal(`the header ${name} is missing`);
}

/** Throws unless both are equal; in constant time for texts of one length. */
export function demandEqual(given: string, expected: string, what: string): void {
  const left = Buffer.from(given);
  const right = Buffer.from(expected);
  if (left.length === right.length && timingSafeEqual(left, right)) return;
  throw new CallbackRefusal(`the ${what} is wrong`);
}

/** Throws unless the time is near; `atMs`: milliseconds since the epoch, as the platform wrote it. */
export function demandFresh(atMs: number, now: number): void {
  if (Math.abs(now - atMs) <= MAX_AGE_MS) return;
  const what = Number.isFinite(atMs) ? `is of ${Math.round((now - atMs) / 1000)} s ago` : "has no valid time";
  throw new CallbackRefusal(`the callback ${what}; at most ${MAX_AGE_MS / 1000} s are accepted`);
}

/** The JSON of a text that was verified; throws when it is not an object. */
export function parseObject(text: string): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    value = undefined;
  }
  if (value !== null && typeof value === "object" && !Array.isArray(value))
    return value as Record<string, unknown>;
  throw new CallbackRefusal("the body is not what the platform documents");
}

/** A member that is an object; an empty one where it is not. */
export function objectAt(value: Record<string, unknown>, key: string): Record<string, unknown> {
  const member = value[key];
  return member !== null && typeof member === "object" ? (member as Record<string, unknown>) : {};
}

/** A member that is a text; nothing where it is not, or empty. */
export function textAt(value: Record<string, unknown>, key: string): string | undefined {
  const member = value[key];
  return typeof member === "string" && member !== "" ? member : undefined;
}
