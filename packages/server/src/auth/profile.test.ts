// What a user may say of themself, on whole values.

import { expect, test } from "vitest";
import type { User } from "../store/store.ts";
import { changedProfile, ownerOfAddress, type ProfileChange } from "./profile.ts";

const now = Date.UTC(2026, 2, 1, 12);
const createdAt = "2026-01-01T00:00:00.000Z";

function user(name: string, more: Partial<User> = {}): User {
  return { name, createdAt, disabled: false, ...more };
}

const ada = user("ada", { displayName: "Ada", addresses: { mail: "ada@example.com" }, language: "zh" });
const users = new Map(
  [
    ada,
    user("bob", { addresses: { feishu: "ou_bob", mail: "bob@example.com" } }),
    user("cem", { away: { until: "2026-03-02T00:00:00.000Z", ask: "bob" } }),
    user("dan", { away: { until: "2026-02-28T00:00:00.000Z", ask: "bob" } }),
    user("eve", { disabled: true }),
  ].map((each) => [each.name, each]),
);

const change = (of: User, more: ProfileChange) => changedProfile(of, more, users, now);

test("what a change leaves out stays, and null removes", () => {
  expect(change(ada, {})).toEqual(ada);
  expect(change(ada, { language: "en", displayName: null })).toEqual(
    user("ada", { addresses: { mail: "ada@example.com" }, language: "en" }),
  );
  expect(change(ada, { addresses: { mail: null }, language: null })).toEqual(
    user("ada", { displayName: "Ada" }),
  );
  expect(change(ada, { addresses: { feishu: "ou_ada" } }).addresses).toEqual({
    feishu: "ou_ada",
    mail: "ada@example.com",
  });
});

test("an absence keeps its end in UTC, and is taken back with null", () => {
  const away = change(ada, { away: { until: "2026-03-08T10:00:00+08:00", ask: "bob" } });
  expect(away).toEqual({ ...ada, away: { until: "2026-03-08T02:00:00.000Z", ask: "bob" } });
  expect(change(away, { away: null })).toEqual(ada);
});

test("who was away and is back stands in again", () => {
  expect(change(ada, { away: { until: "2026-03-08", ask: "dan" } }).away?.ask).toBe("dan");
});

test.each([
  ["ada", "2026-03-08", "BAD_REQUEST", "ada cannot stand in for themself; `ask` somebody else"],
  [
    "zoe",
    "2026-03-08",
    "NOT_FOUND",
    "there is no user `zoe` who could stand in for ada; `mflow get users` lists who there is",
  ],
  ["eve", "2026-03-08", "BAD_REQUEST", "eve is disabled and cannot stand in; `ask` somebody else"],
  [
    "cem",
    "2026-03-08",
    "BAD_REQUEST",
    "cem is away until 2026-03-02T00:00:00.000Z and cannot stand in; `ask` somebody who is there",
  ],
  [
    "bob",
    "2026-03-01T12:00:00Z",
    "BAD_REQUEST",
    "`until` 2026-03-01T12:00:00Z has passed; say when ada is back",
  ],
  ["bob", "soon", "BAD_REQUEST", "`until` is no RFC 3339 time such as 2026-01-31T12:00:00Z"],
])("%s cannot stand in until %s: %s", (ask, until, code, message) => {
  expect(() => change(ada, { away: { until, ask } })).toThrow(expect.objectContaining({ code, message }));
});

test("an address stands for one person, whatever its case", () => {
  expect(ownerOfAddress(users.values(), "mail", "Bob@Example.com")?.name).toBe("bob");
  expect(ownerOfAddress(users.values(), "mail", "ou_bob")).toBeUndefined();
  expect(ownerOfAddress(users.values(), "constructor", "x")).toBeUndefined();
  expect(() => change(ada, { addresses: { mail: "BOB@example.com" } })).toThrow(
    expect.objectContaining({
      code: "CONFLICT",
      message:
        "`BOB@example.com` of channel `mail` is the address of bob; an address stands for one person: take it from " +
        "them first, or give another",
    }),
  );
  expect(change(ada, { addresses: { mail: "Ada@example.com" } }).addresses).toEqual({
    mail: "Ada@example.com",
  });
});
