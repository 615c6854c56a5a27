import { expect, test } from "vitest";
import { grantText, parseGrant } from "./roles.ts";

test.each([
  ["admin", { role: "admin", namespace: "*", domain: "*" }, "admin"],
  ["operator@web", { role: "operator", namespace: "web", domain: "*" }, "operator@web"],
  ["viewer@web.corp", { role: "viewer", namespace: "web", domain: "corp" }, "viewer@web.corp"],
  ["viewer@*.corp", { role: "viewer", namespace: "*", domain: "corp" }, "viewer@*.corp"],
] as const)("%j is a role in a scope, and is written the same way", (text, grant, written) => {
  expect(parseGrant(text)).toEqual(grant);
  expect(grantText(grant)).toBe(written);
});

test.each(["root", "admin@", "admin@a.b.c", "admin@a@b", "", "Admin"])("%j is refused", (text) => {
  expect(() => parseGrant(text)).toThrow(`\`${text}\` is no role`);
});
