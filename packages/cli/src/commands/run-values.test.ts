import { expect, test } from "vitest";
import { parseAuditor, parseLabels, parseParam } from "./run-values.ts";

const env = { HOME_TOWN: "Köln" };

test.each([
  ["VERSION=1.4.0", { name: "VERSION", value: "1.4.0" }],
  ["URL=http://x:1/?a=b", { name: "URL", value: "http://x:1/?a=b" }],
  ["EMPTY=", { name: "EMPTY", value: "" }],
  ["TEXT=two\nlines", { name: "TEXT", value: "two\nlines" }],
  ["HOME_TOWN", { name: "HOME_TOWN", value: "Köln" }],
  ["deploy/prod:N=3", { name: "N", value: "3", scope: { stage: "deploy", task: "prod" } }],
  ["deploy:N=3", { name: "N", value: "3", scope: { stage: "deploy" } }],
  ["/prod:N=3", { name: "N", value: "3", scope: { task: "prod" } }],
  ["2/1:N=3", { name: "N", value: "3", scope: { stage: 2, task: 1 } }],
  ["*/prod:N=3", { name: "N", value: "3", scope: { task: "prod" } }],
  ["*:N=3", { name: "N", value: "3", scope: "*" }],
])("-p %j is %j", (text, value) => {
  expect(parseParam(text, env)).toEqual(value);
});

test.each([
  ["1X=2", "`-p 1X` names no param: `1X` is not a name"],
  ["=2", "`-p ` names no param: `` is not a name"],
  ["MISSING", "`-p MISSING` has no value, and the environment has no MISSING"],
  ["a/b/c:N=1", "`a/b/c` is not a stage and a task"],
])("-p %j is refused: %s", (text, message) => {
  expect(() => parseParam(text, env)).toThrow(message);
});

test("auditors are users and groups, for all or for a part", () => {
  expect([parseAuditor("alice"), parseAuditor("deploy/prod:@ops")]).toEqual([
    { name: "alice" },
    { name: "@ops", scope: { stage: "deploy", task: "prod" } },
  ]);
  expect(() => parseAuditor("Alice!")).toThrow("`--add-auditor Alice!` names nobody");
});

test("labels are pairs", () => {
  expect(parseLabels(["team=web", "why=a=b"])).toEqual({ team: "web", why: "a=b" });
  expect(() => parseLabels(["team"])).toThrow("`--label team` is no label");
});
