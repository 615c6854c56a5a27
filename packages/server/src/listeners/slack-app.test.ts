// An app of Slack against a server that plays the platform.

import type { SpecOf } from "@mflow/core/schema/channel";
import { afterAll, beforeEach, expect, test } from "vitest";
import type { Channel } from "./channel.ts";
import { createHttpSender } from "./http-sender.ts";
import { createSlackApp } from "./slack-app.ts";
import { closedContent, outgoingOf, waitingContent } from "./testing/app-platform.ts";
import { type Received, Receiver } from "./testing/receiver.ts";

type Settings = SpecOf<"SLACK_APP">;

const http = createHttpSender({ allowed: ["127.0.0.1"], userAgent: "mflow/test" });
const slack = await Receiver.open();
afterAll(async () => {
  await slack.close();
  await http.close();
});

let app: Channel<Settings>;
let refusal: Record<string, Record<string, unknown>>;
beforeEach(() => {
  app = createSlackApp(http);
  refusal = {};
  slack.received.length = 0;
  slack.behaviour = play;
});

function play({ path, headers, body }: Received): [number, unknown] {
  const method = path.replace("/api/", "");
  if (headers.authorization !== "Bearer xoxb-1") return [200, { ok: false, error: "invalid_auth" }];
  if (headers["content-type"] !== "application/json; charset=utf-8")
    return [200, { ok: false, error: "invalid_form_data" }];
  const failure = refusal[method];
  if (failure) return [200, { ok: false, ...failure }];
  const given = JSON.parse(body);
  if (method === "conversations.open") {
    if (given.users !== "U1") return [200, { ok: false, error: "user_not_found" }];
    return [200, { ok: true, channel: { id: "D1" } }];
  }
  if (given.channel !== "D1") return [200, { ok: false, error: "channel_not_found" }];
  if (!given.text || !given.blocks) return [200, { ok: false, error: "no_text" }];
  if (method === "chat.update") return [200, { ok: true, channel: "D1", ts: given.ts }];
  const isUuid = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/.test(
    given.client_msg_id,
  );
  if (!isUuid) return [200, { ok: false, error: "invalid_arguments" }];
  return [200, { ok: true, channel: "D1", ts: "1548261231.000200" }];
}

const settings: Settings = {
  kind: "SLACK_APP",
  botToken: "xoxb-1",
  signingSecret: "s",
  baseUrl: slack.url("/api/"),
};
const called = () => slack.received.map(({ path }) => path.replace("/api/", ""));
const bodies = () => slack.received.map(({ body }) => JSON.parse(body));
const cardValue = { delivery: "dlv-1", task: "task-1", attempt: 2, gate: "AUDIT", digest: "abc" };

const header = {
  type: "header",
  text: { type: "plain_text", text: "🟡 Waiting for your audit: prod", emoji: false },
};
const facts = (value: string) => ({
  type: "rich_text",
  elements: [
    {
      type: "rich_text_section",
      elements: [
        { type: "text", text: "Task: ", style: { bold: true } },
        { type: "text", text: value },
      ],
    },
  ],
});

test("a message goes to the conversation with a person, with buttons that call back", async () => {
  const answer = await app.send(outgoingOf(settings, { address: "U1" }));
  expect(answer).toMatchObject({ status: 200, receipt: { channel: "D1", ts: "1548261231.000200" } });
  expect(called()).toEqual(["conversations.open", "chat.postMessage"]);
  const button = (id: string, text: string, more: object) => ({
    type: "button",
    action_id: id,
    text: { type: "plain_text", text, emoji: false },
    ...more,
  });
  expect(bodies()[1]).toEqual({
    channel: "D1",
    text: "Waiting for your audit: prod",
    blocks: [
      header,
      facts("prod"),
      {
        type: "actions",
        elements: [
          button("mflow_pass", "Pass", {
            style: "primary",
            value: JSON.stringify({ ...cardValue, verdict: "PASS" }),
          }),
          button("mflow_deny", "Deny", {
            style: "danger",
            value: JSON.stringify({ ...cardValue, verdict: "DENY" }),
          }),
          button("open-0", "Open the task", { url: "https://mflow.example.com/tasks/task-1" }),
        ],
      },
    ],
    unfurl_links: false,
    unfurl_media: false,
    client_msg_id: expect.any(String),
  });
});

test("a second try names the same message, another message another, and the conversation is opened once", async () => {
  await app.send(outgoingOf(settings, { address: "U1" }));
  await app.send(outgoingOf(settings, { address: "U1" }));
  await app.send(outgoingOf(settings, { address: "U1", deliveryId: "dlv-2" }));
  expect(called()).toEqual([
    "conversations.open",
    "chat.postMessage",
    "chat.postMessage",
    "chat.postMessage",
  ]);
  const [first, second, third] = bodies()
    .slice(1)
    .map(({ client_msg_id }) => client_msg_id);
  expect(second).toBe(first);
  expect(third).not.toBe(first);
});

test("a message is updated in place", async () => {
  const update = { channel: "D1", ts: "1548261231.000200" };
  const answer = await app.send(outgoingOf(settings, { address: "U1", update, content: closedContent }));
  expect(answer.receipt).toEqual(update);
  expect(called()).toEqual(["chat.update"]);
  expect(bodies()[0]).toEqual({
    ...update,
    text: "Audit passed: prod",
    blocks: [
      { type: "header", text: { type: "plain_text", text: "🟢 Audit passed: prod", emoji: false } },
      facts("prod"),
    ],
  });
});

test("an error is a failure though the status is 200, and says what to do", async () => {
  const failed = (method: string, error: Record<string, unknown>, address = "U1") => {
    refusal = { [method]: error };
    return app.send(outgoingOf(settings, { address })).then(
      () => "sent",
      ({ kind, message }) => [kind, message],
    );
  };
  expect(await failed("", {}, "U2")).toEqual([
    "DEAD",
    "Slack refused conversations.open: user_not_found; check the person's address: the member id, e.g. U012AB3CD, of this workspace",
  ]);
  expect(
    await failed("chat.postMessage", { error: "missing_scope", needed: "chat:write", provided: "im:write" }),
  ).toEqual([
    "DEAD",
    "Slack refused chat.postMessage: missing_scope; grant the app chat:write and install it again",
  ]);
  expect(await failed("chat.postMessage", { error: "token_revoked" })).toEqual([
    "DEAD",
    "Slack refused chat.postMessage: token_revoked; give the channel the present Bot User OAuth Token (`xoxb-...`) as `botToken`",
  ]);
  expect(await failed("chat.postMessage", { error: "ratelimited" })).toMatchObject(["LIMITED", {}]);
  expect(await failed("chat.postMessage", { error: "internal_error" })).toMatchObject(["RETRY", {}]);
  expect(await failed("chat.postMessage", { error: "invalid_blocks" })).toEqual([
    "DEAD",
    "Slack refused chat.postMessage: invalid_blocks",
  ]);
});

test("Slack says how long to wait", async () => {
  slack.behaviour = (_request, response) => {
    response.writeHead(429, { "retry-after": "30", "content-type": "application/json" });
    response.end('{"ok":false,"error":"ratelimited"}');
    return undefined;
  };
  await expect(app.send(outgoingOf(settings, { address: "U1" }))).rejects.toMatchObject({
    kind: "LIMITED",
    retryAfterMs: 30_000,
  });
});

test("no text of a block is longer than Slack takes", async () => {
  const text = "word ".repeat(3000);
  await app.send(outgoingOf(settings, { address: "U1", content: { ...waitingContent, text } }));
  const [, { blocks }] = bodies();
  const longest =
    JSON.stringify(blocks)
      .match(/"text":"[^"]*"/g)
      ?.map((part) => part.length) ?? [];
  expect(Math.max(...longest)).toBeLessThanOrEqual(3010);
});
