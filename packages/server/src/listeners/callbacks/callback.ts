// What the callbacks of all platforms have in common: a request that is verified before anything in it is believed,
// what it asks, and how the person who pressed is answered.

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
