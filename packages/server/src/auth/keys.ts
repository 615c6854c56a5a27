// The secret key and what is derived from it: one subkey per purpose by HKDF, so that no use weakens another.
// Ciphertexts and tokens name their key; while the key is rotated, those of the previous one are accepted.

import {
  createCipheriv,
  createDecipheriv,
  createHash,
  createHmac,
  createSecretKey,
  hkdfSync,
  type KeyObject,
  randomBytes,
  timingSafeEqual,
} from "node:crypto";
import { MflowError } from "@mflow/core/errors";

export interface Keys {
  /** AES-256-GCM; what is sealed already is left alone. */
  seal(plain: string): string;
  /** Throws SECRET_KEY_UNKNOWN when the key that sealed it is not here. */
  unseal(sealed: string): string;
  isSealed(text: string): boolean;
  /** HMAC of a sensitive value, for digests that must not tell it. */
  fingerprint(plain: string): string;
  /** The token by which an attempt of a task speaks for it. Derived, so that nothing is stored. */
  updateToken(taskId: string, attempt: number): string;
  /** In constant time. */
  verifyUpdateToken(token: string, taskId: string, attempt: number): boolean;
  /** Signature of what a link says; names its key. */
  signLink(text: string): string;
  /** In constant time. */
  verifyLink(text: string, signature: string): boolean;
}

const SEALED = /^sealed:v1:([0-9a-f]{8}):([A-Za-z0-9_-]+)$/;
/** Begins every update token. */
export const UPDATE_TOKEN_PREFIX = "mfu_";
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
export const SECRET_KEY_BYTES = 32;

interface Subkeys {
  id: string;
  sealing: KeyObject;
  fingerprint: KeyObject;
  token: KeyObject;
  link: KeyObject;
}

function deriveSubkeys(secret: Uint8Array): Subkeys {
  // Key objects are made once: making one costs more than the HMAC of a token.
  const derive = (purpose: string) =>
    createSecretKey(
      new Uint8Array(hkdfSync("sha256", secret, new Uint8Array(0), `mflow/${purpose}`, SECRET_KEY_BYTES)),
    );
  const id = createHash("sha256").update(derive("key-id").export()).digest("hex").slice(0, 8);
  return {
    id,
    sealing: derive("seal"),
    fingerprint: derive("fingerprint"),
    token: derive("update-token"),
    link: derive("link"),
  };
}

/** Keys of 32 secret bytes each. */
export function createKeys(secrets: { current: Uint8Array; previous?: Uint8Array }): Keys {
  const current = deriveSubkeys(secrets.current);
  const all = secrets.previous ? [current, deriveSubkeys(secrets.previous)] : [current];
  const byId = new Map(all.map((keys) => [keys.id, keys]));

  function seal(plain: string): string {
    if (SEALED.test(plain)) return plain;
    const nonce = randomBytes(NONCE_BYTES);
    const cipher = createCipheriv("aes-256-gcm", current.sealing, nonce);
    const bytes = Buffer.concat([nonce, cipher.update(plain, "utf8"), cipher.final(), cipher.getAuthTag()]);
    return `sealed:v1:${current.id}:${bytes.toString("base64url")}`;
  }

  function unseal(sealed: string): string {
    const [, keyId = "", text = ""] = SEALED.exec(sealed) ?? [];
    const keys = byId.get(keyId);
    if (!keys) throw unreadable(keyId, "which this server does not have");
    const bytes = Buffer.from(text, "base64url");
    try {
      const decipher = createDecipheriv("aes-256-gcm", keys.sealing, bytes.subarray(0, NONCE_BYTES));
      decipher.setAuthTag(bytes.subarray(-TAG_BYTES));
      const plain = decipher.update(bytes.subarray(NONCE_BYTES, -TAG_BYTES));
      return Buffer.concat([plain, decipher.final()]).toString("utf8");
    } catch {
      throw unreadable(keyId, "and was changed since");
    }
  }

  function tokenBy(keys: Subkeys, taskId: string, attempt: number): string {
    const mac = createHmac("sha256", keys.token).update(`${taskId}.${attempt}`).digest("base64url");
    return `${UPDATE_TOKEN_PREFIX}${keys.id}_${mac}`;
  }

  function signatureBy(keys: Subkeys, text: string): string {
    return `${keys.id}_${createHmac("sha256", keys.link).update(text).digest("base64url")}`;
  }

  /** Whether what is given is what one of the keys makes; in constant time. */
  function isMadeBy(given: string, make: (keys: Subkeys) => string): boolean {
    const bytes = Buffer.from(given);
    return all.some((keys) => {
      const expected = Buffer.from(make(keys));
      return bytes.length === expected.length && timingSafeEqual(bytes, expected);
    });
  }

  return {
    seal,
    unseal,
    isSealed: (text) => SEALED.test(text),
    fingerprint: (plain) => createHmac("sha256", current.fingerprint).update(plain).digest("hex"),
    updateToken: (taskId, attempt) => tokenBy(current, taskId, attempt),
    verifyUpdateToken: (token, taskId, attempt) => isMadeBy(token, (keys) => tokenBy(keys, taskId, attempt)),
    signLink: (text) => signatureBy(current, text),
    verifyLink: (text, signature) => isMadeBy(signature, (keys) => signatureBy(keys, text)),
  };
}

function unreadable(keyId: string, why: string): MflowError {
  return new MflowError("SECRET_KEY_UNKNOWN", `A stored secret was sealed with key ${keyId || "?"}, ${why}.`);
}
