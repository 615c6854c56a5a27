// Conditional requests: a record's revision is its ETag, and `If-Match` guards a change by it.

import { MflowError } from "@mflow/core/errors";

/** The ETag of a revision. */
export function etagOf(revision: number): string {
  return `"${revision}"`;
}

/** The revisions that an `If-Match` header accepts; nothing when it accepts any. */
export function parseIfMatch(header: string | undefined): number[] | undefined {
  if (header === undefined || header.trim() === "*") return undefined;
  return header.split(",").map((tag) => {
    const match = /^\s*(?:"(\d{1,15})"|(\d{1,15}))\s*$/.exec(tag);
    if (!match) throw new MflowError("BAD_REQUEST", `If-Match: ${header} is no ETag that mflow gave.`);
    return Number(match[1] ?? match[2]);
  });
}
