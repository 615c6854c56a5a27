import { describe, expect, test } from "vitest";
import type { GateQuestion } from "./deciders.ts";
import { closeGate, type GateKind, listedUsers, makeGate, needsDecision, openGate } from "./gate.ts";
import { decideGate } from "./gate-decision.ts";
import type { AddedAuditor, AuditSpec, ConfirmSpec, Gate } from "./schema/gate.ts";
import type { DecideRequest } from "./schema/request.ts";
import { DEFAULT_SCOPE } from "./schema/scalars.ts";
import { refusal } from "./testing/play.ts";
import { World } from "./testing/world.ts";

const world = new World({ groups: { leads: ["carol", "dave"], nobody: [] } });
const context = world.context();
const gateOf = (spec: AuditSpec, added?: AddedAuditor[]) => makeGate("audit", spec, added) as Gate;
const waiting = (spec: AuditSpec) => openGate(gateOf(spec), "digest-1", world.nowMs);

function decideBy(gate: Gate | undefined, user: string, request: DecideRequest): Gate {
  const question: GateQuestion = {
    kind: "audit",
    gate,
    taskName: "deploy",
    scope: DEFAULT_SCOPE,
    startedBy: "starter",
  };
  return decideGate(question, request, user, context).gate;
}

const PASS: DecideRequest = { verdict: "PASS" };

describe("a gate", () => {
  const made: [string, GateKind, AuditSpec | ConfirmSpec, Partial<Gate>][] = [
    ["an audit without rules asks for one other person", "audit", { auditors: ["ann"] }, { people: ["ann"] }],
    [
      "a confirm keeps its rules, and lets results be pushed back three times",
      "confirm",
      { checkers: ["ann", "@leads"], required: 2, allowSelf: true },
      { people: ["ann", "@leads"], required: 2, allowSelf: true, maxPushBacks: 3 },
    ],
    ["an enabled gate without people lists nobody", "audit", { enable: true }, { people: [] }],
    ["a person listed twice counts once", "audit", { auditors: ["ann", "ann"] }, { people: ["ann"] }],
    [
      "times are kept in milliseconds",
      "audit",
      { auditors: ["ann"], expiresIn: "2h", onExpire: "DENY", remindEvery: "30m" },
      { people: ["ann"], expiresInMs: 7_200_000, remindEveryMs: 1_800_000 },
    ],
    [
      "whom it is escalated to is kept, each once",
      "confirm",
      {
        checkers: ["ann"],
        expiresIn: "1d",
        onExpire: "ESCALATE",
        escalateTo: ["@leads", "@leads"],
        maxPushBacks: 0,
      },
      { people: ["ann"], expiresInMs: 86_400_000, escalateTo: ["@leads"], maxPushBacks: 0 },
    ],
    [
      "whom it would be escalated to is not kept when it is denied instead, or never expires",
      "audit",
      { auditors: ["ann"], expiresIn: "1d", escalateTo: ["@leads"] },
      { people: ["ann"], expiresInMs: 86_400_000 },
    ],
    [
      "without an end nothing is escalated",
      "audit",
      { auditors: ["ann"], onExpire: "ESCALATE", escalateTo: ["@leads"] },
      { people: ["ann"] },
    ],
  ];
  test.each(made)("is made by its rules: %s", (_rule, kind, spec, expected) => {
    const blank = { required: 1, allowSelf: false, stage: "PENDING", decisions: [] };
    expect(makeGate(kind, spec)).toEqual({ ...blank, ...expected });
  });

  test.each([
    [
      "an end at once",
      { expiresIn: "0s" },
      "`expiresIn: 0s` of the audit is too short; nobody could decide; give a longer one or remove it",
    ],
    [
      "a storm of reminders",
      { remindEvery: "10ms" },
      "`remindEvery: 10ms` of the audit is too short; give at least 1s, or remove it",
    ],
    [
      "an escalation to nobody",
      { expiresIn: "1h", onExpire: "ESCALATE" as const, escalateTo: [] },
      "`onExpire: ESCALATE` of the audit asks nobody; list people in `escalateTo`, or remove it",
    ],
  ])("is refused with %s", (_what, rules, message) => {
    expect(refusal(() => makeGate("audit", { auditors: ["ann"], ...rules }))).toBe(`BAD_REQUEST: ${message}`);
  });

  test("joins the people whom a run request adds to those who are listed", () => {
    expect(gateOf({ auditors: ["ann"] }, [{ name: "bob" }, { name: "ann" }]).people).toEqual(["ann", "bob"]);
  });

  const needed: [string, boolean, Gate | undefined][] = [
    ["there is none", false, undefined],
    ["it is not enabled", false, makeGate("audit", { enable: false, auditors: ["ann"] })],
    ["it lists nobody", false, makeGate("audit", {})],
    ["it has passed", false, { ...gateOf({ auditors: ["ann"] }), stage: "PASS" }],
    ["it lists somebody", true, makeGate("audit", { auditors: ["ann"] })],
  ];
  test.each(needed)("needs a decision, when %s: %s", (_when, isNeeded, gate) => {
    expect(needsDecision(gate)).toBe(isNeeded);
  });

  test("opens with the digest of what is decided on, and closes undecided when its task ends", () => {
    const gate = gateOf({ auditors: ["ann"] });
    const opened = openGate(gate, "digest-1", world.nowMs);
    expect(opened).toEqual({
      ...gate,
      stage: "WAITING",
      digest: "digest-1",
      openedAt: "2026-01-01T00:00:00.000Z",
    });
    expect(closeGate(opened, "2026-01-01T00:00:01.000Z")).toEqual({
      ...opened,
      stage: "CLOSED",
      closedAt: "2026-01-01T00:00:01.000Z",
    });
  });

  test("lists the members of its groups, each once", () => {
    const gate = gateOf({ auditors: ["ann", "@leads", "carol", "@unknown"] });
    expect(listedUsers(gate, DEFAULT_SCOPE, context)).toEqual(["ann", "carol", "dave"]);
  });
});

describe("a decision", () => {
  test("of the one that is required passes the gate, and is kept with the digest and the comment", () => {
    const gate = waiting({ auditors: ["ann"] });
    expect(decideBy(gate, "ann", { verdict: "PASS", comment: " fine ", digest: "digest-1" })).toEqual({
      ...gate,
      stage: "PASS",
      closedAt: world.now,
      decisions: [{ user: "ann", verdict: "PASS", comment: "fine", at: world.now, digest: "digest-1" }],
    });
  });

  test("of a member of a listed group counts", () => {
    expect(decideBy(waiting({ auditors: ["@leads"] }), "dave", PASS).stage).toBe("PASS");
  });

  test("waits for as many different people as are required", () => {
    const gate = waiting({ auditors: ["ann", "bob", "@leads"], required: 3 });
    const one = decideBy(gate, "ann", PASS);
    const two = decideBy(one, "bob", PASS);
    const three = decideBy(two, "carol", PASS);
    expect([one, two, three].map(({ stage, decisions }) => [stage, decisions.length])).toEqual([
      ["WAITING", 1],
      ["WAITING", 2],
      ["PASS", 3],
    ]);
  });

  test("to DENY denies at once, however many have passed", () => {
    const gate = decideBy(waiting({ auditors: ["ann", "bob"], required: 2 }), "ann", PASS);
    const denied = decideBy(gate, "bob", { verdict: "DENY", comment: "not on a Friday" });
    expect([denied.stage, denied.decisions.map((each) => each.verdict)]).toEqual(["DENY", ["PASS", "DENY"]]);
  });

  test("of the starter counts with `allowSelf`", () => {
    expect(decideBy(waiting({ auditors: ["starter"], allowSelf: true }), "starter", PASS).stage).toBe("PASS");
  });

  const listed = waiting({ auditors: ["ann", "@leads", "starter"], required: 2 });
  const refused: [string, Gate | undefined, string, DecideRequest, string][] = [
    ["where there is no gate", undefined, "ann", PASS, "GATE_NOT_OPEN: task `deploy` has no audit"],
    [
      "before the gate has opened",
      gateOf({ auditors: ["ann"] }),
      "ann",
      PASS,
      "GATE_NOT_OPEN: the audit of task `deploy` has not opened yet; it is decided while it is WAITING",
    ],
    [
      "after the gate has passed",
      decideBy(waiting({ auditors: ["ann", "bob"] }), "ann", PASS),
      "bob",
      PASS,
      "GATE_NOT_OPEN: the audit of task `deploy` is PASS; it is decided while it is WAITING",
    ],
    [
      "of somebody who is not listed",
      listed,
      "eve",
      PASS,
      "NOT_LISTED: eve is not listed for the audit of task `deploy`; these may decide: ann, carol, dave",
    ],
    [
      "of somebody when the listed group is empty",
      waiting({ auditors: ["@nobody"] }),
      "eve",
      PASS,
      "NOT_LISTED: eve is not listed for the audit of task `deploy`; these may decide: @nobody",
    ],
    [
      "of who started the run",
      listed,
      "starter",
      PASS,
      "SELF_DECISION: starter started the run and may not decide the audit of task `deploy`; these may: ann, carol, dave",
    ],
    [
      "of who started the run and is alone",
      waiting({ auditors: ["starter"] }),
      "starter",
      PASS,
      "SELF_DECISION: starter started the run and may not decide the audit of task `deploy`; these may: nobody else is listed",
    ],
    [
      "of the same person again",
      decideBy(listed, "ann", PASS),
      "ann",
      { verdict: "DENY", comment: "changed my mind" },
      "ALREADY_DECIDED: ann has decided the audit of task `deploy` already; each person decides once",
    ],
    [
      "on content that has changed since",
      listed,
      "ann",
      { verdict: "PASS", digest: "digest-0" },
      "CONTENT_CHANGED: the audit of task `deploy` is about digest-1, not digest-0",
    ],
    [
      "to deny without a comment",
      listed,
      "ann",
      { verdict: "DENY", comment: "  " },
      "COMMENT_REQUIRED: to deny the audit of task `deploy`, say why in `comment`",
    ],
  ];
  test.each(refused)("%s is refused with the rule and who may", (_when, gate, user, request, message) => {
    expect(refusal(() => decideBy(gate, user, request))).toBe(message);
  });
});
