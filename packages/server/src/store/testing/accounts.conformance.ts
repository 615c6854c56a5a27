// Users, grants, groups and tokens.

import { describe, expect, test } from "vitest";
import type { ApiToken, Grant, User } from "../store.ts";
import type { Bench } from "./bench.ts";
import { timeOf } from "./records.ts";

const ana: User = { name: "ana", displayName: "Ana 🚀", createdAt: timeOf(1), disabled: false };
const bob: User = { name: "bob", createdAt: timeOf(0), disabled: true };
const token = (id: string, user: string, n: number): ApiToken => ({
  id,
  user,
  name: "laptop",
  hash: `hash-of-${id}`,
  createdAt: timeOf(n),
});

export function describeAccounts(bench: Bench): void {
  describe("accounts", () => {
    test("users are kept and replaced by name", async () => {
      const { accounts } = bench.store;
      expect(await accounts.users()).toEqual([]);
      await accounts.putUser(bob);
      await accounts.putUser(ana);
      expect(await accounts.users()).toEqual([ana, bob]);
      await accounts.putUser({ ...bob, disabled: false, displayName: "Bob" });
      expect(await accounts.users()).toEqual([ana, { ...bob, disabled: false, displayName: "Bob" }]);
    });

    test("users keep where they are reached, their language, and who stands in for them", async () => {
      const reached: User = {
        ...ana,
        addresses: { mail: "ana@example.com", "feishu-app": "ou_84aad35d 🚀" },
        language: "zh",
        away: { until: timeOf(99), ask: "bob" },
      };
      const { accounts } = bench.store;
      await accounts.putUser(reached);
      await accounts.putUser(bob);
      await bench.store.close();
      const reopened = await bench.another();
      expect(await reopened.accounts.users()).toEqual([reached, bob]);
      await reopened.accounts.putUser({ ...ana, addresses: {} });
      expect(await reopened.accounts.users()).toEqual([{ ...ana, addresses: {} }, bob]);
      await reopened.accounts.putUser(ana);
      expect(await reopened.accounts.users()).toEqual([ana, bob]);
    });

    test("a replaced user keeps grants, groups and tokens", async () => {
      const { accounts } = bench.store;
      const grant: Grant = { user: "ana", role: "admin", domain: "*", namespace: "*" };
      await accounts.putUser(ana);
      await accounts.setGrants("ana", [grant]);
      await accounts.setGroup("leads", ["ana"]);
      await accounts.putToken(token("t1", "ana", 1));
      await accounts.putUser({ ...ana, disabled: true });
      expect(await accounts.grants("ana")).toEqual([grant]);
      expect(await accounts.groups()).toEqual([{ name: "leads", members: ["ana"] }]);
      expect(await accounts.tokens("ana")).toEqual([token("t1", "ana", 1)]);
    });

    test("a removed user takes grants, memberships and tokens along", async () => {
      const { accounts } = bench.store;
      for (const user of [ana, bob]) await accounts.putUser(user);
      await accounts.setGrants("ana", [{ user: "ana", role: "admin", domain: "*", namespace: "*" }]);
      await accounts.setGroup("leads", ["ana", "bob"]);
      await accounts.putToken(token("t1", "ana", 1));
      await accounts.putToken(token("t2", "bob", 2));
      await accounts.removeUser("ana");
      await accounts.removeUser("unknown");
      expect(await accounts.users()).toEqual([bob]);
      expect(await accounts.grants("ana")).toEqual([]);
      expect(await accounts.groups()).toEqual([{ name: "leads", members: ["bob"] }]);
      expect(await accounts.token("t1")).toBeUndefined();
      expect(await accounts.tokens()).toEqual([token("t2", "bob", 2)]);
    });

    test("grants are set as a whole", async () => {
      const { accounts } = bench.store;
      await accounts.putUser(ana);
      const grant = (role: Grant["role"], namespace: string): Grant => ({
        user: "ana",
        role,
        domain: "default",
        namespace,
      });
      await accounts.setGrants("ana", [grant("operator", "web"), grant("viewer", "*"), grant("viewer", "*")]);
      expect(await accounts.grants("ana")).toEqual([grant("viewer", "*"), grant("operator", "web")]);
      await accounts.setGrants("ana", [grant("admin", "ops")]);
      expect(await accounts.grants("ana")).toEqual([grant("admin", "ops")]);
      await accounts.setGrants("ana", []);
      expect(await accounts.grants("ana")).toEqual([]);
    });

    test("groups are set as a whole, may be empty, and may name people before they are users", async () => {
      const { accounts } = bench.store;
      await accounts.setGroup("qa", ["dora", "carl", "dora"]);
      await accounts.setGroup("empty", []);
      expect(await accounts.groups()).toEqual([
        { name: "empty", members: [] },
        { name: "qa", members: ["carl", "dora"] },
      ]);
      await accounts.setGroup("qa", ["ana"]);
      await accounts.removeGroup("empty");
      await accounts.removeGroup("unknown");
      expect(await accounts.groups()).toEqual([{ name: "qa", members: ["ana"] }]);
    });

    test("tokens are found by id and by user, oldest first", async () => {
      const { accounts } = bench.store;
      for (const user of [ana, bob]) await accounts.putUser(user);
      const [first, second, other] = [token("t9", "ana", 1), token("t1", "ana", 2), token("t5", "bob", 3)];
      for (const each of [other, second, first]) await accounts.putToken(each);
      expect(await accounts.token("t1")).toEqual(second);
      expect(await accounts.token("unknown")).toBeUndefined();
      expect(await accounts.tokens("ana")).toEqual([first, second]);
      expect(await accounts.tokens()).toEqual([first, second, other]);
      const renewed = { ...second, expiresAt: timeOf(99) };
      await accounts.putToken(renewed);
      expect(await accounts.tokens("ana")).toEqual([first, renewed]);
      await accounts.removeToken("t9");
      await accounts.removeToken("unknown");
      expect(await accounts.tokens("ana")).toEqual([renewed]);
    });

    test("the last use of a token is noted, and never brings a removed one back", async () => {
      const { accounts } = bench.store;
      await accounts.putUser(ana);
      await accounts.putToken(token("t1", "ana", 1));
      await accounts.touchToken("t1", timeOf(50));
      expect(await accounts.token("t1")).toEqual({ ...token("t1", "ana", 1), lastUsedAt: timeOf(50) });
      await accounts.removeToken("t1");
      await accounts.touchToken("t1", timeOf(60));
      expect(await accounts.token("t1")).toBeUndefined();
    });
  });
}
