// The name of a concurrency group with its values filled in: what makes "one deployment per environment" of one line.

import { MflowError } from "./errors.ts";
import { type Concurrency, GROUP_NAME } from "./schema/concurrency.ts";

/** A value by name; undefined when nothing has it, `null` when it is sensitive. */
export type GroupValues = (name: string) => string | null | undefined;

const REFERENCE = /\$\{([^}]*)\}/g;

/** Names of the values that a group's name asks for. */
export function groupReferences(group: string): string[] {
  return [...group.matchAll(REFERENCE)].map(([, name = ""]) => name);
}

/**
 * The name with its values. `of` says whose group it is, for people, e.g. "task `deploy`".
 * Throws BAD_REQUEST when a value is missing, sensitive, or makes a name that cannot be one.
 */
export function groupName({ group }: Concurrency, find: GroupValues, of: string): string {
  const refuse = (why: string) =>
    new MflowError("BAD_REQUEST", `the concurrency group of ${of}, \`${group}\`, ${why}`);
  const name = group.replace(REFERENCE, (_, asked: string) => {
    const value = find(asked);
    if (value === null)
      throw refuse(`asks for \`${asked}\`, which is sensitive; names of groups are shown to all`);
    if (value === undefined || value === "") {
      throw refuse(`asks for \`${asked}\`, which this run lacks; give it, e.g. \`-p ${asked}=VALUE\``);
    }
    return value;
  });
  if (GROUP_NAME.test(name)) return name;
  throw refuse(
    `is \`${name}\` in this run; a name has letters, digits, \`.\`, \`_\` and \`-\`, starts with a letter or digit, and has at most 128`,
  );
}
