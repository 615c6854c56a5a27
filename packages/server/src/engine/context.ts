// What a decision is told of the world: time, chance, ids, keys and who is who.

import type { Context } from "@mflow/core/change";
import type { EngineOptions } from "./options.ts";
import type { Actor } from "./submit.ts";

type ContextOptions = Pick<
  EngineOptions,
  "keys" | "groupMembers" | "standInOf" | "cannotDecide" | "newId" | "statusGraceMs"
>;

/** `nowMs`: milliseconds since the epoch. `actor`: who asks; nobody when the engine does. */
export function makeContext(
  options: ContextOptions,
  admission: Context["admission"],
  nowMs: number,
  actor: Actor | undefined,
): Context {
  const { keys, groupMembers, newId, statusGraceMs } = options;
  return {
    now: new Date(nowMs).toISOString(),
    nowMs,
    admission,
    statusGraceMs: statusGraceMs ?? 30_000,
    newId,
    random: Math.random,
    groupMembers,
    standInOf: (user) => options.standInOf?.(user),
    cannotDecide: (user, scope) => options.cannotDecide?.(user, scope),
    verifyUpdateToken: (token, taskId, attempt) => keys.verifyUpdateToken(token, taskId, attempt),
    seal: (plain) => keys.seal(plain),
    unseal: (sealed) => keys.unseal(sealed),
    isSealed: (text) => keys.isSealed(text),
    fingerprint: (plain) => keys.fingerprint(plain),
    ...(actor && { actor }),
  };
}
