// Callbacks of Feishu: what is genuine, and what they ask. Signed and encrypted by another implementation.

import type { SpecOf } from "@mflow/core/schema/channel";
import { expect, test } from "vitest";
import { encryptFeishu, type SignedCallback, signFeishu } from "../testing/sign-callbacks.ts";
import { CallbackRefusal, type VerifiedCallback } from "./callback.ts";
import { feishuCallbacks } from "./feishu.ts";

const NOW = Date.UTC(2026, 0, 1, 12);
const settings: SpecOf<"FEISHU_APP"> = {
  kind: "FEISHU_APP",
  appId: "cli_1",
  appSecret: "app secret",
  verificationToken: "verify me",
  encryptKey: "encrypt me",
};
const { encryptKey: _encryptKey, ...unencrypted } = settings;
const card = { delivery: "dlv-1", task: "task-1", attempt: 2, gate: "AUDIT", digest: "abc" } as const;

/** The body of the documentation of `card.action.trigger`. */
function pressOf(action: Record<string, unknown>, head: Record<string, unknown> = {}) {
  return {
    schema: "2.0",
    header: {
      event_id: "f7984f25108f8137722bb63c",
      token: "verify me",
      create_time: String(NOW * 1000),
      event_type: "card.action.trigger",
      tenant_key: "736588c9260f175d",
      app_id: "cli_1",
      ...head,
    },
    event: {
      operator: { tenant_key: "736588c9260f175d", user_id: "u1", open_id: "ou_1", union_id: "on_1" },
      token: "c-295ee57216a5dc9de90fefd0aadb4b1d7d",
      action: { tag: "button", timezone: "Asia/Shanghai", ...action },
      host: "im_message",
      context: { open_message_id: "om_1", open_chat_id: "oc_1" },
    },
  };
}

function verify({ headers, body }: SignedCallback, spec = settings, now = NOW): VerifiedCallback {
  return feishuCallbacks.verify(spec, { headers, body: Buffer.from(body), now });
}

function refusal(callback: SignedCallback, spec = settings, now = NOW): string {
  try {
    verify(callback, spec, now);
  } catch (error) {
    if (error instanceof CallbackRefusal) return error.message;
    throw error;
  }
  throw new Error("it was taken");
}

const pass = pressOf({ value: { ...card, verdict: "PASS" } });

test("a pass that is signed and encrypted tells who pressed which card", async () => {
  const signed = await signFeishu("encrypt me", pass, NOW);
  const { answers, ...verified } = verify(signed) as Extract<VerifiedCallback, { kind: "PRESS" }>;
  expect(verified).toEqual({
    kind: "PRESS",
    nonce: signed.headers["x-lark-signature"],
    until: NOW + 300_000,
    press: {
      delivery: "dlv-1",
      verdict: "PASS",
      claimed: { ...card, verdict: "PASS" },
      userIds: ["ou_1", "u1", "on_1"],
    },
  });
  expect(answers.ask).toBeUndefined();
  expect(answers.tell({ isDone: false, sentence: "No." })).toEqual({
    body: { toast: { type: "error", content: "No." } },
  });
});

test("a denial brings what was written into the form", async () => {
  const deny = pressOf({
    value: { ...card, verdict: "DENY" },
    name: "deny",
    form_value: { comment: "too early" },
  });
  const verified = verify(await signFeishu("encrypt me", deny, NOW));
  expect(verified).toMatchObject({ press: { verdict: "DENY", comment: "too early" } });
});

test("the done toast comes with the card as it is now, without buttons", () => {
  const verified = verify({ headers: {}, body: JSON.stringify(pass) }, unencrypted) as Extract<
    VerifiedCallback,
    { kind: "PRESS" }
  >;
  const content = { language: "en" as const, tone: "GOOD" as const, title: "Passed", facts: [], links: [] };
  expect(verified.answers.tell({ isDone: true, sentence: "Done.", content })).toEqual({
    body: {
      toast: { type: "success", content: "Done." },
      card: {
        type: "raw",
        data: {
          schema: "2.0",
          config: { update_multi: true, enable_forward: false },
          header: { title: { tag: "plain_text", content: "Passed" }, template: "green" },
          body: { elements: [] },
        },
      },
    },
  });
});

test("the check of the address is answered with its challenge, encrypted or not", async () => {
  const check = { challenge: "ajls384kdjx98XX", token: "verify me", type: "url_verification" };
  const answer = { kind: "ANSWER", answer: { body: { challenge: "ajls384kdjx98XX" } } };
  expect(verify({ headers: {}, body: await encryptFeishu("encrypt me", check) })).toEqual(answer);
  expect(verify({ headers: {}, body: JSON.stringify(check) }, unencrypted)).toEqual(answer);
  const foreign = { ...check, token: "another" };
  expect(refusal({ headers: {}, body: JSON.stringify(foreign) }, unencrypted)).toBe(
    "the verification token is wrong",
  );
  expect(refusal({ headers: {}, body: await encryptFeishu("another key", check) })).toBe(
    "the body was not encrypted with the channel's encryptKey",
  );
});

test("what is not signed with the Encrypt Key, or changed since, is refused", async () => {
  const signed = await signFeishu("encrypt me", pass, NOW);
  const other = await signFeishu("encrypt me", pressOf({ value: { ...card, verdict: "DENY" } }), NOW);
  expect(refusal({ ...signed, body: other.body })).toBe("the signature is wrong");
  expect(refusal(await signFeishu("another key", pass, NOW))).toBe("the signature is wrong");
  expect(refusal({ headers: {}, body: signed.body })).toBe("the header x-lark-signature is missing");
  expect(refusal({ headers: {}, body: JSON.stringify(pass) })).toBe(
    "the body was not encrypted with the channel's encryptKey",
  );
  const { "x-lark-request-nonce": _nonce, ...headers } = signed.headers;
  expect(refusal({ ...signed, headers })).toBe("the header x-lark-request-nonce is missing");
});

test("an old callback is refused, and one from the future, whatever says its time", async () => {
  const old = await signFeishu("encrypt me", pass, NOW - 301_000);
  expect(refusal(old)).toBe("the callback is of 301 s ago; at most 300 s are accepted");
  expect(refusal(await signFeishu("encrypt me", pass, NOW + 301_000))).toMatch(/-301 s ago/);
  expect(verify(await signFeishu("encrypt me", pass, NOW - 299_000)).kind).toBe("PRESS");
  const stale = pressOf(
    { value: { ...card, verdict: "PASS" } },
    { create_time: String((NOW - 400_000) * 1000) },
  );
  expect(refusal({ headers: {}, body: JSON.stringify(stale) }, unencrypted)).toMatch(/400 s ago/);
  const timeless = pressOf({ value: { ...card, verdict: "PASS" } }, { create_time: "soon" });
  expect(refusal({ headers: {}, body: JSON.stringify(timeless) }, unencrypted)).toMatch(/no valid time/);
});

test("without an Encrypt Key the token decides, and without both nothing is believed", () => {
  const body = JSON.stringify(pass);
  expect(verify({ headers: {}, body }, unencrypted)).toMatchObject({
    kind: "PRESS",
    nonce: "f7984f25108f8137722bb63c",
  });
  const forged = JSON.stringify(pressOf({ value: card }, { token: "guessed" }));
  expect(refusal({ headers: {}, body: forged }, unencrypted)).toBe("the verification token is wrong");
  const { verificationToken: _token, ...bare } = unencrypted;
  expect(refusal({ headers: {}, body }, bare)).toBe(
    "the channel has neither encryptKey nor verificationToken to check callbacks with",
  );
});

test("callbacks of another app are refused; events and buttons that are not ours decide nothing", async () => {
  const foreign = pressOf({ value: { ...card, verdict: "PASS" } }, { app_id: "cli_2" });
  expect(refusal(await signFeishu("encrypt me", foreign, NOW))).toBe("the callback is of another app");
  const nothing = { kind: "ANSWER", answer: { body: {} } };
  const values = [
    undefined,
    "text",
    {},
    { ...card, verdict: "MAYBE" },
    { ...card, verdict: "PASS", gate: "X" },
  ];
  for (const value of values) {
    expect(verify(await signFeishu("encrypt me", pressOf({ value }), NOW))).toEqual(nothing);
  }
  const event = pressOf({ value: { ...card, verdict: "PASS" } }, { event_type: "im.message.receive_v1" });
  expect(verify(await signFeishu("encrypt me", event, NOW))).toEqual(nothing);
});
