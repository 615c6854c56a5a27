// Who sends a request: the owner of its bearer token. While there are no users the local token serves, whose
// actor is the operating system user; with the first user it ends.

import { timingSafeEqual } from "node:crypto";
import { MflowError } from "@mflow/core/errors";
import type { Accounts } from "./accounts.ts";
import { UPDATE_TOKEN_PREFIX } from "./keys.ts";
import { ADMIN_EVERYWHERE, type HeldRole } from "./roles.ts";

/** Who is behind a token, and the roles they have. */
export interface Caller {
  name: string;
  /** Known by the local token: there are no users yet. */
  local: boolean;
  grants: readonly HeldRole[];
}

/** So many wrong tokens from one address within the window, and the address has to wait. */
const MAX_WRONG = 20;
const WINDOW_MS = 60_000;
const MAX_ADDRESSES = 10_000;

export class TokenAuthenticator {
  readonly #accounts: Accounts;
  readonly #localToken: Buffer;
  readonly #now: () => number;
  readonly #wrong = new Map<string, { count: number; until: number }>();

  constructor(accounts: Accounts, localToken: string, now: () => number = Date.now) {
    this.#accounts = accounts;
    this.#localToken = Buffer.from(localToken);
    this.#now = now;
  }

  /**
   * The token's owner, if any; a task's update token is nobody's and is not counted as wrong. Rejects with
   * TOO_MANY_REQUESTS when too many wrong ones came from the address. A right one is never held up: behind one
   * address there may be many people.
   */
  async authenticate(token: string, from: string): Promise<Caller | undefined> {
    if (token.startsWith(UPDATE_TOKEN_PREFIX)) return undefined;
    const caller = this.#accounts.isLocal ? this.#localCaller(token) : this.#userCaller(token);
    if (!caller) this.#countWrong(from);
    return caller;
  }

  #localCaller(token: string): Caller | undefined {
    const given = Buffer.from(token);
    const isRight = given.length === this.#localToken.length && timingSafeEqual(given, this.#localToken);
    if (!isRight) return undefined;
    return { name: this.#accounts.localUser, local: true, grants: [ADMIN_EVERYWHERE] };
  }

  #userCaller(token: string): Caller | undefined {
    const account = this.#accounts.ownerOf(token);
    return account && { name: account.user.name, local: false, grants: account.grants };
  }

  #countWrong(from: string): void {
    const now = this.#now();
    const wrong = this.#wrong.get(from);
    if (!wrong || wrong.until <= now) {
      if (this.#wrong.size >= MAX_ADDRESSES) this.#wrong.clear();
      this.#wrong.set(from, { count: 1, until: now + WINDOW_MS });
      return;
    }
    wrong.count++;
    if (wrong.count <= MAX_WRONG) return;
    const seconds = Math.ceil((wrong.until - now) / 1000);
    throw new MflowError(
      "TOO_MANY_REQUESTS",
      `too many wrong tokens came from ${from}; try again in ${seconds} s`,
    );
  }
}
