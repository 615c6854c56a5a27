// From a row to what is sent: settings, language, buttons, and why something never can be sent.

import { randomBytes } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Language } from "@mflow/core/schema/listener";
import type { Message } from "@mflow/core/schema/message";
import type { RunDefinition } from "@mflow/core/schema/pipeline-task";
import { afterEach, beforeEach, expect, test } from "vitest";
import { createKeys, type Keys } from "../auth/keys.ts";
import { openFileLogStore } from "../logs/file-log-store.ts";
import type { LogStore } from "../logs/log-store.ts";
import { openSqliteStore } from "../store/sqlite/sqlite.ts";
import type { DueDelivery, Store } from "../store/store.ts";
import { aDefinition } from "../store/testing/records.ts";
import { ChannelKinds, Channels } from "./channels.ts";
import { createDecisionLinks } from "./decision-links.ts";
import { createHttpSender } from "./http-sender.ts";
import { type Prepared, type PrepareParts, prepare } from "./prepare.ts";

const NOW = Date.parse("2026-01-31T12:00:00.000Z");
const TASK = "task-00000000000000000000000001";

let folder: string;
let store: Store;
let logs: LogStore;
let keys: Keys;
let channels: Channels;
let languages: Record<string, Language>;
let addresses: Record<string, Record<string, string>>;
let receipts: Record<string, string>[];
let definition: RunDefinition | undefined;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "mflow-prepare-"));
  store = await openSqliteStore(join(folder, "mflow.db"));
  logs = await openFileLogStore(join(folder, "logs"));
  keys = createKeys({ current: randomBytes(32) });
  channels = new Channels({ store: store.channels, vault: keys, now: () => new Date(NOW).toISOString() });
  await channels.load();
  await channels.put("mail", { kind: "MAIL", host: "h", from: "mflow@example.com" }, "ada");
  languages = {};
  addresses = { ana: { mail: "ana@example.com" } };
  receipts = [];
  definition = {
    ...aDefinition(),
    pipeline: {
      stages: [
        {
          name: "main",
          tasks: [
            {
              name: "build",
              job: "build",
              webhooks: [
                {
                  url: keys.seal("https://a.example/hook"),
                  secret: keys.seal("one"),
                  previousSecret: keys.seal("two"),
                  headers: { "X-Key": keys.seal("three") },
                },
              ],
            },
          ],
        },
      ],
      imRobots: [
        {
          url: keys.seal("https://hooks.slack.com/services/abc"),
          kind: "SLACK",
          template: { title: "{{type}}!" },
        },
      ],
    },
  };
});
afterEach(async () => {
  await logs.close();
  await store.close();
  await rm(folder, { recursive: true, force: true });
});

const message: Message = {
  version: 1,
  id: "msg-00000000000000000000000001",
  type: "AUDIT_WAITING",
  at: "2026-01-31T11:59:00.000Z",
  domain: "default",
  namespace: "default",
  startedBy: "ben",
  run: { id: "run-1", name: "release", stage: "ACTIVE", triggerMode: "MANUAL" },
  task: {
    id: TASK,
    stageNumber: 1,
    taskNumber: 1,
    name: "build",
    job: { name: "build", version: "v1" },
    attempt: 2,
    stage: "PENDING",
    params: [],
  },
  gate: {
    kind: "AUDIT",
    stage: "WAITING",
    people: ["ana"],
    required: 1,
    passes: 0,
    digest: "d".repeat(64),
    expiresAt: "2026-01-31T13:00:00.000Z",
    decisions: [],
  },
};

function due(overrides: Partial<DueDelivery>): DueDelivery {
  return {
    ...{ id: "dlv-1", kind: "MAIL", target: "channel:mail", lane: "lane", listener: "gate", action: "SEND" },
    ...{ state: "PENDING", aggregateId: "run-1", tries: 0, createdAt: NOW, since: NOW, message },
    ...overrides,
  };
}

const toAna = { channel: "mail", user: "ana" };
const toRobot = {
  kind: "SLACK" as const,
  target: "SLACK hooks.slack.com#0",
  listener: "pipeline/imRobots/0",
};

function preparing(delivery: DueDelivery) {
  const links = createDecisionLinks(keys, () => "https://mflow.example");
  const http = createHttpSender({ allowed: [], userAgent: "mflow/test" });
  const parts: PrepareParts = {
    definitionOf: async () => definition,
    deliveries: { receipts: async () => receipts },
    ...{ channels, logs, links, kinds: new ChannelKinds(http) },
    open: (text) => (keys.isSealed(text) ? keys.unseal(text) : text),
    addressesOf: (user) => addresses[user] ?? {},
    languageOf: (user) => languages[user],
    language: "en",
    publicUrl: () => "https://mflow.example",
  };
  return { links, prepared: prepare(delivery, parts, NOW) };
}

async function prepared(overrides: Partial<DueDelivery>): Promise<Prepared> {
  const result = await preparing(due(overrides)).prepared;
  if (!("outgoing" in result)) throw new Error(JSON.stringify(result));
  return result;
}

/** What the buttons of a message are about. */
async function linksIn(overrides: Partial<DueDelivery>) {
  const { links, prepared: result } = preparing(due(overrides));
  const { outgoing } = (await result) as Prepared;
  return outgoing.content.buttons?.map(({ verdict, url }) => {
    const token = new URL(url).pathname.split("/").at(-1) ?? "";
    return [verdict, links.open(token, NOW)];
  });
}

const link = {
  deliveryId: "dlv-1",
  taskId: TASK,
  attempt: 2,
  gate: "audit",
  digest: "d".repeat(64),
  expiresAt: Date.parse("2026-01-31T13:00:00.000Z"),
};

test("a webhook gets the message with its link, and its settings opened", async () => {
  const { channel, outgoing, secrets } = await prepared({
    kind: "WEBHOOK",
    target: "WEBHOOK a.example#0",
    listener: "task/webhooks/0",
  });
  expect(channel.kind).toBe("WEBHOOK");
  expect(outgoing).toMatchObject({
    messageId: message.id,
    deliveryId: "dlv-1",
    message: { ...message, link: `https://mflow.example/runs/run-1/tasks/${TASK}` },
    settings: {
      kind: "WEBHOOK",
      url: "https://a.example/hook",
      secret: "one",
      previousSecret: "two",
      headers: { "X-Key": "three" },
    },
  });
  expect(secrets).toEqual(expect.arrayContaining(["one", "two", "three", "https://a.example/hook"]));
});

test("who decides gets buttons of their own, a group ones that name nobody, and who only hears of it none", async () => {
  expect(await linksIn(toAna)).toEqual([
    ["PASS", { link: { ...link, user: "ana" } }],
    ["DENY", { link: { ...link, user: "ana" } }],
  ]);
  expect(await linksIn(toRobot)).toEqual([
    ["PASS", { link }],
    ["DENY", { link }],
  ]);
  expect(await linksIn({ ...toAna, listener: "pipeline/mentionUsers/0" })).toBeUndefined();
});

test("a button serves as long as its gate can wait, an escalation included", async () => {
  const gate = message.gate as NonNullable<Message["gate"]>;
  const endsAt = "2026-01-31T14:00:00.000Z";
  const escalates = { ...message, gate: { ...gate, endsAt } };
  const later = { link: { ...link, user: "ana", expiresAt: Date.parse(endsAt) } };
  expect(await linksIn({ ...toAna, message: escalates })).toEqual([
    ["PASS", later],
    ["DENY", later],
  ]);
});

test("a gate that is decided, or whose time is over, has no buttons", async () => {
  const gate = message.gate as NonNullable<Message["gate"]>;
  const closed = { ...message, type: "AUDIT_PASS" as const, gate: { ...gate, stage: "PASS" as const } };
  expect(await linksIn({ ...toAna, message: closed })).toBeUndefined();
  const late = { ...message, gate: { ...gate, expiresAt: new Date(NOW).toISOString() } };
  expect(await linksIn({ ...toAna, message: late })).toBeUndefined();
});

test("the tokens of buttons are taken out of what is recorded", async () => {
  const { outgoing, secrets } = await prepared(toAna);
  for (const { url } of outgoing.content.buttons ?? []) {
    expect(secrets).toContain(url);
    expect(secrets).toContain(new URL(url).pathname.split("/").at(-1));
  }
});

test("the language is that of the listener, else of the channel, else of the user, else of the server", async () => {
  const languageOf = async (overrides: Partial<DueDelivery>) =>
    (await prepared(overrides)).outgoing.content.language;
  expect(await languageOf(toAna)).toBe("en");
  languages = { ana: "zh" };
  expect(await languageOf(toAna)).toBe("zh");
  await channels.put("mail", { kind: "MAIL", host: "h", from: "mflow@example.com", language: "en" }, "ada");
  expect(await languageOf(toAna)).toBe("en");
  if (definition?.pipeline) definition.pipeline.mentionUsers = [{ users: ["ana"], language: "zh" }];
  expect(await languageOf({ ...toAna, listener: "pipeline/mentionUsers/0" })).toBe("zh");
});

test("a listener's template stands in its message", async () => {
  expect((await prepared(toRobot)).outgoing.content.title).toBe("AUDIT_WAITING!");
});

test("a failure shows the lines of the log that say why", async () => {
  const ref = { taskId: TASK, attempt: 2 };
  const base = { time: NOW, stream: "stderr" as const, step: "main" };
  await logs.append(ref, [{ line: 1, ...base, text: "error: no such file" }]);
  const task = { ...(message.task as NonNullable<Message["task"]>), stage: "FAILED" as const };
  const { gate: _gate, ...rest } = message;
  const { outgoing } = await prepared({ ...toRobot, message: { ...rest, type: "FAILED", task } });
  expect(outgoing.content.log?.lines.join("\n")).toContain("error: no such file");
});

test("every card of a gate is updated by its receipt; without one there is nothing to do", async () => {
  const update = { ...toAna, action: "UPDATE" as const };
  expect(await preparing(due(update)).prepared).toEqual({ done: true });
  receipts = [{ id: "card-2" }, { id: "card-1" }];
  expect((await prepared(update)).updates).toEqual([{ id: "card-2" }, { id: "card-1" }]);
});

test("what never can be sent says why", async () => {
  const reason = async (overrides: Partial<DueDelivery>) => await preparing(due(overrides)).prepared;
  expect(await reason({ ...toAna, channel: "gone" })).toEqual({
    dead: "channel `gone`, of kind MAIL, was removed; make it again and send this again",
  });
  expect(await reason({ ...toAna, kind: "SLACK_APP" })).toEqual({
    dead: "channel `mail`, of kind SLACK_APP, is of kind MAIL now; make it again and send this again",
  });
  expect(await reason({ ...toAna, user: "ben" })).toEqual({
    dead: "ben has no address in channel `mail` any more; give one and send this again",
  });
  expect(await reason({ ...toRobot, listener: "pipeline/imRobots/7" })).toEqual({
    dead: "the run's definition has no listener pipeline/imRobots/7 with a URL",
  });
  definition = undefined;
  expect(await reason(toAna)).toEqual({ dead: "run-1 was deleted before this could be sent" });
});
