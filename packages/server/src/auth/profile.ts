// What a user says of themself: where messages reach them, in which language, and who stands in while they are away.

import { MflowError } from "@mflow/core/errors";
import type { Language } from "@mflow/core/schema/listener";
import type { User } from "../store/store.ts";

/** A change of a profile: what is left out stays, `null` removes. */
export interface ProfileChange {
  displayName?: string | null;
  /** By channel. */
  addresses?: Readonly<Record<string, string | null>>;
  language?: Language | null;
  /** Until then, RFC 3339, `ask` stands in. */
  away?: { until: string; ask: string } | null;
}

/**
 * The user with the change. `users` are all there are. Throws NOT_FOUND for an unknown stand-in, CONFLICT for an
 * address that is somebody else's, BAD_REQUEST for an absence that makes no sense.
 */
export function changedProfile(
  user: User,
  change: ProfileChange,
  users: ReadonlyMap<string, User>,
  nowMs: number,
): User {
  const changed: User = { ...user };
  if (change.displayName === null) delete changed.displayName;
  else if (change.displayName !== undefined) changed.displayName = change.displayName;
  if (change.language === null) delete changed.language;
  else if (change.language !== undefined) changed.language = change.language;
  if (change.addresses) {
    const addresses = changedAddresses(user, change.addresses, users);
    if (Object.keys(addresses).length > 0) changed.addresses = addresses;
    else delete changed.addresses;
  }
  if (change.away === null) delete changed.away;
  else if (change.away !== undefined) changed.away = checkedAbsence(user, change.away, users, nowMs);
  return changed;
}

/** By name of the channel, so that equal profiles are written equally. */
function changedAddresses(
  user: User,
  change: Readonly<Record<string, string | null>>,
  users: ReadonlyMap<string, User>,
): Record<string, string> {
  const addresses = new Map(Object.entries(user.addresses ?? {}));
  for (const [channel, address] of Object.entries(change)) {
    if (address === null) {
      addresses.delete(channel);
      continue;
    }
    // A button of a card says only who pressed it there: an address that two people had would make one decide as the other.
    const owner = ownerOfAddress(users.values(), channel, address);
    if (owner !== undefined && owner.name !== user.name) {
      const message = `\`${address}\` of channel \`${channel}\` is the address of ${owner.name}; an address stands for one person`;
      throw new MflowError("CONFLICT", `${message}: take it from them first, or give another`);
    }
    addresses.set(channel, address);
  }
  return Object.fromEntries([...addresses].sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** The user who has an address in a channel; case is ignored, for mail servers and platforms ignore it. */
export function ownerOfAddress(users: Iterable<User>, channel: string, address: string): User | undefined {
  const wanted = address.toLowerCase();
  for (const user of users) {
    const { addresses = {} } = user;
    if (Object.hasOwn(addresses, channel) && addresses[channel]?.toLowerCase() === wanted) return user;
  }
  return undefined;
}

function checkedAbsence(
  user: User,
  { until, ask }: { until: string; ask: string },
  users: ReadonlyMap<string, User>,
  nowMs: number,
): { until: string; ask: string } {
  const end = /^\d{4}-\d{2}-\d{2}([T ]|$)/.test(until) ? Date.parse(until) : Number.NaN;
  if (Number.isNaN(end)) {
    throw new MflowError("BAD_REQUEST", `\`until\` is no RFC 3339 time such as 2026-01-31T12:00:00Z`);
  }
  if (end <= nowMs) {
    throw new MflowError("BAD_REQUEST", `\`until\` ${until} has passed; say when ${user.name} is back`);
  }
  if (ask === user.name) {
    throw new MflowError("BAD_REQUEST", `${user.name} cannot stand in for themself; \`ask\` somebody else`);
  }
  const standIn = users.get(ask);
  if (!standIn) {
    const message = `there is no user \`${ask}\` who could stand in for ${user.name}`;
    throw new MflowError("NOT_FOUND", `${message}; \`mflow get users\` lists who there is`);
  }
  if (standIn.disabled) {
    throw new MflowError("BAD_REQUEST", `${ask} is disabled and cannot stand in; \`ask\` somebody else`);
  }
  if (isAway(standIn, nowMs)) {
    const message = `${ask} is away until ${standIn.away?.until}`;
    throw new MflowError("BAD_REQUEST", `${message} and cannot stand in; \`ask\` somebody who is there`);
  }
  return { until: new Date(end).toISOString(), ask };
}

/** Whether a user is away at a time, milliseconds since the epoch. */
export function isAway(user: User, nowMs: number): boolean {
  return user.away !== undefined && Date.parse(user.away.until) > nowMs;
}
