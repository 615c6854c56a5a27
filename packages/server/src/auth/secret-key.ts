// The one secret of a server: from the environment, or from a file in the data folder that is made at the
// first start. Losing it loses the sensitive values that it sealed.

import { createHash, randomBytes } from "node:crypto";
import {
  closeSync,
  existsSync,
  fsyncSync,
  openSync,
  readFileSync,
  renameSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { dirname } from "node:path";
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

/**
 * The text of a private file (0600), made whole or not at all when it is missing. DATA_FOLDER_REFUSED when it is
 * empty, somebody else's, or open to others.
 */
export function readOrMake(path: string, make: () => string): string {
  if (!existsSync(path)) makePrivate(path, make());
  const { uid, mode } = statSync(path);
  const me = process.getuid?.();
  if (me !== undefined && uid !== me) refuse(`${path} belongs to user ${uid}; run \`chown ${me} ${path}\``);
  if (process.platform !== "win32" && (mode & 0o077) !== 0) {
    refuse(`${path} can be read by others; take new secrets, or run \`chmod 600 ${path}\``);
  }
  const text = readFileSync(path, "utf8").trim();
  if (text === "") refuse(`${path} is empty; restore it from a backup, or remove it to have a new one made`);
  return text;
}

function makePrivate(path: string, text: string): void {
  const fresh = `${path}.${process.pid}`;
  writeFileSync(fresh, `${text}\n`, { mode: 0o600, flush: true });
  renameSync(fresh, path);
  // The name is safe only when the folder is on the disk too: what the key sealed must not outlive the key.
  const folder = openSync(dirname(path), "r");
  try {
    fsyncSync(folder);
  } finally {
    closeSync(folder);
  }
}

function refuse(message: string): never {
  throw new MflowError("DATA_FOLDER_REFUSED", message);
}
