// What an error of SQLite means in mflow's catalogue.

import { MflowError } from "@mflow/core/errors";

// Primary result codes, https://www.sqlite.org/rescode.html
const BUSY = 5;
const LOCKED = 6;
const READONLY = 8;
const IOERR = 10;
const CORRUPT = 11;
const FULL = 13;
const CANTOPEN = 14;
const NOTADB = 26;

/** The catalogue's error for what SQLite threw; others pass as they are. `path` names the file for people. */
export function storeError(error: unknown, path: string): unknown {
  if (!(error instanceof Error) || error instanceof MflowError) return error;
  const { code, errcode } = error as Error & { code?: string; errcode?: number };
  if (code === "ERR_INVALID_STATE") return refusal("UNAVAILABLE", `The database ${path} is closed`, error);
  if (code !== "ERR_SQLITE_ERROR" || errcode === undefined) return error;
  switch (errcode & 0xff) {
    case BUSY:
    case LOCKED:
      return refusal("STORE_BUSY", `The database ${path} is locked by another program`, error);
    case FULL:
      return refusal("STORE_FULL", `There is no room for the database ${path}; nothing was changed`, error);
    case READONLY:
    case IOERR:
    case CORRUPT:
    case CANTOPEN:
    case NOTADB:
      return refusal("STORE_UNUSABLE", `The database ${path} cannot be used: ${error.message}`, error);
    default:
      return refusal("INTERNAL", `The database ${path} refused a statement: ${error.message}`, error);
  }
}

function refusal(
  code: ConstructorParameters<typeof MflowError>[0],
  message: string,
  cause: Error,
): MflowError {
  const refused = new MflowError(code, message);
  refused.cause = cause;
  return refused;
}
