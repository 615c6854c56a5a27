// How a sentence ends that says that a name is unknown: the name that was meant, else those that there are.

import { nearest } from "../nearest.ts";
import { alternatives, quoted } from "../quoted.ts";

const MAX_LISTED = 12;

/** `; did you mean x?`, else `; there are x, y and 3 more`, else nothing. */
export function nearestRemedy(name: string, candidates: Iterable<string>): string {
  const known = [...new Set(candidates)];
  const near = nearest(name, known);
  if (near !== undefined) return `; did you mean ${quoted(near)}?`;
  if (known.length === 0) return "";
  const shown = known.slice(0, MAX_LISTED).map(quoted);
  if (known.length > MAX_LISTED) shown.push(`${known.length - MAX_LISTED} more`);
  return `; write ${alternatives(shown)}`;
}
