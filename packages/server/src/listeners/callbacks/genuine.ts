// The checks by which a callback is believed: it is signed as the platform does, and of now.

import { timingSafeEqual } from "node:crypto";
import { CallbackRefusal, type CallbackRequest, MAX_AGE_MS } from "./callback.ts";

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
