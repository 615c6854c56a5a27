// The opaque cursor of lists: where the last page ended.

import { MflowError } from "@mflow/core/errors";

/** Order of lists: newest first, then by id from the last. */
export interface Position {
  /** Milliseconds since the epoch. */
  created: number;
  id: string;
}

/** The place after a record, as clients send it back. */
export function encodeCursor({ created, id }: Position): string {
  return Buffer.from(`${created}.${id}`).toString("base64url");
}

/** @throws MflowError BAD_REQUEST when it is not one that `encodeCursor` made */
export function decodeCursor(cursor: string): Position {
  const text = Buffer.from(cursor, "base64url").toString();
  const [, created, id] = /^(\d{1,15})\.(.{1,200})$/su.exec(text) ?? [];
  const position = { created: Number(created), id: id ?? "" };
  if (encodeCursor(position) !== cursor)
    throw new MflowError("BAD_REQUEST", "The cursor is none that a list returned; start again without it");
  return position;
}
