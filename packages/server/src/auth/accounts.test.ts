// Users, groups, roles and tokens, on a real store.

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { openSqliteStore } from "../store/sqlite/sqlite.ts";
import type { Grant, Store } from "../store/store.ts";
import { Accounts } from "./accounts.ts";

const everywhere = { domain: "*", namespace: "*" };
const admin: Omit<Grant, "user"> = { role: "admin", ...everywhere };
const shop = { domain: "default", namespace: "shop" };

let folder: string;
let store: Store;
let now: number;
let accounts: Accounts;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "mflow-accounts-"));
  store = await openSqliteStore(join(folder, "mflow.db"));
  now = Date.UTC(2026, 0, 1);
  accounts = await openAccounts();
});
afterEach(async () => {
  await store.close();
  await rm(folder, { recursive: true });
});

/** As another start of the server sees them. */
async function openAccounts(): Promise<Accounts> {
  const fresh = new Accounts(store.accounts, "me", () => now);
  await fresh.load();
  return fresh;
}

test("the first user becomes admin of everything, whatever was asked for, and ends the local mode", async () => {
  expect(accounts.isLocal).toBe(true);
  const ada = await accounts.addUser("ada", { displayName: "Ada", grants: [{ role: "viewer", ...shop }] });
  expect(ada).toEqual({
    user: { name: "ada", displayName: "Ada", createdAt: "2026-01-01T00:00:00.000Z", disabled: false },
    grants: [{ user: "ada", ...admin }],
  });
  expect(accounts.isLocal).toBe(false);
  expect((await openAccounts()).users()).toEqual([ada]);
});

const FIRST = `mft_${"0123456789abcdef"}_${"s".repeat(43)}`;

test("a first admin gets the token that was chosen for them", async () => {
  await accounts.addFirstAdmin("admin", FIRST);
  const admins = {
    user: { name: "admin", createdAt: "2026-01-01T00:00:00.000Z", disabled: false },
    grants: [{ user: "admin", ...admin }],
  };
  expect(accounts.users()).toEqual([admins]);
  expect(accounts.ownerOf(FIRST)).toEqual(admins);
  expect(accounts.tokens().map(({ id, name, user }) => ({ id, name, user }))).toEqual([
    { id: "0123456789abcdef", name: "first", user: "admin" },
  ]);
});

test("a token for a first admin is nothing to a server that has users, also when it was revoked", async () => {
  await accounts.addFirstAdmin("admin", FIRST);
  await accounts.removeToken("0123456789abcdef");
  await accounts.addFirstAdmin("admin", FIRST);
  expect(accounts.ownerOf(FIRST)).toBeUndefined();
  expect(accounts.users()).toHaveLength(1);
});

test("a name is taken once", async () => {
  await accounts.addUser("ada", { grants: [] });
  await expect(accounts.addUser("ada", { grants: [] })).rejects.toMatchObject({ code: "NAME_TAKEN" });
  const both = await Promise.allSettled([
    accounts.addUser("bob", { grants: [] }),
    accounts.addUser("bob", { grants: [admin] }),
  ]);
  expect(both.map((result) => result.status)).toEqual(["fulfilled", "rejected"]);
});

test("the last admin of everything can be neither removed nor demoted, also not by two at once", async () => {
  await accounts.addUser("ada", { grants: [] });
  await accounts.addUser("bob", { grants: [{ role: "admin", domain: "*", namespace: "shop" }] });
  await expect(accounts.removeUser("ada")).rejects.toMatchObject({ code: "CONFLICT" });
  await expect(accounts.setGrants("ada", [])).rejects.toMatchObject({ code: "CONFLICT" });
  await accounts.setGrants("bob", [admin]);
  const both = await Promise.allSettled([accounts.removeUser("ada"), accounts.setGrants("bob", [])]);
  expect(both.map((result) => result.status)).toEqual(["fulfilled", "rejected"]);
  expect(accounts.users().map(({ user }) => user.name)).toEqual(["bob"]);
});

test("a token is shown once, kept as a hash, and belongs to its user", async () => {
  await accounts.addUser("ada", { grants: [] });
  const { token, secret } = await accounts.createToken("ada", "laptop");
  expect(secret).toMatch(/^mft_[0-9a-f]{16}_[A-Za-z0-9_-]{43}$/);
  expect(JSON.stringify(await store.accounts.tokens())).not.toContain(secret.slice(21));
  expect(token).toMatchObject({ user: "ada", name: "laptop", createdAt: "2026-01-01T00:00:00.000Z" });
  expect(accounts.ownerOf(secret)?.user.name).toBe("ada");
  expect((await openAccounts()).ownerOf(secret)?.user.name).toBe("ada");
  await expect(accounts.createToken("nobody", "x")).rejects.toMatchObject({ code: "NOT_FOUND" });
});

test("a token that is wrong in any part is nobody's", async () => {
  await accounts.addUser("ada", { grants: [] });
  const { secret } = await accounts.createToken("ada", "a");
  const { secret: other } = await accounts.createToken("ada", "b");
  const swapped = `${secret.slice(0, 21)}${other.slice(21)}`;
  const last = secret.endsWith("A") ? "E" : "A";
  for (const wrong of [
    "",
    "mft_",
    secret.slice(0, -1),
    `${secret.slice(0, -1)}${last}`,
    `${secret}A`,
    ` ${secret}`,
  ]) {
    expect(accounts.ownerOf(wrong)).toBeUndefined();
  }
  expect(accounts.ownerOf(swapped)).toBeUndefined();
});

test("a token ends when it expires, is revoked, or its user is removed", async () => {
  await accounts.addUser("ada", { grants: [] });
  await accounts.addUser("bob", { grants: [] });
  const { secret: short } = await accounts.createToken("ada", "short", 1000);
  const { token, secret: revoked } = await accounts.createToken("ada", "revoked");
  const { secret: orphan } = await accounts.createToken("bob", "orphan");
  now += 999;
  expect([short, revoked, orphan].map((secret) => accounts.ownerOf(secret)?.user.name)).toEqual([
    "ada",
    "ada",
    "bob",
  ]);
  now += 1;
  await accounts.removeToken(token.id);
  await accounts.removeUser("bob");
  expect([short, revoked, orphan].map((secret) => accounts.ownerOf(secret))).toEqual([
    undefined,
    undefined,
    undefined,
  ]);
  await expect(accounts.removeToken(token.id)).rejects.toMatchObject({ code: "NOT_FOUND" });
});

test("the last use of a token is noted once a minute", async () => {
  await accounts.addUser("ada", { grants: [] });
  const { token, secret } = await accounts.createToken("ada", "a");
  const noted = async () => (await store.accounts.token(token.id))?.lastUsedAt;
  expect(await noted()).toBeUndefined();
  accounts.ownerOf(secret);
  expect(await noted()).toBe("2026-01-01T00:00:00.000Z");
  now += 59_999;
  accounts.ownerOf(secret);
  expect(await noted()).toBe("2026-01-01T00:00:00.000Z");
  now += 1;
  accounts.ownerOf(secret);
  expect(await noted()).toBe("2026-01-01T00:01:00.000Z");
});

test("a token that is used while it is revoked stays revoked", async () => {
  await accounts.addUser("ada", { grants: [] });
  const { token, secret } = await accounts.createToken("ada", "a");
  const revoked = accounts.removeToken(token.id);
  // Until the change is read again the token is known; every step in between may bring a request.
  let isDone = false;
  revoked.then(() => {
    isDone = true;
  });
  while (!isDone) {
    now += 60_000;
    accounts.ownerOf(secret);
    await Promise.resolve();
  }
  expect(accounts.ownerOf(secret)).toBeUndefined();
  expect(await store.accounts.token(token.id)).toBeUndefined();
});

test("a disabled user has no access and is in no group of everyone", async () => {
  await accounts.addUser("ada", { grants: [] });
  await accounts.addUser("bob", { grants: [admin] });
  const { secret } = await accounts.createToken("bob", "a");
  await store.accounts.putUser({ ...accounts.user("bob").user, disabled: true });
  await accounts.load();
  expect(accounts.ownerOf(secret)).toBeUndefined();
  expect(accounts.groupMembers("everyone", shop)).toEqual(["ada"]);
});

test("a group has the members it was given, and loses those who are removed", async () => {
  await accounts.addUser("ada", { grants: [] });
  await accounts.addUser("bob", { grants: [] });
  await accounts.setGroup("ops", ["bob", "ada", "bob"]);
  expect(accounts.groupMembers("ops", shop)).toEqual(["ada", "bob"]);
  await expect(accounts.setGroup("ops", ["ada", "eve"])).rejects.toMatchObject({
    code: "NOT_FOUND",
    message: expect.stringContaining("`eve`"),
  });
  await accounts.removeUser("bob");
  expect(accounts.groups()).toEqual([{ name: "ops", members: ["ada"] }]);
  await accounts.removeGroup("ops");
  expect(accounts.groupMembers("ops", shop)).toEqual([]);
  await expect(accounts.removeGroup("ops")).rejects.toMatchObject({ code: "NOT_FOUND" });
});

test("everyone is built in: who is operator or admin in the scope, or without users the local user", async () => {
  expect(accounts.groupMembers("everyone", shop)).toEqual(["me"]);
  await accounts.addUser("ada", { grants: [] });
  await accounts.addUser("bob", { grants: [{ role: "operator", domain: "*", namespace: "shop" }] });
  await accounts.addUser("cem", { grants: [{ role: "viewer", ...everywhere }] });
  await accounts.addUser("dan", { grants: [{ role: "operator", domain: "default", namespace: "other" }] });
  expect(accounts.groupMembers("everyone", shop)).toEqual(["ada", "bob"]);
  await expect(accounts.setGroup("everyone", ["ada"])).rejects.toMatchObject({ code: "NAME_TAKEN" });
});

test("who is not there, is disabled or has no role in a scope cannot decide there", async () => {
  const obstacles = () => ["me", "ada", "bob", "cem"].map((name) => accounts.cannotDecide(name, shop));
  const none = "no such user";
  expect(obstacles()).toEqual([undefined, none, none, none]);
  await accounts.addUser("ada", { grants: [] });
  await accounts.addUser("bob", { grants: [{ role: "viewer", domain: "*", namespace: "shop" }] });
  await accounts.addUser("cem", { grants: [{ role: "admin", domain: "default", namespace: "other" }] });
  expect(obstacles()).toEqual([none, undefined, undefined, `has no role in ${shop.domain}/shop`]);
  await store.accounts.putUser({ ...accounts.user("bob").user, disabled: true });
  await accounts.load();
  expect(obstacles().slice(1, 3)).toEqual([undefined, "is disabled"]);
  await accounts.removeUser("bob");
  expect(accounts.cannotDecide("bob", shop)).toBe(none);
});

test("who is not there, is disabled or is no operator in a scope cannot run things there", async () => {
  const reasons = () => ["me", "ada", "bob", "cem"].map((name) => accounts.cannotRun(name, shop));
  expect(reasons()).toEqual([undefined, "is nobody here", "is nobody here", "is nobody here"]);
  await accounts.addUser("ada", { grants: [] });
  await accounts.addUser("bob", { grants: [{ role: "operator", ...shop }] });
  await accounts.addUser("cem", { grants: [{ role: "viewer", ...everywhere }] });
  const none = "is no operator in namespace shop of domain default any more";
  expect(reasons()).toEqual(["is no user any more", undefined, undefined, none]);
  const { user } = accounts.user("bob");
  await store.accounts.putUser({ ...user, disabled: true });
  await accounts.load();
  expect(accounts.cannotRun("bob", shop)).toBe("is disabled");
});

test("a platform's ids lead to the one enabled user who has them as address in that channel", async () => {
  for (const name of ["ada", "bob", "cy"]) await accounts.addUser(name, { grants: [] });
  await accounts.changeProfile("ada", { addresses: { chat: "ou_ada", other: "ou_bob" } });
  await accounts.changeProfile("bob", { addresses: { chat: "ou_bob" } });
  const found = (ids: string[]) => accounts.userByAddress("chat", ids)?.user.name;
  expect([["ou_ada"], ["OU_Bob", "on_unknown"], ["ou_cy"], ["ou_ada", "ou_bob"], []].map(found)).toEqual([
    "ada",
    "bob",
    undefined,
    undefined,
    undefined,
  ]);
  await store.accounts.putUser({ ...accounts.user("bob").user, disabled: true });
  await accounts.load();
  expect(found(["ou_bob"])).toBeUndefined();
});

test("what people say of themselves is kept; who is away has a stand-in until they are back", async () => {
  await accounts.addUser("ada", { grants: [] });
  await accounts.addUser("bob", { grants: [] });
  const until = "2026-01-02T00:00:00.000Z";
  await accounts.changeProfile("ada", {
    addresses: { mail: "ada@example.com" },
    language: "zh",
    away: { until, ask: "bob" },
  });
  const again = await openAccounts();
  expect(again.user("ada").user).toEqual({
    name: "ada",
    createdAt: "2026-01-01T00:00:00.000Z",
    disabled: false,
    addresses: { mail: "ada@example.com" },
    language: "zh",
    away: { until, ask: "bob" },
  });
  expect([
    again.addressesOf("ada"),
    again.languageOf("ada"),
    again.standInOf("ada"),
    again.standsInFor("bob"),
  ]).toEqual([{ mail: "ada@example.com" }, "zh", "bob", ["ada"]]);
  expect([
    again.addressesOf("nobody"),
    again.languageOf("bob"),
    again.standInOf("bob"),
    again.standInOf("nobody"),
  ]).toEqual([{}, undefined, undefined, undefined]);
  now = Date.parse(until);
  expect([again.standInOf("ada"), again.absenceOf("ada"), again.standsInFor("bob")]).toEqual([
    undefined,
    undefined,
    [],
  ]);
  await expect(accounts.changeProfile("nobody", {})).rejects.toMatchObject({ code: "NOT_FOUND" });
});

test("nobody stands in who is disabled, or has only the name of somebody who was removed", async () => {
  await accounts.addUser("ada", { grants: [] });
  await accounts.addUser("bob", { grants: [] });
  await accounts.changeProfile("ada", { away: { until: "2026-01-02", ask: "bob" } });
  await store.accounts.putUser({ ...accounts.user("bob").user, disabled: true });
  await accounts.load();
  expect(accounts.standInOf("ada")).toBeUndefined();
  await accounts.removeUser("bob");
  await accounts.addUser("bob", { grants: [] });
  expect([accounts.standInOf("ada"), accounts.user("ada").user.away]).toEqual([undefined, undefined]);
});

test("of two who take the same address at once one gets it", async () => {
  await accounts.addUser("ada", { grants: [] });
  await accounts.addUser("bob", { grants: [] });
  const both = await Promise.allSettled(
    ["ada", "bob"].map((name) => accounts.changeProfile(name, { addresses: { mail: "team@example.com" } })),
  );
  expect(both.map((result) => result.status)).toEqual(["fulfilled", "rejected"]);
});
