// The access tokens of an app (Feishu, DingTalk): asked for with its credentials, valid for some two hours, the same
// for all messages. One request at a time and app: a hundred messages that find the token expired ask once.

import { createHash } from "node:crypto";
import { untilAborted } from "./until-aborted.ts";

/** A token is renewed this long before it expires, milliseconds: it must last for the request that takes it. */
const RENEW_BEFORE_MS = 5 * 60_000;
/** The request for a token serves many messages, so it does not end with the time of one of them. */
const REQUEST_MS = 10_000;

export interface GivenToken {
  token: string;
  expiresInMs: number;
}

interface Entry {
  given: Promise<GivenToken>;
  /** Milliseconds since the epoch; absent while it is asked for. */
  renewAt?: number;
}

export class AppTokens<Settings> {
  readonly #ask: (settings: Settings, signal: AbortSignal) => Promise<GivenToken>;
  readonly #credentials: (settings: Settings) => readonly string[];
  readonly #entries = new Map<string, Entry>();

  /** `credentials`: what the token depends on; a changed secret gets a token of its own. */
  constructor(
    ask: (settings: Settings, signal: AbortSignal) => Promise<GivenToken>,
    credentials: (settings: Settings) => readonly string[],
  ) {
    this.#ask = ask;
    this.#credentials = credentials;
  }

  /** The app's token; `now`: milliseconds since the epoch. Rejects as the request for it did, or with the signal's reason. */
  async get(settings: Settings, now: number, signal: AbortSignal): Promise<string> {
    const key = this.#keyOf(settings);
    const { token } = await untilAborted(this.#entry(key, settings, now).given, signal);
    return token;
  }

  /** The platform does not take this token any more: the next message asks for another. */
  async forget(settings: Settings, token: string): Promise<void> {
    const key = this.#keyOf(settings);
    const entry = this.#entries.get(key);
    // A newer one that another message got meanwhile stays.
    if (entry?.renewAt === undefined || (await entry.given).token !== token) return;
    if (this.#entries.get(key) === entry) this.#entries.delete(key);
  }

  #entry(key: string, settings: Settings, now: number): Entry {
    const known = this.#entries.get(key);
    if (known && (known.renewAt === undefined || now < known.renewAt)) return known;
    for (const [other, { renewAt }] of this.#entries) {
      if (renewAt !== undefined && renewAt <= now) this.#entries.delete(other);
    }
    const entry: Entry = { given: this.#ask(settings, AbortSignal.timeout(REQUEST_MS)) };
    this.#entries.set(key, entry);
    entry.given.then(
      ({ expiresInMs }) => {
        entry.renewAt = now + Math.max(expiresInMs - RENEW_BEFORE_MS, expiresInMs / 2);
      },
      () => {
        if (this.#entries.get(key) === entry) this.#entries.delete(key);
      },
    );
    return entry;
  }

  #keyOf(settings: Settings): string {
    return createHash("sha256")
      .update(JSON.stringify(this.#credentials(settings)))
      .digest("hex");
  }
}
