// What a list that is not whole says of the rest: how to go on, in the steps that were asked for.

import type { Context } from "../context.ts";

/** `place` is the option at which the next page begins, e.g. `--cursor abc`; `limit` what was given. */
export function sayMore(context: Context, place: string, limit: number | undefined, may = "are"): void {
  // Who said how many wants no more than those at once.
  const next = limit === undefined ? `--all, or ${place}` : `--limit ${limit} ${place}`;
  context.note(`there ${may} more: ${next}`);
}
