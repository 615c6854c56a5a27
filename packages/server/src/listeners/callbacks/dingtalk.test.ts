// Callbacks of DingTalk: what is genuine, and what they ask.

import type { SpecOf } from "@mflow/core/schema/channel";
import { expect, test } from "vitest";
import { type SignedCallback, signDingtalk } from "../testing/sign-callbacks.ts";
import { CallbackRefusal, type VerifiedCallback } from "./callback.ts";
import { dingtalkCallbacks } from "./dingtalk.ts";

const NOW = 1_700_000_000_000;
const settings: SpecOf<"DINGTALK_APP"> = {
  kind: "DINGTALK_APP",
  appKey: "ding1",
  appSecret: "app secret",
  cardTemplateId: "tpl.schema",
  callbackSecret: "callback-secret",
};

function verify({ headers, body }: SignedCallback, now = NOW, spec = settings): VerifiedCallback {
  return dingtalkCallbacks.verify(spec, { headers, body: Buffer.from(body), now });
}

function refusal(callback: SignedCallback, now = NOW, spec = settings): string {
  try {
    verify(callback, now, spec);
  } catch (error) {
    if (error instanceof CallbackRefusal) return error.message;
    throw error;
  }
  throw new Error("it was taken");
}

/** The body of the documentation "事件回调". */
function pressOf(action: Record<string, unknown>) {
  return {
    type: "actionCallback",
    outTrackId: "dlv-1",
    corpId: "dingcorp",
    userId: "manager1",
    content: JSON.stringify({ cardPrivateData: action }),
  };
}

test("a press tells the card and who pressed; the card's buttons say the verdict by param or id", async () => {
  const signed = await signDingtalk(
    "callback-secret",
    pressOf({ actionIds: ["1"], params: { verdict: "PASS" } }),
    NOW,
  );
  // Computed by another program: printf 1700000000000 | openssl dgst -sha256 -hmac callback-secret -binary | base64
  expect(signed.headers["x-ddpaas-signature"]).toBe("tFiEJaSRhDiIhcHPlafPPNFZaIwmws1YQ2FYyIjsNzk=");
  const { answers, ...verified } = verify(signed) as Extract<VerifiedCallback, { kind: "PRESS" }>;
  expect(verified).toEqual({
    kind: "PRESS",
    nonce: "tFiEJaSRhDiIhcHPlafPPNFZaIwmws1YQ2FYyIjsNzk=",
    until: NOW + 300_000,
    press: { delivery: "dlv-1", verdict: "PASS", userIds: ["manager1"] },
  });
  const deny = pressOf({ actionIds: ["deny"], params: { comment: "too early" } });
  expect(verify(await signDingtalk("callback-secret", deny, NOW))).toMatchObject({
    press: { delivery: "dlv-1", verdict: "DENY", comment: "too early" },
  });
});

test("who pressed is told in their own part of the card; a closed card shows so", async () => {
  const signed = await signDingtalk("callback-secret", pressOf({ params: { verdict: "PASS" } }), NOW);
  const { answers } = verify(signed) as Extract<VerifiedCallback, { kind: "PRESS" }>;
  const cardUpdateOptions = { updateCardDataByKey: true, updatePrivateDataByKey: true };
  expect(answers.tell({ isDone: false, sentence: "您不在名单中。" })).toEqual({
    body: { cardUpdateOptions, userPrivateData: { cardParamMap: { notice: "您不在名单中。" } } },
  });
  const content = { language: "en" as const, tone: "GOOD" as const, title: "Passed", facts: [], links: [] };
  expect(answers.tell({ isDone: true, sentence: "Done.", content })).toMatchObject({
    body: { cardData: { cardParamMap: { title: "Passed", tone: "good", open: "false" } } },
  });
});

test("what is signed with another secret, or is old, is refused, and so is everything without a secret", async () => {
  const press = pressOf({ params: { verdict: "PASS" } });
  expect(refusal(await signDingtalk("another", press, NOW))).toBe("the signature is wrong");
  const signed = await signDingtalk("callback-secret", press, NOW);
  const later = { ...signed.headers, "x-ddpaas-signature-timestamp": String(NOW + 1) };
  expect(refusal({ ...signed, headers: later })).toBe("the signature is wrong");
  expect(refusal({ ...signed, headers: {} })).toBe("the header x-ddpaas-signature-timestamp is missing");
  expect(refusal(signed, NOW + 301_000)).toBe("the callback is of 301 s ago; at most 300 s are accepted");
  const { callbackSecret: _secret, ...bare } = settings;
  expect(refusal(signed, NOW, bare)).toBe("the channel has no callbackSecret to check callbacks with");
});

test("other buttons and other callbacks decide nothing", async () => {
  const nothing = { kind: "ANSWER", answer: { body: {} } };
  for (const payload of [pressOf({ actionIds: ["open"] }), { ...pressOf({}), type: "dynamicCallback" }]) {
    expect(verify(await signDingtalk("callback-secret", payload, NOW))).toEqual(nothing);
  }
});
