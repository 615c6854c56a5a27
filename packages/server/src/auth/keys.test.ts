// Sealing, fingerprints and update tokens.

import { randomBytes } from "node:crypto";
import { expect, test } from "vitest";
import { createKeys } from "./keys.ts";

const secret = new Uint8Array(32).fill(1);
const newer = new Uint8Array(32).fill(2);
const keys = createKeys({ current: secret });

test("whatever is sealed comes back, and shows nothing of itself", () => {
  const texts = ["", "x", "two\nlines", "日本語 🎉", "\u0000", "sealed:v1:", "x".repeat(100_000)];
  const sealed = texts.map((text) => keys.seal(text));
  expect(sealed.map((text) => keys.unseal(text))).toEqual(texts);
  expect(sealed.every((text) => keys.isSealed(text) && /^sealed:v1:[0-9a-f]{8}:[\w-]+$/.test(text))).toBe(
    true,
  );
  expect(texts.some((text) => keys.isSealed(text))).toBe(false);
  expect(keys.seal("correct horse battery")).not.toContain("horse");
});

test("the same value is sealed differently each time, and what is sealed is not sealed again", () => {
  const sealed = keys.seal("same");
  expect(keys.seal("same")).not.toBe(sealed);
  expect(keys.seal(sealed)).toBe(sealed);
});

test("a sealed text that was changed anywhere is refused", () => {
  const sealed = keys.seal("attack at dawn");
  const start = "sealed:v1:00000000:".length;
  for (let i = start; i < sealed.length; i++) {
    const changed = `${sealed.slice(0, i)}${sealed[i] === "A" ? "B" : "A"}${sealed.slice(i + 1)}`;
    // The last character carries unused bits.
    if (Buffer.from(changed.slice(start), "base64url").equals(Buffer.from(sealed.slice(start), "base64url")))
      continue;
    expect(() => keys.unseal(changed)).toThrow(expect.objectContaining({ code: "SECRET_KEY_UNKNOWN" }));
  }
  const cut = [sealed.slice(0, -8), `${sealed.slice(0, start)}AAAA`, `${sealed.slice(0, start)}A`];
  for (const text of [...cut, "sealed:v1:", "plain", ""]) {
    expect(() => keys.unseal(text)).toThrow(expect.objectContaining({ code: "SECRET_KEY_UNKNOWN" }));
  }
});

test("after a rotation the previous key still opens, and the new one seals", () => {
  const sealed = keys.seal("kept");
  const token = keys.updateToken("task-1", 1);
  const rotating = createKeys({ current: newer, previous: secret });
  expect(rotating.unseal(sealed)).toBe("kept");
  expect(rotating.verifyUpdateToken(token, "task-1", 1)).toBe(true);

  const rotated = createKeys({ current: newer });
  expect(rotated.unseal(rotating.seal("new"))).toBe("new");
  expect(rotated.verifyUpdateToken(rotating.updateToken("task-1", 1), "task-1", 1)).toBe(true);
  expect(rotated.verifyUpdateToken(token, "task-1", 1)).toBe(false);
  const keyId = sealed.split(":")[2];
  expect(() => rotated.unseal(sealed)).toThrow(
    expect.objectContaining({ code: "SECRET_KEY_UNKNOWN", message: expect.stringContaining(`key ${keyId}`) }),
  );
});

test("an update token speaks for its own attempt of its own task alone", () => {
  const token = keys.updateToken("task-1", 2);
  expect(keys.updateToken("task-1", 2)).toBe(token);
  expect(keys.verifyUpdateToken(token, "task-1", 2)).toBe(true);
  expect(keys.verifyUpdateToken(token, "task-1", 1)).toBe(false);
  expect(keys.verifyUpdateToken(token, "task-1", 22)).toBe(false);
  expect(keys.verifyUpdateToken(token, "task-12", 2)).toBe(false);
  for (const wrong of [
    "",
    "mfu_",
    token.slice(0, -1),
    `${token}x`,
    `${token}${token}`,
    "ü".repeat(token.length),
  ]) {
    expect(keys.verifyUpdateToken(wrong, "task-1", 2)).toBe(false);
  }
});

test("a fingerprint is the same for the same value and key, and another for any other", () => {
  const fingerprint = keys.fingerprint("value");
  expect(createKeys({ current: secret }).fingerprint("value")).toBe(fingerprint);
  expect(keys.fingerprint("value2")).not.toBe(fingerprint);
  expect(createKeys({ current: newer }).fingerprint("value")).not.toBe(fingerprint);
});

test("no two purposes share a key, and nothing tells the secret", () => {
  const current = randomBytes(32);
  const some = createKeys({ current });
  const shown = [some.seal("x"), some.updateToken("task-1", 1), some.fingerprint("x")].join(" ");
  expect(shown).not.toContain(current.toString("hex").slice(0, 8));
  expect(some.updateToken("task-1", 1)).not.toContain(
    Buffer.from(some.fingerprint("task-1.1"), "hex").toString("base64url"),
  );
});
