// Whether people whom a document names exist.

import { didYouMean } from "../nearest.ts";
import { quoted } from "../quoted.ts";
import type { LintContext } from "./context.ts";

/** The group that is always there. */
export const EVERYONE = "@everyone";

/** What is wrong with the name of a user, or of a group as `@group`; nothing when it exists, or nobody knows who does. */
export function unknownPerson(name: string, people: LintContext["people"]): string | undefined {
  if (!people || name === EVERYONE) return undefined;
  const isGroup = name.startsWith("@");
  if (isGroup ? people.groups.has(name.slice(1)) : people.users.has(name)) return undefined;
  const known = isGroup ? [...people.groups.keys()].map((group) => `@${group}`) : people.users;
  const remedy = didYouMean(name, known) || `; add it first, or correct the name`;
  return `there is no ${isGroup ? "group" : "user"} ${quoted(name)}${remedy}`;
}
