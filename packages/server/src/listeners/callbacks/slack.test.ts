// Callbacks of Slack: what is genuine, and what they ask.

import type { SpecOf } from "@mflow/core/schema/channel";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { createHttpSender } from "../http-sender.ts";
import { Receiver } from "../testing/receiver.ts";
import { type SignedCallback, signSlack } from "../testing/sign-callbacks.ts";
import { CallbackRefusal, type VerifiedCallback } from "./callback.ts";
import { slackCallbacks } from "./slack.ts";

type Pressed = Extract<VerifiedCallback, { kind: "PRESS" }>;

const NOW = Date.UTC(2026, 0, 1, 12);
const card = { delivery: "dlv-1", task: "task-1", attempt: 1, gate: "CONFIRM", digest: "abc" } as const;

let slack: Receiver;
let settings: SpecOf<"SLACK_APP">;
const http = createHttpSender({ allowed: ["127.0.0.1"], userAgent: "mflow/test" });
beforeAll(async () => {
  slack = await Receiver.open();
  settings = { kind: "SLACK_APP", botToken: "xoxb-1", signingSecret: "sign me", baseUrl: slack.url("/api") };
});
beforeEach(() => {
  slack.received.length = 0;
  slack.behaviour = () => [200, { ok: true }];
});
afterAll(async () => {
  await slack.close();
  await http.close();
});

function verify({ headers, body }: SignedCallback, now = NOW, spec = settings): VerifiedCallback {
  return slackCallbacks.verify(spec, { headers, body: Buffer.from(body), now });
}

function refusal(callback: SignedCallback, now = NOW): string {
  try {
    verify(callback, now);
  } catch (error) {
    if (error instanceof CallbackRefusal) return error.message;
    throw error;
  }
  throw new Error("it was taken");
}

/** `block_actions` as the documentation shows it. */
function pressOf(verdict: string) {
  return {
    type: "block_actions",
    user: { id: "U1", username: "ada", team_id: "T1" },
    api_app_id: "A1",
    container: { type: "message", message_ts: "1548261231.000200", channel_id: "D1" },
    trigger_id: "12321423423.333649436676.d8c1bb837935619ccad0f624c448ffb3",
    response_url: slack.url("/respond"),
    actions: [{ type: "button", action_id: "mflow_pass", value: JSON.stringify({ ...card, verdict }) }],
  };
}

async function pressed(verdict: string): Promise<Pressed> {
  return verify(await signSlack("sign me", pressOf(verdict), NOW)) as Pressed;
}

/** What Slack got, as path and body. */
const got = () => slack.received.map(({ path, body }) => [path, JSON.parse(body)]);
const signal = new AbortController().signal;

test("the platform's own example has the signature that it documents", () => {
  // docs.slack.dev, "Verifying requests from Slack".
  const body =
    "token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V&" +
    "channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text=&" +
    "response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN&" +
    "trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c";
  const headers = {
    "x-slack-request-timestamp": "1531420618",
    "x-slack-signature": "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503",
  };
  const spec = { ...settings, signingSecret: "8f742231b10e8888abcd99yyyzzz85a5" };
  const check = () => verify({ headers, body }, 1_531_420_618_000, spec);
  // Genuine, but no interaction.
  expect(check).toThrow("the body is not what the platform documents");
  expect(() => verify({ headers, body: `${body}0` }, 1_531_420_618_000, spec)).toThrow(
    "the signature is wrong",
  );
});

test("a pass tells who pressed which card, and is decided at once", async () => {
  const { answers, ...verified } = await pressed("PASS");
  expect(verified).toEqual({
    kind: "PRESS",
    nonce: expect.stringMatching(/^v0=[0-9a-f]{64}$/),
    until: NOW + 300_000,
    press: { delivery: "dlv-1", verdict: "PASS", claimed: { ...card, verdict: "PASS" }, userIds: ["U1"] },
  });
  expect(answers.ask).toBeUndefined();
});

test("a denial first asks why, in a dialog that brings back what it is about", async () => {
  const { answers } = await pressed("DENY");
  const asked = answers.ask?.("zh");
  expect(asked?.body).toBeUndefined();
  await asked?.follow?.(http, signal);
  expect(slack.received[0]?.headers.authorization).toBe("Bearer xoxb-1");
  expect(got()).toEqual([
    [
      "/api/views.open",
      {
        trigger_id: "12321423423.333649436676.d8c1bb837935619ccad0f624c448ffb3",
        view: {
          type: "modal",
          callback_id: "mflow_deny",
          private_metadata: JSON.stringify({
            claimed: { ...card, verdict: "DENY" },
            responseUrl: slack.url("/respond"),
          }),
          title: { type: "plain_text", text: "拒绝" },
          submit: { type: "plain_text", text: "拒绝" },
          close: { type: "plain_text", text: "取消" },
          blocks: [
            {
              type: "input",
              block_id: "comment",
              label: { type: "plain_text", text: "原因" },
              element: { type: "plain_text_input", action_id: "comment", multiline: true, max_length: 3000 },
            },
          ],
        },
      },
    ],
  ]);
});

test("a dialog that Slack does not open is told to the person and to the log", async () => {
  const { answers } = await pressed("DENY");
  slack.behaviour = ({ path }) => [
    200,
    path === "/respond" ? "ok" : { ok: false, error: "expired_trigger_id" },
  ];
  await expect(answers.ask?.("en").follow?.(http, signal)).rejects.toThrow("expired_trigger_id");
  expect(got()[1]).toEqual([
    "/respond",
    { response_type: "ephemeral", replace_original: false, text: "The dialog could not be opened." },
  ]);
});

test("what the dialog brings back decides, and a refusal is shown in it", async () => {
  const view = {
    callback_id: "mflow_deny",
    private_metadata: JSON.stringify({
      claimed: { ...card, verdict: "DENY" },
      responseUrl: slack.url("/respond"),
    }),
    state: { values: { comment: { comment: { type: "plain_text_input", value: "not yet" } } } },
  };
  const payload = { type: "view_submission", user: { id: "U1" }, view };
  const { press, answers } = verify(await signSlack("sign me", payload, NOW)) as Pressed;
  expect(press).toEqual({
    delivery: "dlv-1",
    verdict: "DENY",
    claimed: { ...card, verdict: "DENY" },
    userIds: ["U1"],
    comment: "not yet",
  });
  expect(answers.tell({ isDone: false, sentence: "Too late." }).body).toEqual({
    response_action: "errors",
    errors: { comment: "Too late." },
  });
  expect(answers.tell({ isDone: true, sentence: "Done." }).body).toBeUndefined();
});

test("who pressed is told by a note of their own, and the card is replaced when it is closed", async () => {
  const { answers } = await pressed("PASS");
  const content = {
    language: "en" as const,
    tone: "BAD" as const,
    title: "Denied & closed",
    facts: [],
    links: [],
  };
  const answer = answers.tell({ isDone: false, sentence: "It is closed.", content });
  expect(answer.body).toBeUndefined();
  await answer.follow?.(http, signal);
  expect(got()).toEqual([
    [
      "/respond",
      {
        replace_original: true,
        text: "Denied &amp; closed",
        blocks: [{ type: "header", text: { type: "plain_text", text: "🔴 Denied & closed", emoji: false } }],
      },
    ],
    ["/respond", { response_type: "ephemeral", replace_original: false, text: "It is closed." }],
  ]);
});

test("what is signed with another secret, is changed, or is old is refused", async () => {
  const signed = await signSlack("sign me", pressOf("PASS"), NOW);
  expect(refusal(await signSlack("another", pressOf("PASS"), NOW))).toBe("the signature is wrong");
  expect(refusal({ ...signed, body: `${signed.body}&x=1` })).toBe("the signature is wrong");
  const later = { ...signed.headers, "x-slack-request-timestamp": String(NOW / 1000 + 1) };
  expect(refusal({ ...signed, headers: later })).toBe("the signature is wrong");
  expect(refusal({ ...signed, headers: {} })).toBe("the header x-slack-request-timestamp is missing");
  expect(refusal(signed, NOW + 301_000)).toBe("the callback is of 301 s ago; at most 300 s are accepted");
});

test("links, other apps' buttons and other interactions decide nothing", async () => {
  const nothing = { kind: "ANSWER", answer: {} };
  const payloads = [
    { ...pressOf("PASS"), actions: [{ action_id: "open-0", url: "https://example.com" }] },
    { ...pressOf("PASS"), actions: [{ action_id: "x", value: "{}" }] },
    { ...pressOf("PASS"), actions: [{ action_id: "x", value: "not JSON" }] },
    { type: "shortcut" },
    { type: "view_submission", view: { callback_id: "other", private_metadata: "{}" } },
    { type: "view_submission", view: { callback_id: "mflow_deny", private_metadata: "{}" } },
  ];
  for (const payload of payloads) expect(verify(await signSlack("sign me", payload, NOW))).toEqual(nothing);
});
