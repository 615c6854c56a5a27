// Signs callbacks as the platforms do, by Web Crypto, so that what the server checks is computed another way here.

const { subtle } = globalThis.crypto;
const utf8 = new TextEncoder();

export interface SignedCallback {
  headers: Record<string, string>;
  body: string;
}

async function hmac(secret: string, text: string): Promise<Uint8Array> {
  const key = await subtle.importKey("raw", utf8.encode(secret), { name: "HMAC", hash: "SHA-256" }, false, [
    "sign",
  ]);
  return new Uint8Array(await subtle.sign("HMAC", key, utf8.encode(text)));
}

async function sha256(text: string): Promise<Uint8Array<ArrayBuffer>> {
  return new Uint8Array(await subtle.digest("SHA-256", utf8.encode(text)));
}

const hex = (bytes: Uint8Array) => Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
const base64 = (bytes: Uint8Array) => btoa(String.fromCharCode(...bytes));

/** `at`: milliseconds since the epoch. */
export async function signSlack(secret: string, payload: unknown, at: number): Promise<SignedCallback> {
  const body = `payload=${encodeURIComponent(JSON.stringify(payload))}`;
  const time = String(Math.floor(at / 1000));
  return {
    body,
    headers: {
      "content-type": "application/x-www-form-urlencoded",
      "x-slack-request-timestamp": time,
      "x-slack-signature": `v0=${hex(await hmac(secret, `v0:${time}:${body}`))}`,
    },
  };
}

export async function signDingtalk(secret: string, payload: unknown, at: number): Promise<SignedCallback> {
  return {
    body: JSON.stringify(payload),
    headers: {
      "content-type": "application/json",
      "x-ddpaas-signature-timestamp": String(at),
      "x-ddpaas-signature": base64(await hmac(secret, String(at))),
    },
  };
}

/** What Feishu sends when an Encrypt Key is set. */
export async function encryptFeishu(encryptKey: string, payload: unknown): Promise<string> {
  const key = await subtle.importKey("raw", await sha256(encryptKey), "AES-CBC", false, ["encrypt"]);
  const iv = globalThis.crypto.getRandomValues(new Uint8Array(16));
  const sealed = await subtle.encrypt({ name: "AES-CBC", iv }, key, utf8.encode(JSON.stringify(payload)));
  return JSON.stringify({ encrypt: base64(new Uint8Array([...iv, ...new Uint8Array(sealed)])) });
}

export async function signFeishu(encryptKey: string, payload: unknown, at: number): Promise<SignedCallback> {
  const body = await encryptFeishu(encryptKey, payload);
  const time = String(Math.floor(at / 1000));
  const nonce = hex(globalThis.crypto.getRandomValues(new Uint8Array(8)));
  return {
    body,
    headers: {
      "content-type": "application/json; charset=utf-8",
      "x-lark-request-timestamp": time,
      "x-lark-request-nonce": nonce,
      "x-lark-signature": hex(await sha256(time + nonce + encryptKey + body)),
    },
  };
}
