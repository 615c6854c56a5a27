// Who gets a message, as rows.

import type { Recipient, RecipientPlace } from "@mflow/core/notice";
import type { ChannelKind } from "@mflow/core/schema/channel";
import type { Message } from "@mflow/core/schema/message";
import { expect, test } from "vitest";
import { createHub, targetOf } from "./hub.ts";

const channels = new Map<string, ChannelKind>([
  ["chat", "FEISHU_APP"],
  ["hook", "WEBHOOK"],
  ["mail", "MAIL"],
  ["room", "WECOM"],
  ["slack", "SLACK_APP"],
]);
const addresses: Record<string, Record<string, string>> = {
  ana: { mail: "ana@example.com", chat: "ou_1", slack: "U1" },
  ben: { mail: "ben@example.com", gone: "x" },
};

const message = { id: "msg-1" } as Message;

function deliveriesOf(
  place: RecipientPlace,
  action: Recipient["action"] = "SEND",
  known = channels,
  listener = "task/l/0",
) {
  let count = 0;
  const hub = createHub({
    channels: () => known,
    addressesOf: (user) => addresses[user] ?? {},
    open: (text) => text.replace(/^sealed:/, ""),
    newId: (prefix) => `${prefix}-${++count}`,
    committed: () => undefined,
  });
  return hub.deliveriesOf({ message, recipients: [{ listener, action, place }] }, "run-1");
}

const base = { id: "dlv-1", listener: "task/l/0", action: "SEND", state: "PENDING" };

test("a webhook by URL has a target that names its host and tells nothing of its path", () => {
  const url = "https://hooks.example:8443/services/T0/secret";
  const target = targetOf("WEBHOOK", url);
  expect(target).toMatch(/^WEBHOOK hooks\.example:8443#[0-9a-f]{8}$/);
  const delivery = { ...base, kind: "WEBHOOK", target, lane: "run-1|task/l/0|-|WEBHOOK" };
  expect(deliveriesOf({ kind: "WEBHOOK", url })).toEqual([delivery]);
  expect(deliveriesOf({ kind: "WEBHOOK", url: `sealed:${url}` })).toEqual([delivery]);
  expect(targetOf("WEBHOOK", `${url}2`)).not.toBe(target);
});

test("a robot is of the platform that its listener says, else of the one that its URL tells", () => {
  const url = "https://open.feishu.cn/open-apis/bot/v2/hook/abc";
  expect(deliveriesOf({ kind: "ROBOT", url })[0]?.kind).toBe("FEISHU");
  expect(deliveriesOf({ kind: "ROBOT", url, robot: "SLACK" })[0]?.kind).toBe("SLACK");
  expect(deliveriesOf({ kind: "ROBOT", url: "https://other.example/abc" })).toMatchObject([
    {
      kind: "IM",
      state: "UNSUPPORTED",
      error: "the robot's URL does not tell its platform; say it with `kind`",
    },
  ]);
});

test("a channel is used by name, and one that is missing or of another kind is said", () => {
  expect(deliveriesOf({ kind: "WEBHOOK", channel: "hook" })).toEqual([
    {
      ...base,
      kind: "WEBHOOK",
      target: "channel:hook",
      lane: "run-1|task/l/0|-|channel:hook",
      channel: "hook",
    },
  ]);
  expect(deliveriesOf({ kind: "ROBOT", channel: "room" })[0]).toMatchObject({
    kind: "WECOM",
    state: "PENDING",
  });
  expect(deliveriesOf({ kind: "ROBOT", channel: "none" })).toMatchObject([
    { kind: "IM", state: "UNREACHABLE", error: "there is no channel `none`; an admin can make it" },
  ]);
  expect(deliveriesOf({ kind: "WEBHOOK", channel: "mail" })).toMatchObject([
    {
      kind: "MAIL",
      state: "UNREACHABLE",
      error: "channel `mail` is of kind MAIL, and the listener wants a webhook",
    },
  ]);
});

test("a user is reached by every channel of the way where they have an address, each in a lane of its own", () => {
  expect(deliveriesOf({ kind: "USER", user: "ana", way: "IM" })).toEqual([
    {
      ...base,
      kind: "FEISHU_APP",
      target: "channel:chat",
      lane: "run-1|task/l/0|ana|channel:chat",
      channel: "chat",
      user: "ana",
    },
    {
      ...base,
      id: "dlv-2",
      kind: "SLACK_APP",
      target: "channel:slack",
      lane: "run-1|task/l/0|ana|channel:slack",
      channel: "slack",
      user: "ana",
    },
  ]);
  expect(deliveriesOf({ kind: "USER", user: "ben", way: "MAIL" })).toMatchObject([
    { kind: "MAIL", channel: "mail", user: "ben", state: "PENDING" },
  ]);
});

test("a user whom nothing reaches is recorded, with what is missing", () => {
  const errorOf = (user: string, way: "MAIL" | "IM" | "SMS" | "VOICE", known = channels) => {
    const [delivery, ...others] = deliveriesOf({ kind: "USER", user, way }, "SEND", known);
    expect(others).toEqual([]);
    return [delivery?.kind, delivery?.state, delivery?.error];
  };
  expect(errorOf("ben", "IM")).toEqual([
    "IM",
    "UNREACHABLE",
    "ben has no address in an app channel of Feishu, DingTalk or Slack (`chat`, `slack`); they, or an admin, can give one",
  ]);
  expect(errorOf("zoe", "MAIL")).toEqual([
    "MAIL",
    "UNREACHABLE",
    "zoe has no address in a mail channel (`mail`); they, or an admin, can give one",
  ]);
  expect(errorOf("ana", "MAIL", new Map())).toEqual([
    "MAIL",
    "UNREACHABLE",
    "the server has no mail channel; an admin can make one",
  ]);
  expect(errorOf("ana", "SMS")).toEqual(["SMS", "UNSUPPORTED", "mflow sends no SMS; use MAIL or IM"]);
  expect(errorOf("ana", "VOICE")).toEqual([
    "VOICE",
    "UNSUPPORTED",
    "mflow sends no voice messages; use MAIL or IM",
  ]);
});

test("only what can change a message is told to", () => {
  const kindsOf = (place: RecipientPlace) => deliveriesOf(place, "UPDATE").map(({ kind }) => kind);
  expect(kindsOf({ kind: "USER", user: "ana", way: "IM" })).toEqual(["FEISHU_APP", "SLACK_APP"]);
  expect(kindsOf({ kind: "USER", user: "ana", way: "MAIL" })).toEqual([]);
  expect(kindsOf({ kind: "USER", user: "ben", way: "IM" })).toEqual([]);
  expect(kindsOf({ kind: "WEBHOOK", url: "https://a.example/" })).toEqual([]);
});

test("who decides a gate is missed once, and only where the server has a way to people and none leads to them", () => {
  const missed = (user: string, known = channels) =>
    (["MAIL", "IM"] as const)
      .flatMap((way) => deliveriesOf({ kind: "USER", user, way }, "SEND", known, "gate"))
      .map(({ kind, state }) => [kind, state]);
  expect(missed("ben")).toEqual([["MAIL", "PENDING"]]);
  expect(missed("zoe")).toEqual([["MAIL", "UNREACHABLE"]]);
  expect(missed("zoe", new Map([["slack", "SLACK_APP"]]))).toEqual([["IM", "UNREACHABLE"]]);
  expect(missed("zoe", new Map([["hook", "WEBHOOK"]]))).toEqual([]);
});
