// Conditional changes: a change may name the revisions of the record that it was made for.

import { MflowError } from "./errors.ts";

/** Throws STALE_REVISION when a record is at none of the wanted revisions; nothing wanted means any. */
export function checkRevision(what: string, revision: number, wanted: readonly number[] | undefined): void {
  if (!wanted || wanted.includes(revision)) return;
  throw new MflowError(
    "STALE_REVISION",
    `${what} is at revision ${revision}; the request expects ${wanted.join(" or ")}.`,
  );
}
