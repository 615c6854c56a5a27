// Who is told of a gate because they decide it: those listed, and those who stand in for somebody who is away.

import type { Context } from "../change.ts";
import type { Gate } from "../schema/gate.ts";
import type { JobTask } from "../schema/job-task.ts";
import type { Scope } from "../schema/scalars.ts";

type Knowing = Pick<Context, "groupMembers" | "standInOf">;

/** Users by name, each once; `@group` stands for its members. */
export function usersOf(
  names: readonly string[],
  scope: Scope,
  context: Pick<Context, "groupMembers">,
): Set<string> {
  const users = new Set<string>();
  for (const name of names) {
    if (!name.startsWith("@")) users.add(name);
    else for (const member of context.groupMembers(name.slice(1), scope)) users.add(member);
  }
  return users;
}

/** Everybody whom the gate lists now, `@group` as it is written. */
export function listedPeople({ people, escalateTo, escalatedAt }: Gate): string[] {
  return escalatedAt === undefined ? people : [...new Set([...people, ...(escalateTo ?? [])])];
}

/**
 * Those of `names` who are asked to decide a gate of the task, each followed by who stands in for them; not those who
 * have `decided` already. Who started the run is not asked unless the gate says `allowSelf`: they may not decide.
 */
export function askedPeople(
  names: readonly string[],
  gate: Pick<Gate, "allowSelf">,
  task: Pick<JobTask, "domain" | "namespace" | "startedBy">,
  context: Knowing,
  decided: ReadonlySet<string> = new Set(),
): Set<string> {
  const { domain, namespace, startedBy } = task;
  const isAsked = (user: string) => !decided.has(user) && (gate.allowSelf || user !== startedBy);
  const asked = new Set<string>();
  for (const user of usersOf(names, { domain, namespace }, context)) {
    if (!isAsked(user)) continue;
    asked.add(user);
    const standIn = context.standInOf(user);
    if (standIn !== undefined && isAsked(standIn)) asked.add(standIn);
  }
  return asked;
}

/** Those who have decided, in their own name or for somebody; a decision that was taken back does not count. */
export function decidedPeople({ decisions }: Gate): Set<string> {
  const standing = decisions.filter(({ withdrawnAt }) => withdrawnAt === undefined);
  return new Set(standing.flatMap(({ user, onBehalfOf }) => [user, ...(onBehalfOf ? [onBehalfOf] : [])]));
}
