// The tokens of users: `mft_`, a public id, and 256 random bits of which only a hash is stored.

import { createHash, randomBytes, timingSafeEqual } from "node:crypto";

const USER_TOKEN = /^mft_([0-9a-f]{16})_([A-Za-z0-9_-]{43})$/;

export interface UserToken {
  /** Names the token where it is listed and revoked. */
  id: string;
  /** What only its owner knows. */
  random: string;
}

/** A token that nobody had before. */
export function newUserToken(): UserToken {
  return { id: randomBytes(8).toString("hex"), random: randomBytes(32).toString("base64url") };
}

/** As its owner sends it. */
export function userTokenText({ id, random }: UserToken): string {
  return `mft_${id}_${random}`;
}

/** The parts of a token; nothing when the text is none. */
export function parseUserToken(text: string): UserToken | undefined {
  const [, id, random] = USER_TOKEN.exec(text) ?? [];
  return id === undefined || random === undefined ? undefined : { id, random };
}

/** SHA-256 is enough: tokens are 256 random bits, which no dictionary holds; slow hashes are for passwords. */
export function hashOf({ random }: UserToken): string {
  return createHash("sha256").update(random).digest("base64url");
}

/** Whether the hash is that of the token; it takes as long for a wrong one as for the right one. */
export function isHashOf(hash: string, token: UserToken): boolean {
  const left = Buffer.from(hash);
  const right = Buffer.from(hashOf(token));
  return left.length === right.length && timingSafeEqual(left, right);
}
