// Stored channels: secrets sealed at rest, masked in answers, restored when `***` comes back, opened to send.

import { randomBytes } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CHANNEL_KINDS, type ChannelSpec } from "@mflow/core/schema/channel";
import { afterEach, beforeEach, expect, test } from "vitest";
import { createKeys, type Keys } from "../auth/keys.ts";
import { openSqliteStore } from "../store/sqlite/sqlite.ts";
import type { Store } from "../store/store.ts";
import { secretsOf } from "./channel-secrets.ts";
import { ChannelKinds, Channels, UPDATING_KINDS } from "./channels.ts";
import { createHttpSender } from "./http-sender.ts";

let folder: string;
let store: Store;
let keys: Keys;
let channels: Channels;

async function open(): Promise<Channels> {
  const opened = new Channels({ store: store.channels, vault: keys, now: () => "2026-01-31T12:00:00.000Z" });
  await opened.load();
  return opened;
}

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "mflow-channels-"));
  store = await openSqliteStore(join(folder, "mflow.db"));
  keys = createKeys({ current: randomBytes(32) });
  channels = await open();
});
afterEach(async () => {
  await store.close();
  await rm(folder, { recursive: true, force: true });
});

const hook: ChannelSpec = {
  kind: "WEBHOOK",
  url: "https://a.example/hook",
  secret: "the secret",
  headers: { Authorization: "Bearer abc" },
};
const robot: ChannelSpec = { kind: "FEISHU", url: "https://open.feishu.cn/hook/token", secret: "sign" };

test("secrets are sealed in the store, masked in answers, and opened to send, in the next life too", async () => {
  const made = await channels.put("hook", hook, "ada");
  expect(made).toEqual({
    name: "hook",
    spec: { ...hook, secret: "***", headers: { Authorization: "***" } },
    createdBy: "ada",
    createdAt: "2026-01-31T12:00:00.000Z",
    updatedAt: "2026-01-31T12:00:00.000Z",
    revision: 1,
  });
  await channels.put("robot", robot, "ada");
  const stored = JSON.stringify(await store.channels.list());
  for (const secret of ["the secret", "Bearer abc", "token", "sign"]) expect(stored).not.toContain(secret);
  const next = await open();
  expect(next.list().map(({ spec }) => spec)).toEqual([
    { ...hook, secret: "***", headers: { Authorization: "***" } },
    { kind: "FEISHU", url: "***", secret: "***" },
  ]);
  expect([next.open("hook"), next.open("robot"), next.open("none")]).toEqual([hook, robot, undefined]);
  expect([...next.kinds()]).toEqual([
    ["hook", "WEBHOOK"],
    ["robot", "FEISHU"],
  ]);
});

test("what was shown can be sent back with a change: a mask stands for the stored secret", async () => {
  const { spec } = await channels.put("robot", robot, "ada");
  const changed = await channels.put("robot", { ...spec, language: "zh" } as ChannelSpec, "otto");
  expect([changed.revision, changed.createdBy]).toEqual([2, "ada"]);
  expect(channels.open("robot")).toEqual({ ...robot, language: "zh" });
});

test("secrets do not go along to another address, and a mask without a secret is refused", async () => {
  const { spec } = await channels.put("hook", hook, "ada");
  await expect(
    channels.put("hook", { ...spec, url: "https://evil.example/" } as ChannelSpec, "otto"),
  ).rejects.toMatchObject({
    code: "INVALID_DOCUMENT",
    details: [
      { path: "/spec/secret", message: expect.stringContaining("another address") },
      { path: "/spec/headers/Authorization", message: expect.stringContaining("another address") },
    ],
  });
  await expect(channels.put("new", { ...hook, secret: "***" }, "ada")).rejects.toMatchObject({
    code: "INVALID_DOCUMENT",
    details: [{ path: "/spec/secret", message: expect.stringContaining("there is none") }],
  });
  expect(channels.open("hook")).toEqual(hook);
});

test("a sealed text and a URL of another kind are refused", async () => {
  const sealed = keys.seal("stolen");
  await expect(channels.put("hook", { ...hook, secret: sealed }, "ada")).rejects.toMatchObject({
    details: [{ path: "/spec/secret" }],
  });
  await expect(channels.put("hook", { ...hook, url: "ftp://a.example" }, "ada")).rejects.toMatchObject({
    details: [{ path: "/spec/url" }],
  });
  expect(channels.list()).toEqual([]);
});

test("settings that no request can be made with are refused as in a listener", async () => {
  const problems = (spec: ChannelSpec) =>
    channels.put("hook", spec, "ada").then(
      () => [],
      ({ details }) => details.map(({ path }: { path: string }) => path),
    );
  expect(await problems({ ...hook, url: "https://me:secret@a.example/hook" })).toEqual(["/spec/url"]);
  expect(await problems({ ...hook, url: "***" })).toEqual(["/spec/url"]);
  expect(await problems({ ...robot, url: "https://me:secret@open.feishu.cn/x" })).toEqual(["/spec/url"]);
  expect(
    await problems({
      kind: "SLACK_APP",
      botToken: "1",
      signingSecret: "2",
      baseUrl: "https://me:pw@slack.com",
    }),
  ).toEqual(["/spec/baseUrl"]);
  expect(await problems({ ...hook, headers: { "X-A": "a\r\nX-B: b", Host: "b.example" } })).toEqual([
    "/spec/headers/X-A",
    "/spec/headers/Host",
  ]);
  expect(channels.list()).toEqual([]);
  expect(await problems({ ...hook, url: "http://10.0.0.7/hook" })).toEqual([]);
});

test("a channel is made once, changed on what was seen, and gone when it is removed", async () => {
  await channels.put("hook", hook, "ada", 0);
  await expect(channels.put("hook", hook, "ada", 0)).rejects.toMatchObject({ code: "NAME_TAKEN" });
  await expect(channels.put("hook", hook, "ada", 7)).rejects.toMatchObject({ code: "STALE_REVISION" });
  await channels.remove("hook");
  expect(channels.kindOf("hook")).toBeUndefined();
  await expect(channels.remove("hook")).rejects.toMatchObject({ code: "NOT_FOUND" });
  expect(() => channels.get("hook")).toThrow("there is no channel `hook`; there is none yet");
});

test("every kind has its code, which says of itself what the table says of it", async () => {
  const http = createHttpSender({ allowed: [], userAgent: "mflow/test" });
  const kinds = new ChannelKinds(http);
  const loaded = await Promise.all(CHANNEL_KINDS.map((kind) => kinds.get(kind)));
  expect(loaded.map(({ kind }) => kind)).toEqual(CHANNEL_KINDS);
  expect(loaded.map(({ updates }) => updates)).toEqual(CHANNEL_KINDS.map((kind) => UPDATING_KINDS.has(kind)));
  expect(await kinds.get("WEBHOOK")).toBe(loaded[0]);
  await kinds.close();
});

test("every setting that holds a secret is known as one", () => {
  const specs: ChannelSpec[] = [
    { kind: "FEISHU_APP", appId: "a", appSecret: "1", verificationToken: "2", encryptKey: "3" },
    { kind: "DINGTALK_APP", appKey: "a", appSecret: "1" },
    { kind: "SLACK_APP", botToken: "1", signingSecret: "2" },
    { kind: "MAIL", host: "h", from: "f", password: "1" },
    { kind: "SLACK", url: "1" },
    { ...hook, previousSecret: "2" },
  ];
  expect(specs.map(secretsOf)).toEqual([
    ["1", "2", "3"],
    ["1"],
    ["1", "2"],
    ["1"],
    ["1"],
    ["the secret", "2", "Bearer abc"],
  ]);
});
