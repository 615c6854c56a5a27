// An app of Feishu against a server that plays the platform: it gives tokens, checks them, and answers as Feishu does.

import { createHash } from "node:crypto";
import type { SpecOf } from "@mflow/core/schema/channel";
import { afterAll, beforeEach, expect, test } from "vitest";
import type { Channel } from "./channel.ts";
import { createFeishuApp } from "./feishu-app.ts";
import { createHttpSender } from "./http-sender.ts";
import { closedContent, outgoingOf, waitingContent } from "./testing/app-platform.ts";
import { type Received, Receiver } from "./testing/receiver.ts";

type Settings = SpecOf<"FEISHU_APP">;

const TOKEN_PATH = "/open-apis/auth/v3/tenant_access_token/internal";
const http = createHttpSender({ allowed: ["127.0.0.1"], userAgent: "mflow/test" });
const feishu = await Receiver.open();
afterAll(async () => {
  await feishu.close();
  await http.close();
});

let app: Channel<Settings>;
let tokensGiven: number;
/** The only token that is taken. */
let valid: string;
let refusal: [number, Record<string, unknown>] | undefined;
beforeEach(() => {
  app = createFeishuApp(http);
  tokensGiven = 0;
  valid = "t-1";
  refusal = undefined;
  feishu.received.length = 0;
  feishu.behaviour = play;
});

function play({ method, path, headers, body }: Received): [number, unknown] {
  const given = JSON.parse(body);
  if (path === TOKEN_PATH) {
    if (given.app_id !== "cli_1" || given.app_secret !== "app secret")
      return [200, { code: 10014, msg: "app secret invalid" }];
    return [200, { code: 0, msg: "ok", tenant_access_token: `t-${++tokensGiven}`, expire: 7200 }];
  }
  if (headers.authorization !== `Bearer ${valid}`)
    return [400, { code: 99991663, msg: "Invalid access token" }];
  if (!headers["content-type"]?.startsWith("application/json"))
    return [400, { code: 9499, msg: "Bad Request" }];
  if (refusal) return refusal;
  const card = JSON.parse(given.content);
  if (card.schema !== "2.0" || card.config.update_multi !== true)
    return [400, { code: 230099, msg: "bad card" }];
  if (method === "PATCH") return [200, { code: 0, msg: "success", data: {} }];
  const isWhole = given.msg_type === "interactive" && given.receive_id && given.uuid.length <= 50;
  if (!isWhole) return [400, { code: 230001, msg: "invalid param" }];
  return [200, { code: 0, msg: "success", data: { message_id: "om_1" } }];
}

const settings: Settings = {
  kind: "FEISHU_APP",
  appId: "cli_1",
  appSecret: "app secret",
  baseUrl: feishu.url(""),
};
const sent = () => feishu.received.filter(({ path }) => path !== TOKEN_PATH);
const cardValue = { delivery: "dlv-1", task: "task-1", attempt: 2, gate: "AUDIT", digest: "abc" };

test("a card goes to a person, its id makes a second try the same message, its receipt lets it be updated", async () => {
  const answer = await app.send(outgoingOf(settings, { address: "ou_1" }));
  const [request] = sent();
  expect(answer).toEqual({
    requestDigest: createHash("sha256")
      .update(request?.body ?? "")
      .digest("hex"),
    status: 200,
    response: '{"code":0,"msg":"success","data":{"message_id":"om_1"}}',
    receipt: { messageId: "om_1" },
  });
  expect([request?.method, request?.path]).toEqual([
    "POST",
    "/open-apis/im/v1/messages?receive_id_type=open_id",
  ]);
  const { content, ...rest } = JSON.parse(request?.body ?? "");
  expect(rest).toEqual({ receive_id: "ou_1", msg_type: "interactive", uuid: "dlv-1" });
  const button = (label: string, type: string, more: object) => ({
    tag: "button",
    text: { tag: "plain_text", content: label },
    type,
    ...more,
  });
  const callback = (verdict: string) => ({
    behaviors: [{ type: "callback", value: { ...cardValue, verdict } }],
  });
  expect(JSON.parse(content)).toEqual({
    schema: "2.0",
    config: { update_multi: true, enable_forward: false },
    header: { title: { tag: "plain_text", content: "Waiting for your audit: prod" }, template: "orange" },
    body: {
      elements: [
        { tag: "markdown", content: "**Task**: prod" },
        button("Pass", "primary", callback("PASS")),
        {
          tag: "form",
          name: "mflow_deny",
          elements: [
            {
              tag: "input",
              name: "comment",
              required: true,
              max_length: 1000,
              width: "fill",
              placeholder: { tag: "plain_text", content: "Why do you deny?" },
            },
            button("Deny", "danger", { ...callback("DENY"), name: "deny", form_action_type: "submit" }),
          ],
        },
        button("Open the task", "default", {
          behaviors: [{ type: "open_url", default_url: "https://mflow.example.com/tasks/task-1" }],
        }),
      ],
    },
  });
});

test("the form of an address tells which id it is; by mail address the buttons are links, for callbacks name none", async () => {
  for (const address of ["ou_1", "on_1", "ada@example.com", "4d7a3c6g"])
    await app.send(outgoingOf(settings, { address }));
  expect(sent().map(({ path }) => path.split("=")[1])).toEqual(["open_id", "union_id", "email", "user_id"]);
  const isLink = sent().map(({ body }) => body.includes("open_url") && !body.includes("callback"));
  expect(isLink).toEqual([false, false, true, false]);
});

test("a card is updated in place", async () => {
  const update = { messageId: "om_1" };
  const answer = await app.send(outgoingOf(settings, { address: "ou_1", update, content: closedContent }));
  expect(answer.receipt).toEqual({ messageId: "om_1" });
  const [request] = sent();
  expect([request?.method, request?.path]).toEqual(["PATCH", "/open-apis/im/v1/messages/om_1"]);
  const { content, ...rest } = JSON.parse(request?.body ?? "");
  expect(rest).toEqual({});
  expect(JSON.parse(content).body.elements).toEqual([{ tag: "markdown", content: "**Task**: prod" }]);
});

test("twenty messages at once ask for one token, which serves until shortly before it expires", async () => {
  const send = (now: number) => app.send(outgoingOf(settings, { address: "ou_1", now }));
  const begin = Date.UTC(2026, 0, 1);
  await Promise.all(Array.from({ length: 20 }, () => send(begin)));
  expect(tokensGiven).toBe(1);
  await send(begin + 6_800_000);
  expect(tokensGiven).toBe(1);
  valid = "t-2";
  await send(begin + 6_950_000);
  expect(tokensGiven).toBe(2);
});

test("a token that is not taken any more is renewed once, and not for ever", async () => {
  await app.send(outgoingOf(settings, { address: "ou_1" }));
  valid = "t-2";
  await app.send(outgoingOf(settings, { address: "ou_1" }));
  expect([tokensGiven, sent().length]).toEqual([2, 3]);
  valid = "none";
  await expect(app.send(outgoingOf(settings, { address: "ou_1" }))).rejects.toMatchObject({
    kind: "DEAD",
    message: "Feishu does not take the app's token: Invalid access token; check that the app is enabled",
  });
  expect(tokensGiven).toBe(3);
});

test("a wrong secret is told as such, and asked for again with the next message", async () => {
  const wrong = { ...settings, appSecret: "wrong" };
  await expect(app.send(outgoingOf(wrong, { address: "ou_1" }))).rejects.toMatchObject({
    kind: "DEAD",
    message: "Feishu refused it with 10014: app secret invalid; check `appId` and `appSecret` of the channel",
  });
  await app.send(outgoingOf(settings, { address: "ou_1" }));
  expect(sent()).toHaveLength(1);
});

test("an error code is a failure whatever the status, and says whether to wait, to try again or what to mend", async () => {
  const failed = async (status: number, body: Record<string, unknown>) => {
    refusal = [status, body];
    return app.send(outgoingOf(settings, { address: "ou_1" })).then(
      () => "sent",
      ({ kind, message }) => [kind, message],
    );
  };
  expect(await failed(200, { code: 230020, msg: "frequency limit" })).toEqual([
    "LIMITED",
    "Feishu refused it with 230020: frequency limit",
  ]);
  expect(await failed(400, { code: 99991400, msg: "request trigger frequency limit" })).toMatchObject([
    "LIMITED",
    {},
  ]);
  expect(await failed(429, { code: 1, msg: "slow down" })).toMatchObject(["LIMITED", {}]);
  expect(await failed(400, { code: 99991672, msg: "Access denied" })).toEqual([
    "DEAD",
    "Feishu refused it with 99991672: Access denied; grant the app the scope im:message:send_as_bot and publish a version of it",
  ]);
  expect(await failed(200, { code: 230013, msg: "Bot has NO availability to this user." })).toEqual([
    "DEAD",
    "Feishu refused it with 230013: Bot has NO availability to this user.; add the person to the availability of the app and publish a version of it",
  ]);
  expect(await failed(200, { code: 230101, msg: "temporarily unavailable" })).toMatchObject(["RETRY", {}]);
  expect(await failed(502, { code: 1, msg: "bad gateway" })).toMatchObject(["RETRY", {}]);
  expect(await failed(200, { code: 123456, msg: "new" })).toEqual([
    "DEAD",
    "Feishu refused it with 123456: new",
  ]);
});

test("what is not Feishu's API is told as such", async () => {
  feishu.behaviour = () => [200, "<html>login</html>"];
  await expect(app.send(outgoingOf(settings, { address: "ou_1" }))).rejects.toMatchObject({
    kind: "DEAD",
    message: "Feishu answered 200 without JSON; that is not its API: check `baseUrl` of the channel",
  });
});

test("a card stays below what Feishu takes, however much there is to say", async () => {
  const lines = Array.from({ length: 200 }, (_, index) => `NAME_${index}=${'"值\\'.repeat(200)}`);
  const content = { ...waitingContent, text: "值*".repeat(6000), params: { label: "Params", lines } };
  await app.send(outgoingOf(settings, { address: "ou_1", content }));
  expect(Buffer.byteLength(sent()[0]?.body ?? "")).toBeLessThan(30_000);
});
