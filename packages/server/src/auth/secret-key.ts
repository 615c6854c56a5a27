// The one secret of a server: from the environment, or from a file in the data folder that is made at the
// first start. Losing it loses the sensitive values that it sealed.

import { createHash, randomBytes } from "node:crypto";
import { existsSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { MflowError } from "@mflow/core/errors";
import { SECRET_KEY_BYTES } from "./keys.ts";

/** 32 bytes from a secret text of any length. */
export function secretOf(text: string): Uint8Array {
  return new Uint8Array(createHash("sha256").update(`mflow secret key\n${text.trim()}`).digest());
}

/** The secret in the file, which only its owner may read; made when it is missing. */
export function secretFromFile(path: string): Uint8Array {
  return secretOf(readOrMake(path, () => randomBytes(SECRET_KEY_BYTES).toString("hex")));
}

/** The text of a private file (0600), made whole or not at all when it is missing. */
export function readOrMake(path: string, make: () => string): string {
  if (!existsSync(path)) {
    const fresh = `${path}.${process.pid}`;
    writeFileSync(fresh, `${make()}\n`, { mode: 0o600, flush: true });
    renameSync(fresh, path);
  }
  const text = readFileSync(path, "utf8").trim();
  if (text !== "") return text;
  throw new MflowError(
    "BAD_REQUEST",
    `${path} is empty; restore it from a backup, or remove it to have a new one made`,
  );
}
