// A webhook from end to end: a run's listener gets what happens to it, signed and in order, over real HTTP.

import { createHash, randomBytes } from "node:crypto";
import type { Message } from "@mflow/core/schema/message";
import { Webhook } from "standardwebhooks";
import { afterEach, beforeEach, expect, test } from "vitest";
import { eventually, startTestServer, type TestServer } from "../http/testing/test-server.ts";
import { SendError } from "./channel.ts";
import { createHttpSender } from "./http-sender.ts";
import { type Received, Receiver } from "./testing/receiver.ts";
import { createWebhookChannel, type WebhookSettings } from "./webhook.ts";

let receiver: Receiver;
let server: TestServer | undefined;
const http = createHttpSender({ allowed: ["127.0.0.1"], userAgent: "mflow/test" });

beforeEach(async () => {
  receiver = await Receiver.open();
});
afterEach(async () => {
  await server?.close();
  server = undefined;
  await http.close();
  await receiver.close();
});

const message: Message = {
  version: 1,
  id: "msg-0123456789abcdefghijklmnop",
  type: "FAILED",
  at: "2026-01-31T12:00:00.000Z",
  domain: "default",
  namespace: "default",
  startedBy: "ada",
};

function send(settings: Partial<WebhookSettings>, now = Date.now()) {
  return createWebhookChannel(http).send({
    messageId: message.id,
    deliveryId: "dlv-0123456789abcdefghijklmnop",
    message,
    content: { language: "en", tone: "BAD", title: "", facts: [], links: [] },
    settings: { kind: "WEBHOOK", url: receiver.url(), ...settings },
    signal: AbortSignal.timeout(5_000),
    now,
  });
}

/** How sending is refused. */
async function refusal(settings: Partial<WebhookSettings> = {}): Promise<SendError> {
  const error: unknown = await send(settings).then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (error instanceof SendError) return error;
  throw new Error(`it was not refused: ${error}`);
}

function verify(secret: string, { body, headers }: Received, options?: { format: "raw" }): unknown {
  return new Webhook(secret, options).verify(body, headers as Record<string, string>);
}

test("the body is the message, and the answer is kept with a digest of what was sent", async () => {
  receiver.behaviour = () => [202, { ok: true }];
  const sent = await send({ headers: { "X-Team": "web" } });
  const [got] = await receiver.has(1);
  expect(got && JSON.parse(got.body)).toEqual(message);
  expect(got?.headers).toMatchObject({
    "content-type": "application/json",
    "user-agent": "mflow/test",
    "webhook-id": message.id,
    "x-team": "web",
  });
  expect(got?.headers["webhook-signature"]).toBeUndefined();
  const requestDigest = createHash("sha256")
    .update(got?.body ?? "")
    .digest("hex");
  expect(sent).toEqual({ requestDigest, status: 202, response: '{"ok":true}' });
});

test("while a secret is replaced both sign, whatever form they have", async () => {
  const secret = `whsec_${randomBytes(24).toString("base64")}`;
  const previousSecret = "an old secret, as text";
  await send({ secret, previousSecret });
  const [got] = await receiver.has(1);
  if (!got) throw new Error("nothing came");
  expect(verify(secret, got)).toEqual(message);
  expect(verify(previousSecret, got, { format: "raw" })).toEqual(message);
  expect(() => verify("another", got, { format: "raw" })).toThrow();
  const [signature] = String(got.headers["webhook-signature"]).split(" ");
  const alone = { ...got, headers: { ...got.headers, "webhook-signature": signature } };
  expect(() => verify(previousSecret, alone, { format: "raw" })).toThrow();
});

test("a secret that only looks like base64 is used as it is", async () => {
  for (const secret of ["whsec_not/base64!", "whsec_abc"]) {
    await send({ secret });
    const got = (await receiver.has(1)).pop();
    expect(got && verify(secret, got, { format: "raw" })).toEqual(message);
  }
});

test("own headers add to those of the message and replace none", async () => {
  const headers = {
    Authorization: "Bearer abc",
    "Webhook-Id": "forged",
    "WEBHOOK-SIGNATURE": "v1,forged",
    "Content-Type": "text/plain",
    "content-length": "1",
    Host: "elsewhere",
    "Transfer-Encoding": "chunked",
  };
  await send({ headers });
  const [got] = await receiver.has(1);
  expect(got?.headers).toMatchObject({
    authorization: "Bearer abc",
    "webhook-id": message.id,
    "content-type": "application/json",
    host: `127.0.0.1:${receiver.port}`,
  });
  expect(got?.headers["webhook-signature"]).toBeUndefined();
});

test("2xx is delivered; 408 and 5xx are tried again, 429 waits, everything else is dead at once", async () => {
  const outcomes: Record<number, string> = {};
  for (const status of [200, 204, 299, 400, 401, 404, 408, 410, 422, 429, 500, 502, 503, 504]) {
    receiver.behaviour = () => status;
    outcomes[status] = await send({}).then(
      () => "DELIVERED",
      (error: SendError) => error.kind,
    );
  }
  expect(outcomes).toEqual({
    ...{ 200: "DELIVERED", 204: "DELIVERED", 299: "DELIVERED" },
    ...{ 400: "DEAD", 401: "DEAD", 404: "DEAD", 408: "RETRY", 410: "DEAD", 422: "DEAD", 429: "LIMITED" },
    ...{ 500: "RETRY", 502: "RETRY", 503: "RETRY", 504: "RETRY" },
  });
});

test("Retry-After is heeded, in seconds and as a date", async () => {
  receiver.behaviour = (_got, response) => {
    response.writeHead(429, { "retry-after": "7" }).end();
    return undefined;
  };
  expect((await refusal()).retryAfterMs).toBe(7_000);
  const date = new Date(Date.now() + 20_000).toUTCString();
  receiver.behaviour = (_got, response) => {
    response.writeHead(503, { "retry-after": date }).end();
    return undefined;
  };
  const before = Date.now();
  const { kind, retryAfterMs = 0 } = await refusal();
  expect(kind).toBe("RETRY");
  expect(retryAfterMs).toBeGreaterThanOrEqual(Date.parse(date) - Date.now());
  expect(retryAfterMs).toBeLessThanOrEqual(Date.parse(date) - before);
});

test("a run tells its webhook each of its stages, in order", async () => {
  server = await startTestServer();
  const secret = "a signing secret";
  const job = { kind: "Job", metadata: { name: "noop" }, spec: { runnerType: "FAKE", runnerSpec: {} } };
  const spec = {
    stages: [{ name: "only", tasks: [{ name: "one", job: "noop" }] }],
    webhooks: [{ url: receiver.url("/run"), secret }],
  };
  const { run } = await server.ok<{ run: { id: string } }>("POST", "/pipeline-tasks", {
    spec,
    documents: [job],
  });
  const received = await receiver.has(2);
  expect(received.map((got) => (verify(secret, got, { format: "raw" }) as Message).type)).toEqual([
    "ACTIVE",
    "SUCCEEDED",
  ]);
  const last = JSON.parse(received[1]?.body ?? "{}") as Message;
  expect(last).toMatchObject({
    run: { id: run.id, stage: "SUCCEEDED" },
    link: `http://127.0.0.1/runs/${run.id}`,
  });
  const { store } = server;
  const page = await eventually(
    () => store.deliveries.list({ limit: 10 }),
    ({ items }) => items.every(({ state }) => state === "DELIVERED"),
  );
  expect(page.items.map(({ event, tries, target }) => ({ event, tries, target }))).toEqual([
    { event: "SUCCEEDED", tries: 1, target: expect.stringMatching(/^WEBHOOK 127\.0\.0\.1:\d+#[0-9a-f]{8}$/) },
    { event: "ACTIVE", tries: 1, target: expect.stringMatching(/^WEBHOOK 127\.0\.0\.1:\d+#[0-9a-f]{8}$/) },
  ]);
});
