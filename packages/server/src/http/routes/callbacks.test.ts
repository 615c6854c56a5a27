// Deciding by buttons of cards: a server that plays the platforms gets the cards and calls back, all over real HTTP.

import type { JobTaskView, RunJobResponse } from "@mflow/core/schema/api";
import type { ChannelSpec } from "@mflow/core/schema/channel";
import type { AuditSpec } from "@mflow/core/schema/gate";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { type Received, Receiver } from "../../listeners/testing/receiver.ts";
import {
  encryptFeishu,
  type SignedCallback,
  signDingtalk,
  signFeishu,
  signSlack,
} from "../../listeners/testing/sign-callbacks.ts";
import { job } from "../testing/manifests.ts";
import { eventually, startTestServer, type TestServer } from "../testing/test-server.ts";

let server: TestServer;
let platform: Receiver;
beforeAll(async () => {
  server = await startTestServer();
  platform = await Receiver.open();
  platform.behaviour = play;
  await server.ok("POST", "/apply", { documents: [job("ship", {}, { publish: true })] });
  const viewer = { role: "viewer" as const, domain: "*", namespace: "*" };
  for (const name of ["fay", "finn", "sam", "dora"])
    await server.accounts.addUser(name, { grants: [viewer] });
  await server.accounts.changeProfile("fay", { addresses: { feishu: "ou_fay" }, language: "zh" });
  await server.accounts.changeProfile("finn", { addresses: { feishu: "ou_finn" } });
  await server.accounts.changeProfile("sam", { addresses: { slack: "USAM" } });
  await server.accounts.changeProfile("dora", { addresses: { dingtalk: "dora1" } });
  await server.accounts.changeProfile("tim", { addresses: { feishu: "ou_tim" } });
  const baseUrl = platform.url("");
  const channels: Record<string, ChannelSpec> = {
    feishu: {
      kind: "FEISHU_APP",
      appId: "cli_1",
      appSecret: "s",
      verificationToken: "v",
      encryptKey: "e",
      baseUrl,
    },
    slack: { kind: "SLACK_APP", botToken: "xoxb-1", signingSecret: "sign", baseUrl },
    dingtalk: {
      ...{ kind: "DINGTALK_APP", appKey: "ding1", appSecret: "s", baseUrl },
      ...{ cardTemplateId: "tpl", callbackSecret: "back" },
    },
    hook: { kind: "WEBHOOK", url: platform.url("/hook") },
  };
  for (const [name, spec] of Object.entries(channels)) await server.ok("PUT", `/channels/${name}`, { spec });
});
beforeEach(() => {
  platform.received.length = 0;
});
// What a test is still told of must not come to the next one.
afterEach(async () => {
  const waiting = () => server.store.deliveries.list({ limit: 1, states: ["PENDING"] });
  await eventually(waiting, ({ items }) => items.length === 0);
});
afterAll(async () => {
  await server.close();
  await platform.close();
});

/** What the platforms answer when all is well. */
function play({ path }: Received): [number, unknown] {
  if (path.includes("tenant_access_token")) return [200, { code: 0, tenant_access_token: "t", expire: 7200 }];
  if (path.includes("/im/v1/messages")) return [200, { code: 0, data: { message_id: "om_1" } }];
  if (path.endsWith("accessToken")) return [200, { accessToken: "t", expireIn: 7200 }];
  if (path.includes("/card/instances"))
    return [200, { success: true, result: { deliverResults: [{ success: true }] } }];
  return [200, { ok: true, channel: path.endsWith("conversations.open") ? { id: "D1" } : "D1", ts: "1.2" }];
}

async function waitingTask(audit: AuditSpec): Promise<JobTaskView> {
  return (await server.ok<RunJobResponse>("POST", "/job-tasks", { job: "ship", audit })).task;
}

/** What a platform got by paths that contain `path`, once it got so many. */
async function got(path: string, count = 1): Promise<Record<string, unknown>[]> {
  const requests = await eventually(
    async () => platform.received.filter((request) => request.path.includes(path)),
    (found) => found.length >= count,
  );
  return requests.map(({ body }) => JSON.parse(body));
}

/** The value of a button, wherever in the card it is. */
function buttonValue(card: string, verdict: "PASS" | "DENY"): Record<string, unknown> {
  const values = [...card.matchAll(/\{[^{}]*"verdict":"(PASS|DENY)"\}/g)];
  const found = values.find(([, said]) => said === verdict)?.[0];
  if (!found) throw new Error(`no ${verdict} in ${card}`);
  return JSON.parse(found);
}

async function feishuValue(verdict: "PASS" | "DENY" = "PASS"): Promise<Record<string, unknown>> {
  const [message] = await got("/im/v1/messages");
  return buttonValue(String(message?.content), verdict);
}

/** What the buttons of a message in Slack carry. */
async function slackValues(): Promise<(string | undefined)[]> {
  const [message] = await got("chat.postMessage");
  const blocks = (message?.blocks ?? []) as { elements?: { value?: string }[] }[];
  return blocks.at(-1)?.elements?.map(({ value }) => value) ?? [];
}

function feishuPress(value: unknown, openId = "ou_fay", form?: Record<string, string>) {
  return {
    schema: "2.0",
    header: { event_id: "e", token: "v", event_type: "card.action.trigger", app_id: "cli_1" },
    event: {
      operator: { open_id: openId },
      action: { tag: "button", value, ...(form && { form_value: form }) },
    },
  };
}

async function send(channel: string, { headers, body }: SignedCallback): Promise<[number, unknown]> {
  const response = await fetch(`${server.url}/api/v1/callbacks/${channel}`, {
    method: "POST",
    headers: { "user-agent": "a platform", ...headers },
    body,
  });
  const text = await response.text();
  return [response.status, text === "" ? "" : JSON.parse(text)];
}

async function press(
  value: unknown,
  openId?: string,
  form?: Record<string, string>,
): Promise<[number, unknown]> {
  return send("feishu", await signFeishu("e", feishuPress(value, openId, form), Date.now()));
}

/** Decisions and refusals of the decision record, as who, what and why. */
async function records(filter: { taskId?: string } = {}) {
  const rows = await server.store.records.list({ after: 0, limit: 500, ...filter });
  return rows.filter(({ act }) => act === "DECIDE" || act === "REFUSE");
}

const task = (id: string) => server.ok<JobTaskView>("GET", `/job-tasks/${id}`);
const refused = (body: unknown) => body as { code: string; message: string };
const toast = (body: unknown) => (body as { toast: unknown }).toast;
const source = { via: "FEISHU_APP", address: "127.0.0.1", userAgent: "a platform" };

test("Feishu: a pass decides, is recorded with its card, shows the card as it is, and serves once", async () => {
  const { id, audit } = await waitingTask({ auditors: ["fay", "vera"] });
  const value = await feishuValue();
  const [status, answer] = await press(value);
  expect([status, toast(answer)]).toEqual([200, { type: "success", content: "您已通过 ship。" }]);
  const card = JSON.stringify(answer);
  expect(card).toContain('"schema":"2.0"');
  expect(card).not.toContain('"verdict"');
  expect((await task(id)).audit).toMatchObject({
    stage: "PASS",
    decisions: [{ user: "fay", verdict: "PASS" }],
  });
  expect(await records({ taskId: id })).toMatchObject([
    {
      act: "DECIDE",
      user: "fay",
      verdict: "PASS",
      digest: audit?.digest,
      source: { ...source, link: value.delivery },
    },
  ]);
  // The cards of all who were told are updated besides.
  await got("/im/v1/messages/om_1");
  const [, second] = await press(value);
  expect(toast(second)).toMatchObject({
    type: "error",
    content: expect.stringMatching(/^(此审批|此卡片)/),
  });
  expect(await records({ taskId: id })).toMatchObject([{ act: "DECIDE" }, { act: "REFUSE", user: "fay" }]);
});

test("Feishu: a denial needs its comment", async () => {
  const { id } = await waitingTask({ auditors: ["fay"] });
  const value = await feishuValue("DENY");
  expect(toast((await press(value))[1])).toEqual({ type: "error", content: "拒绝时请填写原因。" });
  expect((await task(id)).audit?.stage).toBe("WAITING");
  expect(toast((await press(value, "ou_fay", { comment: "too early" }))[1])).toMatchObject({
    type: "success",
  });
  expect((await task(id)).audit).toMatchObject({
    stage: "DENY",
    decisions: [{ user: "fay", comment: "too early" }],
  });
});

test("Feishu: after the first of two passes the cards are updated, and the second is given by an updated card", async () => {
  const { id } = await waitingTask({ auditors: ["fay", "finn"], required: 2 });
  await got("/im/v1/messages", 2);
  const [ofFay] = await got("receive_id_type");
  const first = JSON.stringify((await press(buttonValue(String(ofFay?.content), "PASS")))[1]);
  expect(first).toContain("已通过 1/2");
  expect(first).not.toContain('"verdict"');
  const updated = await got("/im/v1/messages/om_1", 2);
  const values = updated.map(({ content }) => buttonValue(String(content), "PASS"));
  expect(new Set(values.map(({ delivery }) => delivery)).size).toBe(2);
  expect(toast((await press(values[1], "ou_finn"))[1])).toEqual({
    type: "success",
    content: "You passed ship.",
  });
  expect((await task(id)).audit).toMatchObject({
    stage: "PASS",
    decisions: [{ user: "fay" }, { user: "finn" }],
  });
});

test("Slack: a pass decides at once, and the card is replaced", async () => {
  const { id } = await waitingTask({ auditors: ["sam"] });
  const [pass] = await slackValues();
  const payload = {
    type: "block_actions",
    user: { id: "USAM" },
    trigger_id: "trigger",
    response_url: platform.url("/respond"),
    actions: [{ action_id: "mflow_pass", value: pass }],
  };
  expect(await send("slack", await signSlack("sign", payload, Date.now()))).toEqual([200, ""]);
  expect((await task(id)).audit).toMatchObject({ stage: "PASS", decisions: [{ user: "sam" }] });
  const [replaced] = await got("/respond");
  expect(replaced).toMatchObject({ replace_original: true });
  expect(JSON.stringify(replaced)).not.toContain("verdict");
  // The update of all cards of the gate comes besides.
  expect(await got("chat.update")).toMatchObject([{ channel: "D1", ts: "1.2" }]);
});

test("Slack: a denial opens a dialog, and what is written there decides", async () => {
  const { id } = await waitingTask({ auditors: ["sam"] });
  const [, deny] = await slackValues();
  const user = { id: "USAM" };
  const action = { action_id: "mflow_deny", value: deny };
  const opening = {
    type: "block_actions",
    user,
    trigger_id: "t",
    response_url: platform.url("/respond"),
    actions: [action],
  };
  expect(await send("slack", await signSlack("sign", opening, Date.now()))).toEqual([200, ""]);
  const [opened] = await got("views.open");
  expect((await task(id)).audit?.stage).toBe("WAITING");
  const { callback_id, private_metadata } = (opened?.view ?? {}) as Record<string, string>;
  const view = (value: string) => ({
    ...{ callback_id, private_metadata },
    state: { values: { comment: { comment: { value } } } },
  });
  const empty = { type: "view_submission", user, view: view("  ") };
  expect(await send("slack", await signSlack("sign", empty, Date.now()))).toEqual([
    200,
    { response_action: "errors", errors: { comment: expect.stringContaining("say why") } },
  ]);
  const submitted = { type: "view_submission", user, view: view("rows are missing") };
  expect(await send("slack", await signSlack("sign", submitted, Date.now()))).toEqual([200, ""]);
  expect((await task(id)).audit).toMatchObject({
    stage: "DENY",
    decisions: [{ user: "sam", comment: "rows are missing" }],
  });
});

test("DingTalk: the card's id alone tells what is decided", async () => {
  const { id, audit } = await waitingTask({ auditors: ["dora"] });
  const [card] = await got("createAndDeliver");
  const payload = {
    type: "actionCallback",
    outTrackId: card?.outTrackId,
    userId: "dora1",
    content: JSON.stringify({ cardPrivateData: { actionIds: ["pass"], params: {} } }),
  };
  const [status, answer] = await send("dingtalk", await signDingtalk("back", payload, Date.now()));
  expect([status, answer]).toMatchObject([
    200,
    {
      cardData: { cardParamMap: { open: "false" } },
      userPrivateData: { cardParamMap: { notice: "You passed ship." } },
    },
  ]);
  expect(await records({ taskId: id })).toMatchObject([
    { user: "dora", digest: audit?.digest, source: { via: "DINGTALK_APP" } },
  ]);
});

test("who is not known, not listed, or may not see the task decides nothing and is told so", async () => {
  const { id } = await waitingTask({ auditors: ["fay"] });
  const value = await feishuValue();
  expect(toast((await press(value, "ou_stranger"))[1])).toEqual({
    type: "error",
    content:
      "mflow does not know who you are (ou_stranger). Ask an admin to run: mflow user address NAME feishu ou_stranger",
  });
  expect(toast((await press(value, "ou_tim"))[1])).toEqual({
    type: "error",
    content: "tim may not see the task.",
  });
  await server.accounts.changeProfile("otto", { addresses: { feishu: "ou_otto" } });
  expect(toast((await press(value, "ou_otto"))[1])).toMatchObject({
    content: expect.stringMatching(/not listed/),
  });
  expect((await records({ taskId: id })).map(({ user, code, rule }) => [user, code, rule])).toMatchObject([
    [undefined, "CALLBACK_REFUSED", "no user has the address ou_stranger in channel `feishu`"],
    ["tim", "FORBIDDEN", "tim may not see the task"],
    ["otto", "NOT_LISTED", {}],
  ]);
  expect((await task(id)).audit).toMatchObject({ stage: "WAITING", decisions: [] });
});

test("a card decides only what it shows: not another content, attempt, channel or message", async () => {
  const { id } = await waitingTask({ auditors: ["fay"] });
  const value = await feishuValue();
  const changes = [
    { digest: "other" },
    { attempt: 2 },
    { gate: "CONFIRM" },
    { task: "task-2" },
    { delivery: "dlv-x" },
  ];
  for (const change of changes) {
    expect(toast((await press({ ...value, ...change }))[1])).toMatchObject({
      type: "error",
      content: "this is no card that mflow sent by channel `feishu`.",
    });
  }
  const actions = [{ value: JSON.stringify(value) }];
  const elsewhere = { type: "block_actions", user: { id: "USAM" }, actions };
  expect(await send("slack", await signSlack("sign", elsewhere, Date.now()))).toEqual([200, ""]);
  expect((await task(id)).audit).toMatchObject({ stage: "WAITING", decisions: [] });
});

test("a gate that is closed meanwhile updates the card of who presses", async () => {
  const { id } = await waitingTask({ auditors: ["fay", "vera"] });
  const value = await feishuValue();
  await server.ok("POST", `/job-tasks/${id}/audit`, { verdict: "DENY", comment: "no" }, { as: "vera" });
  const [, answer] = await press(value);
  expect(toast(answer)).toEqual({ type: "error", content: "此审批已不在等待决定。" });
  expect(answer).toMatchObject({ card: { type: "raw", data: { header: { template: "red" } } } });
});

test("what is forged, old, sent again or for no app channel is refused alike, changes nothing, and is recorded for channels that there are", async () => {
  const { id } = await waitingTask({ auditors: ["fay"], required: 1 });
  const value = await feishuValue();
  const before = (await records()).length;
  const payload = feishuPress(value);
  const old = await signFeishu("e", payload, Date.now() - 600_000);
  const forged = await signFeishu("guessed", payload, Date.now());
  const genuine = await signFeishu("e", feishuPress(value, "ou_stranger"), Date.now());
  expect((await send("feishu", genuine))[0]).toBe(200);
  const attempts: [string, SignedCallback][] = [
    ["feishu", old],
    ["feishu", forged],
    ["feishu", genuine],
    ["feishu", { headers: {}, body: "" }],
    ["feishu", { headers: { "content-type": "text/plain" }, body: "\xff{" }],
    ["hook", genuine],
    ["nowhere", genuine],
  ];
  for (const [channel, callback] of attempts) {
    const [status, body] = await send(channel, callback);
    expect([status, refused(body).code, refused(body).message]).toEqual([
      403,
      "CALLBACK_REFUSED",
      "The callback is refused; the decision record or the log says why.",
    ]);
  }
  expect(
    (await records())
      .slice(before)
      .map(({ code, rule, domain, source }) => [code, rule, domain, source?.via]),
  ).toEqual([
    ["CALLBACK_REFUSED", "no user has the address ou_stranger in channel `feishu`", "default", "FEISHU_APP"],
    [
      "CALLBACK_REFUSED",
      expect.stringMatching(/^the callback is of 60\d s ago; at most 300 s are accepted$/),
      "*",
      "FEISHU_APP",
    ],
    ["CALLBACK_REFUSED", "the signature is wrong", "*", "FEISHU_APP"],
    ["CALLBACK_REFUSED", "the callback was sent before", "*", "FEISHU_APP"],
    ["CALLBACK_REFUSED", "the body is not what the platform documents", "*", "FEISHU_APP"],
    ["CALLBACK_REFUSED", "the body is not what the platform documents", "*", "FEISHU_APP"],
  ]);
  expect((await task(id)).audit).toMatchObject({ stage: "WAITING", decisions: [] });
});

test("the check of the address is answered", async () => {
  const check = { challenge: "abc", token: "v", type: "url_verification" };
  expect(await send("feishu", { headers: {}, body: await encryptFeishu("e", check) })).toEqual([
    200,
    { challenge: "abc" },
  ]);
});

test("strangers cannot fill the record: sixty rows a minute, the rest is counted", async () => {
  const before = (await records()).length;
  for (let index = 0; index < 100; index++) await send("dingtalk", { headers: {}, body: "{}" });
  const rows = (await records()).slice(before);
  expect(rows.map(({ rule }) => rule)).toEqual(
    Array.from({ length: 60 }, () => "the header x-ddpaas-signature-timestamp is missing"),
  );
});
