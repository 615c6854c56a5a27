import { describe, expect, test } from "vitest";
import { decidersOf, type GateQuestion, type OpenQuestion } from "./deciders.ts";
import {
  ablePeople,
  closeGate,
  escalateGate,
  type GateKind,
  gateWakeAt,
  makeGate,
  needsDecision,
  openGate,
  remindedGate,
} from "./gate.ts";
import { decideGate, withdrawPass } from "./gate-decision.ts";
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
    expect(ablePeople(gate.people, DEFAULT_SCOPE, context)).toEqual(["ann", "carol", "dave"]);
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

const T0 = world.nowMs;
const at = (seconds: number) => new Date(T0 + seconds * 1000).toISOString();

describe("the times of a gate", () => {
  const rules: AuditSpec = {
    auditors: ["ann"],
    expiresIn: "60s",
    onExpire: "ESCALATE",
    escalateTo: ["boss", "ann"],
    remindEvery: "25s",
  };

  test("begin when it opens, and the nearest of them rings next", () => {
    const gate = waiting(rules);
    const { expiresAt, remindAt } = gate;
    expect({ expiresAt, remindAt, wakeAt: gateWakeAt(gate) }).toEqual({
      expiresAt: at(60),
      remindAt: at(25),
      wakeAt: at(25),
    });
  });

  const ringing: [string, Gate | undefined, string | undefined][] = [
    ["of no gate never", undefined, undefined],
    ["of a gate that has not opened never", gateOf(rules), undefined],
    ["of a gate that is decided never", { ...waiting(rules), stage: "PASS" }, undefined],
    ["without any times never", waiting({ auditors: ["ann"] }), undefined],
    ["without reminders at its end", waiting({ auditors: ["ann"], expiresIn: "1m" }), at(60)],
    ["without an end at its reminder", waiting({ auditors: ["ann"], remindEvery: "1m" }), at(60)],
    ["at its end when a reminder would come later", { ...waiting(rules), remindAt: at(75) }, at(60)],
    [
      "beyond the years that sort as text, too",
      { ...waiting(rules), expiresAt: "+010000-01-01T00:00:00.000Z", remindAt: at(5) },
      at(5),
    ],
  ];
  test.each(ringing)("ring %s", (_when, gate, wakeAt) => {
    expect(gateWakeAt(gate)).toBe(wakeAt);
  });

  const reminders: [string, number, number][] = [
    ["in time", 25, 50],
    ["a little late", 30, 50],
    ["when some were missed", 99, 100],
    ["exactly when the next one is due", 50, 75],
    ["after a long downtime", 1_000_010, 1_000_025],
  ];
  test.each(reminders)("remind at the next regular time: %s", (_when, now, next) => {
    expect(remindedGate(waiting(rules), T0 + now * 1000).remindAt).toBe(at(next));
  });

  test("leave a reminder alone that is still to come", () => {
    const gate = waiting(rules);
    expect(remindedGate(gate, T0 + 24_999)).toBe(gate);
  });

  test("begin anew when it is escalated, for as long again, with those asked who were not", () => {
    const gate = waiting(rules);
    expect(escalateGate(gate, T0 + 61_000)).toEqual({
      ...gate,
      people: ["ann", "boss"],
      escalatedAt: at(61),
      expiresAt: at(121),
      remindAt: at(75),
    });
  });
});

describe("who stands in for somebody away", () => {
  const away = new World({ groups: { leads: ["carol", "dave"] } });
  away.standIns.set("ann", "sue").set("bob", "sue").set("carol", "ann").set("sue", "tom");

  const question = (gate: Gate, startedBy = "starter"): OpenQuestion => ({
    kind: "audit",
    gate,
    taskName: "deploy",
    scope: DEFAULT_SCOPE,
    startedBy,
  });
  const decide = (gate: Gate, user: string, startedBy?: string, verdict: "PASS" | "DENY" = "PASS") =>
    decideGate(question(gate, startedBy), { verdict, comment: "so it is" }, user, away.context());

  test("decides for them, and the decision says for whom", () => {
    const { gate, decision, rule } = decide(waiting({ auditors: ["ann"] }), "sue");
    expect([gate.stage, decision, rule]).toEqual([
      "PASS",
      {
        user: "sue",
        onBehalfOf: "ann",
        verdict: "PASS",
        comment: "so it is",
        at: away.now,
        digest: "digest-1",
      },
      "sue stands in for ann, who is away; ann is listed; 1 of 1 passed",
    ]);
  });

  test("decides for a member of a listed group", () => {
    const { decision, rule } = decide(waiting({ auditors: ["@leads"] }), "ann");
    expect([decision.onBehalfOf, rule]).toEqual([
      "carol",
      "ann stands in for carol, who is away; carol is in @leads; 1 of 1 passed",
    ]);
  });

  test("decides as themself when they are listed too, and counts once", () => {
    const gate = waiting({ auditors: ["ann", "carol"], required: 2 });
    const first = decide(gate, "ann");
    expect(first.decision.onBehalfOf).toBeUndefined();
    expect(refusal(() => decide(first.gate, "ann"))).toBe(
      "ALREADY_DECIDED: ann has decided the audit of task `deploy` already; each person decides once",
    );
  });

  test("denies for them", () => {
    expect(decide(waiting({ auditors: ["ann", "dave"] }), "sue", undefined, "DENY").gate.stage).toBe("DENY");
  });

  const both = waiting({ auditors: ["ann", "bob", "dave"], required: 3 });
  const bySue = decide(both, "sue").gate;
  const byAnn = decide(both, "ann").gate;
  const refused: [string, Gate, string, string | undefined, string][] = [
    [
      "whoever stands in for two of them counts once",
      bySue,
      "sue",
      undefined,
      "ALREADY_DECIDED: sue has decided the audit of task `deploy` already; each person decides once",
    ],
    [
      "who comes back finds it decided",
      bySue,
      "ann",
      undefined,
      "ALREADY_DECIDED: sue has decided the audit of task `deploy` for ann, who was away",
    ],
    [
      "who has decided before they left is not decided for",
      decide(waiting({ auditors: ["ann", "dave"], required: 2 }), "ann").gate,
      "sue",
      undefined,
      "ALREADY_DECIDED: ann, for whom sue stands in, has decided the audit of task `deploy` already",
    ],
    [
      "standing in is not handed on",
      both,
      "tom",
      undefined,
      "NOT_LISTED: tom is not listed for the audit of task `deploy`; these may decide: sue (for ann, who is away), sue (for bob, who is away), dave",
    ],
    [
      "the starter does not stand in for others",
      both,
      "sue",
      "sue",
      "SELF_DECISION: sue started the run and may not decide the audit of task `deploy`; these may: ann, bob, dave",
    ],
    [
      "nobody stands in for the starter",
      waiting({ auditors: ["ann", "dave"] }),
      "sue",
      "ann",
      "SELF_DECISION: sue stands in for ann, who started the run, and may not decide the audit of task `deploy`; these may: dave",
    ],
  ];
  test.each(refused)("%s", (_rule, gate, user, startedBy, message) => {
    expect(refusal(() => decide(gate, user, startedBy))).toBe(message);
  });

  test("stands in for the starter, and the starter for others, with `allowSelf`", () => {
    const gate = waiting({ auditors: ["ann"], allowSelf: true });
    expect([decide(gate, "sue", "ann").gate.stage, decide(gate, "sue", "sue").gate.stage]).toEqual([
      "PASS",
      "PASS",
    ]);
  });

  test("decides for the other whom they stand in for when the first has decided", () => {
    expect(decide(byAnn, "sue").decision.onBehalfOf).toBe("bob");
  });

  test("is among those who can still decide, until they have", () => {
    expect(decidersOf(question(both), away.context())).toEqual([
      { user: "ann", standIn: "sue" },
      { user: "bob", standIn: "sue" },
      { user: "dave" },
    ]);
    expect(decidersOf(question(bySue), away.context())).toEqual([{ user: "bob" }, { user: "dave" }]);
  });
});

describe("who cannot decide in the scope", () => {
  const barred = new World();
  barred.barred.set("eve", "is disabled");
  barred.standIns.set("ann", "eve");
  const question: OpenQuestion = {
    ...{ kind: "audit", taskName: "deploy", scope: DEFAULT_SCOPE, startedBy: "rob" },
    gate: waiting({ auditors: ["ann", "eve"] }),
  };

  test("is not among those who can still decide, nor stands in for one", () => {
    expect(decidersOf(question, barred.context())).toEqual([{ user: "ann" }]);
  });

  test("is refused, and told why", () => {
    const said = { verdict: "PASS" as const };
    expect(refusal(() => decideGate(question, said, "eve", barred.context()))).toBe(
      "FORBIDDEN: eve may not decide the audit of task `deploy`: is disabled",
    );
  });
});

describe("a pass that is taken back", () => {
  const gate = decideBy(waiting({ auditors: ["ann", "bob"], required: 2 }), "ann", PASS);
  const passed = decideBy(gate, "bob", PASS);
  const asked = (of: Gate | undefined, kind: GateKind = "audit"): GateQuestion => ({
    kind,
    gate: of,
    taskName: "deploy",
    scope: DEFAULT_SCOPE,
    startedBy: "starter",
  });

  test("counts no more, is kept, and may be given again", () => {
    const { gate: after } = withdrawPass(asked(gate), false, "ann", context);
    expect(after.decisions).toEqual([
      { user: "ann", verdict: "PASS", at: world.now, digest: "digest-1", withdrawnAt: world.now },
    ]);
    const bob = decideBy(after, "bob", PASS);
    expect([bob.stage, decideBy(bob, "ann", PASS).stage]).toEqual(["WAITING", "PASS"]);
  });

  test("leaves the gate PASS for the caller to open again when its task has not started", () => {
    expect(withdrawPass(asked(passed), false, "bob", context).gate.stage).toBe("PASS");
  });

  const denied = decideBy(gate, "bob", { verdict: "DENY", comment: "no" });
  const overdue = { ...gate, expiresAt: world.now };
  const refused: [string, GateQuestion, boolean, string, string][] = [
    ["where there is no gate", asked(undefined), false, "ann", "GATE_NOT_OPEN: task `deploy` has no audit"],
    [
      "by who has not decided",
      asked(gate),
      false,
      "bob",
      "WITHDRAW_REFUSED: bob has not decided the audit of task `deploy`; there is nothing to withdraw",
    ],
    [
      "twice",
      asked(withdrawPass(asked(gate), false, "ann", context).gate),
      false,
      "ann",
      "WITHDRAW_REFUSED: ann has not decided the audit of task `deploy`; there is nothing to withdraw",
    ],
    [
      "once the task has started",
      asked(passed),
      true,
      "ann",
      "WITHDRAW_REFUSED: the audit of task `deploy` has passed, and the task has started; a pass is taken back before that",
    ],
    [
      "of a confirm that has passed",
      asked(passed, "confirm"),
      false,
      "ann",
      "WITHDRAW_REFUSED: the confirm of task `deploy` has passed, and the task has ended; a pass is taken back before that",
    ],
    [
      "of a gate that was denied",
      asked(denied),
      false,
      "ann",
      "GATE_NOT_OPEN: the audit of task `deploy` is DENY; it is decided while it is WAITING",
    ],
    [
      "when it is a DENY",
      asked(denied),
      false,
      "bob",
      "WITHDRAW_REFUSED: bob decided DENY on the audit of task `deploy`; only a PASS is taken back",
    ],
    [
      "when the time is over",
      asked(overdue),
      false,
      "ann",
      `GATE_NOT_OPEN: the audit of task \`deploy\` has expired at ${world.now}`,
    ],
  ];
  test.each(refused)("is refused %s", (_when, question, hasStarted, user, message) => {
    expect(refusal(() => withdrawPass(question, hasStarted, user, context))).toBe(message);
  });
});

describe("a decision when the time is over, before the alarm that ends the gate,", () => {
  const overdue = { ...waiting({ auditors: ["ann"], expiresIn: "1h" }), expiresAt: world.now };

  test("is refused: expiry never passes", () => {
    expect(refusal(() => decideBy(overdue, "ann", PASS))).toBe(
      `GATE_NOT_OPEN: the audit of task \`deploy\` has expired at ${world.now}`,
    );
  });

  test("counts when others are to be asked then: the gate goes on waiting", () => {
    expect(decideBy({ ...overdue, escalateTo: ["boss"] }, "ann", PASS).stage).toBe("PASS");
  });
});
