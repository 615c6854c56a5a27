// Chooses the store by the scheme of its URL.

import { MflowError } from "@mflow/core/errors";
import { openSqliteStore } from "./sqlite/sqlite.ts";
import type { Store } from "./store.ts";

/**
 * Opens the store of a URL: `sqlite:PATH`, a file that is made when it is missing.
 * @throws MflowError BAD_REQUEST for a URL that names no store; else as `openSqliteStore`
 */
export async function openStore(url: string): Promise<Store> {
  // Only the scheme is repeated: the rest may hold a password.
  const [, scheme, path] = /^([a-z][a-z0-9+.-]*):(.*)$/is.exec(url) ?? [];
  if (scheme?.toLowerCase() !== "sqlite")
    throw new MflowError(
      "BAD_REQUEST",
      scheme
        ? `There is no store for \`${scheme}:\` URLs; use \`sqlite:PATH\``
        : "The store is given as a URL such as `sqlite:PATH`",
    );
  if (!path || path === ":memory:")
    throw new MflowError("BAD_REQUEST", "The store needs a file: `sqlite:PATH`");
  return openSqliteStore(path);
}
