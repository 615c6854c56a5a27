// Channels and deliveries over real HTTP: set up, tested, sent, given up, sent again, paused.

import type { RunJobResponse } from "@mflow/core/schema/api";
import type { Channel } from "@mflow/core/schema/channel";
import type { ChannelTest, Delivery, DeliveryTarget } from "@mflow/core/schema/delivery";
import { afterAll, beforeAll, expect, test } from "vitest";
import { Receiver } from "../../listeners/testing/receiver.ts";
import { job } from "../testing/manifests.ts";
import { eventually, startTestServer, type TestServer } from "../testing/test-server.ts";

let server: TestServer;
let receiver: Receiver;
beforeAll(async () => {
  server = await startTestServer();
  receiver = await Receiver.open();
  await server.ok("POST", "/apply", { documents: [job("ship", {}, { publish: true })] });
});
afterAll(async () => {
  await receiver.close();
  await server.close();
});

const hook = (path: string) => ({ kind: "WEBHOOK", url: receiver.url(path), secret: "a secret of mine" });

async function runWith(channel: string, events = ["SUCCEEDED"]): Promise<string> {
  const request = { job: "ship", webhooks: [{ channel, events }] };
  return (await server.ok<RunJobResponse>("POST", "/job-tasks", request)).task.id;
}

const deliveriesOf = async (taskId: string) =>
  (await server.ok<{ items: Delivery[] }>("GET", `/deliveries?taskId=${taskId}`)).items;

/** The one delivery of a task, once it is in the state. */
async function delivered(taskId: string, state: string): Promise<Delivery> {
  const [delivery] = await eventually(
    () => deliveriesOf(taskId),
    (items) => items.length === 1 && items[0]?.state === state,
  );
  return delivery as Delivery;
}

const targetNamed = async (name: string) =>
  (await server.ok<{ items: DeliveryTarget[] }>("GET", "/delivery-targets")).items.find(
    ({ target }) => target === name,
  );

test("a channel is made once, shown without its secrets, changed on a known revision, and deleted", async () => {
  const made = await server.call<Channel>(
    "PUT",
    "/channels/first",
    { spec: hook("/first") },
    { headers: { "if-match": "0" } },
  );
  expect([made.status, made.headers.get("etag"), made.body]).toEqual([
    201,
    '"1"',
    {
      name: "first",
      spec: { ...hook("/first"), secret: "***" },
      createdBy: "ada",
      createdAt: expect.any(String),
      updatedAt: expect.any(String),
      revision: 1,
    },
  ]);
  expect(
    await server.refusal("PUT", "/channels/first", { spec: hook("/x") }, { headers: { "if-match": "0" } }),
  ).toEqual([409, "NAME_TAKEN"]);
  const changed = { ...hook("/first"), secret: "***", headers: { "X-Team": "web" } };
  const put = await server.ok<Channel>(
    "PUT",
    "/channels/first",
    { spec: changed },
    { headers: { "if-match": '"1"' } },
  );
  expect(put.spec).toEqual({ ...changed, headers: { "X-Team": "***" } });
  expect(
    await server.refusal("PUT", "/channels/first", { spec: changed }, { headers: { "if-match": '"1"' } }),
  ).toEqual([412, "STALE_REVISION"]);
  const { items } = await server.ok<{ items: Channel[] }>("GET", "/channels");
  expect(items.map(({ name }) => name)).toEqual(["first"]);
  expect((await server.call("DELETE", "/channels/first")).status).toBe(204);
  expect(await server.refusal("GET", "/channels/first")).toEqual([404, "NOT_FOUND"]);
});

test("a stored secret is not sent to an address that somebody else gave", async () => {
  await server.ok("PUT", "/channels/kept", { spec: hook("/kept") });
  const elsewhere = { ...hook("/elsewhere"), secret: "***" };
  const { status, body } = await server.call("PUT", "/channels/kept", { spec: elsewhere });
  expect([status, body.code, body.details]).toEqual([
    400,
    "INVALID_DOCUMENT",
    [{ path: "/spec/secret", message: expect.stringContaining("goes to another address now") }],
  ]);
});

test("only admins set channels up, and bad ones are refused with the place and the remedy", async () => {
  const spec = hook("/x");
  for (const as of ["otto", "vera"]) {
    expect(await server.refusal("PUT", "/channels/x", { spec }, { as })).toEqual([403, "FORBIDDEN"]);
    expect(await server.refusal("POST", "/channels/kept/test", {}, { as })).toEqual([403, "FORBIDDEN"]);
    expect(await server.refusal("DELETE", "/channels/kept", undefined, { as })).toEqual([403, "FORBIDDEN"]);
  }
  expect(await server.refusal("GET", "/channels", undefined, { as: "tim" })).toEqual([403, "FORBIDDEN"]);
  expect(await server.refusal("PUT", "/channels/No%20Name", { spec })).toEqual([400, "BAD_REQUEST"]);
  expect(await server.refusal("PUT", "/channels/x", { spec: { kind: "FAX" } })).toEqual([
    400,
    "INVALID_DOCUMENT",
  ]);
  const { body } = await server.call("PUT", "/channels/x", { spec: { ...spec, url: "ftp://x" } });
  expect(body.details).toEqual([
    { path: "/spec/url", message: expect.stringContaining("http and https alone") },
  ]);
});

test("a test message goes out at once and says how it went", async () => {
  await server.ok("PUT", "/channels/tried", { spec: hook("/tried") });
  receiver.behaviour = () => [200, { thanks: true }];
  const good = await server.ok<ChannelTest>("POST", "/channels/tried/test");
  expect(good).toEqual({
    delivered: true,
    at: expect.any(String),
    durationMs: expect.any(Number),
    requestDigest: expect.stringMatching(/^[0-9a-f]{64}$/),
    status: 200,
    response: '{"thanks":true}',
  });
  receiver.behaviour = () => [403, "no entry"];
  const bad = await server.ok<ChannelTest>("POST", "/channels/tried/test");
  expect([bad.delivered, bad.status, bad.response]).toEqual([false, 403, "no entry"]);
  expect(bad.error).toContain("403");
  await server.ok("PUT", "/channels/post", {
    spec: { kind: "MAIL", host: "127.0.0.1", from: "m@example.com" },
  });
  const { status, body } = await server.call("POST", "/channels/post/test", {});
  expect([status, body.message]).toEqual([
    400,
    "ada has no address in channel `post`; set one with `mflow user address ada post ADDRESS`.",
  ]);
});

test("a dead delivery shows every attempt, and is sent again with the same message id", async () => {
  await server.ok("PUT", "/channels/dead", { spec: hook("/dead") });
  receiver.behaviour = () => [400, "not today, a secret of mine"];
  const task = await runWith("dead");
  const dead = await delivered(task, "DEAD");
  const whole = await server.ok<Delivery>("GET", `/deliveries/${dead.id}`);
  expect(whole).toMatchObject({
    event: "SUCCEEDED",
    kind: "WEBHOOK",
    target: "channel:dead",
    tries: 1,
    taskId: task,
  });
  expect(whole.attempts).toEqual([
    {
      number: 1,
      at: expect.any(String),
      durationMs: expect.any(Number),
      requestDigest: expect.any(String),
      status: 400,
      response: "not today, ***",
      error: expect.stringContaining("400"),
    },
  ]);
  expect(await server.refusal("POST", `/deliveries/${dead.id}/resend`, undefined, { as: "vera" })).toEqual([
    403,
    "FORBIDDEN",
  ]);
  receiver.behaviour = () => 204;
  expect(await server.ok("POST", `/deliveries/${dead.id}/resend`)).toEqual({ resent: 1 });
  await delivered(task, "DELIVERED");
  const ids = receiver.received
    .filter(({ path }) => path === "/dead")
    .map(({ headers }) => headers["webhook-id"]);
  expect(ids).toEqual([whole.messageId, whole.messageId]);
  expect(await server.refusal("POST", `/deliveries/${dead.id}/resend`)).toEqual([409, "CONFLICT"]);
  expect(await server.refusal("POST", "/deliveries/dlv-none/resend")).toEqual([404, "NOT_FOUND"]);
});

test("a paused target keeps what comes, in order, and sends it when it is resumed", async () => {
  await server.ok("PUT", "/channels/slow", { spec: hook("/slow") });
  receiver.behaviour = () => [400, "no"];
  const first = await runWith("slow");
  await delivered(first, "DEAD");
  receiver.behaviour = () => 204;
  const pause = (paused: boolean, as = "otto") =>
    server.call<DeliveryTarget>(
      "POST",
      "/delivery-targets/pause",
      { target: "channel:slow", paused },
      { as },
    );
  expect((await pause(true, "vera")).status).toBe(403);
  expect((await pause(true)).body).toEqual({
    target: "channel:slow",
    kind: "WEBHOOK",
    pending: 0,
    dead: 1,
    pausedAt: expect.any(String),
    pausedBy: "otto",
  });
  const second = await runWith("slow");
  await delivered(second, "PENDING");
  expect(await server.ok("POST", "/deliveries/resend", { target: "channel:slow" })).toEqual({ resent: 1 });
  expect(await targetNamed("channel:slow")).toMatchObject({ pending: 2, dead: 0 });
  expect((await pause(false)).body).toEqual({ target: "channel:slow", kind: "WEBHOOK", pending: 2, dead: 0 });
  await delivered(first, "DELIVERED");
  await delivered(second, "DELIVERED");
  expect(await targetNamed("channel:slow")).toBeUndefined();
});

test("a target may be paused before anything was sent to it, by its channel or as deliveries would name it", async () => {
  await server.ok("PUT", "/channels/quiet", { spec: hook("/quiet") });
  for (const [target, kind] of [
    ["channel:quiet", "WEBHOOK"],
    ["SLACK hooks.slack.com#0a1b2c3d", "SLACK"],
  ] as const) {
    const pause = (paused: boolean) =>
      server.ok<DeliveryTarget>("POST", "/delivery-targets/pause", { target, paused });
    expect(await pause(true)).toEqual({
      ...{ target, kind, pending: 0, dead: 0 },
      ...{ pausedAt: expect.any(String), pausedBy: "ada" },
    });
    expect((await targetNamed(target))?.pausedBy).toBe("ada");
    expect(await pause(false)).toEqual({ target, kind, pending: 0, dead: 0 });
    expect(await targetNamed(target)).toBeUndefined();
  }
});

test("a target that cannot be is not found, and those that are there are named", async () => {
  for (const target of ["channel:slwo", "SLCK hooks.slack.com#0a1b2c3d", "WEBHOOK example.com"]) {
    const refused = await server.call("POST", "/delivery-targets/pause", { target, paused: true });
    expect([refused.status, refused.body.message]).toEqual([404, expect.stringContaining("`channel:slow`")]);
  }
});

test("a lone task's id is free again when all messages of the deleted one are sent", async () => {
  await server.ok("PUT", "/channels/again", { spec: hook("/again") });
  await server.ok("POST", "/delivery-targets/pause", { target: "channel:again", paused: true });
  const id = await runWith("again");
  await delivered(id, "PENDING");
  expect((await server.call("DELETE", `/job-tasks/${id}`)).status).toBe(204);
  const request = { job: "ship", id };
  const { status, body } = await server.call("POST", "/job-tasks", request);
  expect([status, body.code, body.message]).toEqual([
    409,
    "CONFLICT",
    expect.stringContaining(`${id} was deleted, and its messages are not all sent yet`),
  ]);
  receiver.behaviour = () => 204;
  await server.ok("POST", "/delivery-targets/pause", { target: "channel:again", paused: false });
  await eventually(
    () => deliveriesOf(id),
    (items) => items.length === 0,
  );
  expect((await server.ok<RunJobResponse>("POST", "/job-tasks", request)).task.id).toBe(id);
});

test("deliveries are listed by state, target and run, within what the caller may see", async () => {
  const list = (query: string, as = "vera") =>
    server.ok<{ items: Delivery[]; nextCursor?: string }>("GET", `/deliveries?${query}`, undefined, { as });
  const all = await list("limit=500");
  const page = await list("limit=1");
  const next = await list(`limit=1&cursor=${page.nextCursor}`);
  expect([...page.items, ...next.items].map(({ id }) => id)).toEqual(
    all.items.slice(0, 2).map(({ id }) => id),
  );
  expect(
    new Set((await list("target=channel:slow&state=DELIVERED")).items.map(({ target }) => target)),
  ).toEqual(new Set(["channel:slow"]));
  expect((await list("state=DEAD")).items).toEqual([]);
  expect((await list("", "tim")).items).toEqual([]);
});
