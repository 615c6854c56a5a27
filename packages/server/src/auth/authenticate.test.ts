// Who sends a request, on a real store.

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { openSqliteStore } from "../store/sqlite/sqlite.ts";
import type { Store } from "../store/store.ts";
import { Accounts } from "./accounts.ts";
import { TokenAuthenticator } from "./authenticate.ts";
import { createKeys } from "./keys.ts";

const LOCAL = "mfl_local-token";
const HERE = "192.0.2.1";

let folder: string;
let store: Store;
let now = 0;
let accounts: Accounts;
let auth: TokenAuthenticator;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "mflow-auth-"));
  store = await openSqliteStore(join(folder, "mflow.db"));
  now = Date.UTC(2026, 0, 1);
  accounts = new Accounts(store.accounts, "me", () => now);
  await accounts.load();
  auth = new TokenAuthenticator(accounts, LOCAL, () => now);
});
afterEach(async () => {
  await store.close();
  await rm(folder, { recursive: true });
});

test("while there are no users the local token is the operating system user, who may do everything", async () => {
  expect(await auth.authenticate(LOCAL, HERE)).toEqual({
    name: "me",
    local: true,
    grants: [{ role: "admin", domain: "*", namespace: "*" }],
  });
  for (const wrong of ["", `${LOCAL}x`, LOCAL.slice(1)]) {
    expect(await auth.authenticate(wrong, HERE)).toBeUndefined();
  }
});

test("with users their tokens serve, and the local one no longer does", async () => {
  await accounts.addUser("ada", { grants: [] });
  const { secret } = await accounts.createToken("ada", "a");
  expect(await auth.authenticate(secret, HERE)).toEqual({
    name: "ada",
    local: false,
    grants: [{ user: "ada", role: "admin", domain: "*", namespace: "*" }],
  });
  expect(await auth.authenticate(LOCAL, HERE)).toBeUndefined();
});

/** Sends wrong tokens until the address has to wait; answers how many were looked at. */
async function wrongUntilRefused(from: string): Promise<number> {
  for (let count = 0; count < 1000; count++) {
    try {
      expect(await auth.authenticate(`wrong-${count}`, from)).toBeUndefined();
    } catch (error) {
      expect(error).toMatchObject({ code: "TOO_MANY_REQUESTS", message: expect.stringContaining(from) });
      return count;
    }
  }
  return Number.POSITIVE_INFINITY;
}

test("an address that sends wrong tokens has to wait a minute; others, and right tokens, do not", async () => {
  expect(await wrongUntilRefused(HERE)).toBe(20);
  expect((await auth.authenticate(LOCAL, HERE))?.name).toBe("me");
  expect(await auth.authenticate("wrong", "192.0.2.2")).toBeUndefined();
  now += 59_999;
  await expect(auth.authenticate("wrong", HERE)).rejects.toMatchObject({ code: "TOO_MANY_REQUESTS" });
  now += 1;
  expect(await wrongUntilRefused(HERE)).toBe(20);
});

test("a task's update token is nobody's, and is not counted as wrong", async () => {
  const token = createKeys({ current: new Uint8Array(32) }).updateToken("task-1", 1);
  for (let i = 0; i < 100; i++) expect(await auth.authenticate(token, HERE)).toBeUndefined();
  expect(await wrongUntilRefused(HERE)).toBe(20);
});
