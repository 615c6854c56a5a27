// Names that stand in the path of a request that makes a record.

import { MflowError } from "@mflow/core/errors";
import { NAME_PATTERN } from "@mflow/core/schema/scalars";

const recordName = new RegExp(`^(?=.{1,63}$)${NAME_PATTERN.slice(1)}`);

/** Throws BAD_REQUEST when nothing can have this name; `noun`: what is named. */
export function refuseBadName(name: string, noun: string): void {
  if (recordName.test(name)) return;
  const rule = "lower-case letters, digits, `_` and `-`, at most 63";
  throw new MflowError("BAD_REQUEST", `\`${name}\` cannot be the name of a ${noun}: ${rule}.`);
}
