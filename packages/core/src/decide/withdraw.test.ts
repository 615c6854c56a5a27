import { describe, expect, test } from "vitest";
import type { Actor } from "../change.ts";
import { person, refusal } from "../testing/play.ts";
import { playJob, playPipeline } from "../testing/start.ts";
import { World } from "../testing/world.ts";

const at = (seconds: number) =>
  new Date(Date.parse("2026-01-01T00:00:00.000Z") + seconds * 1000).toISOString();
const audit = { auditors: ["ann", "bob"], expiresIn: "60s", remindEvery: "20s" };

describe("a pass that is taken back", () => {
  test("while the gate waits counts no more, and its times stay", () => {
    const play = playJob({ audit: { ...audit, required: 2 } });
    play.audit("noop", "PASS", "ann");
    play.world.nowMs += 5000;
    const withdrawn = play.withdraw("audit", "noop", "ann", "not sure");
    expect([play.lines(withdrawn), withdrawn.history[0]?.message]).toEqual([
      ["noop: AUDIT_WITHDRAWN"],
      "not sure",
    ]);
    expect(play.task().wakeAt).toBe(at(20));
    play.audit("noop", "PASS", "bob");
    expect(play.task().audit?.stage).toBe("WAITING");
    play.audit("noop", "PASS", "ann");
    expect(play.task().status.stage).toBe("CREATING");
  });

  test("while the task waits for a slot lets its audit wait again, for its whole time", () => {
    const play = playPipeline("a > b", { world: new World({ slots: 0 }), tasks: { a: { audit } } });
    play.audit("a", "PASS", "ann");
    expect([play.task("a").status.stage, play.task("a").wakeAt]).toEqual(["SCHEDULING", undefined]);
    play.world.nowMs += 50_000;
    const withdrawn = play.withdraw("audit", "a", "ann");
    expect(play.lines(withdrawn)).toEqual([
      "a: AUDIT_WITHDRAWN",
      "a: SCHEDULING -> PENDING",
      "a: AUDIT_WAITING",
    ]);
    const { openedAt, expiresAt, remindAt, closedAt, stage } = play.task("a").audit ?? {};
    expect({ openedAt, expiresAt, remindAt, closedAt, stage, wakeAt: play.task("a").wakeAt }).toEqual({
      openedAt: at(0),
      expiresAt: at(110),
      remindAt: at(70),
      closedAt: undefined,
      stage: "WAITING",
      wakeAt: at(70),
    });
    play.world.slots = 1;
    expect(play.taskTurn("a").tasks).toEqual([]);
    play.audit("a", "PASS", "bob");
    expect([play.task("a").status.stage, play.run.status.progress]).toEqual([
      "CREATING",
      { tasks: 2, open: 1, ended: 0 },
    ]);
  });

  test("of a confirm counts no more either", () => {
    const play = playJob({ confirm: { checkers: ["ann", "bob"], required: 2 } });
    play.report("noop", "SUCCEEDED");
    play.confirm("noop", "PASS", "ann");
    play.withdraw("confirm", "noop", "ann");
    play.confirm("noop", "PASS", "bob");
    expect([play.task().status.stage, play.task().confirm?.stage]).toEqual(["ACTIVE", "WAITING"]);
  });

  test("of a run that fails meanwhile is refused: the gate has closed", () => {
    const play = playPipeline("[a b]", {
      world: new World({ slots: 1 }),
      tasks: { b: { audit } },
    });
    play.audit("b", "PASS", "ann");
    play.report("a", "FAILED");
    expect(refusal(() => play.withdraw("audit", "b", "ann"))).toMatch(/^WITHDRAW_REFUSED/);
  });

  test("of nobody in particular is refused", () => {
    const play = playJob({ audit });
    const change = { type: "withdraw", gate: "audit", taskId: play.state.id, request: {} } as const;
    expect(refusal(() => play.submit(change))).toMatch(/^UNAUTHORIZED/);
  });
});

describe("the decision record", () => {
  test("says who decided and took back what, by which rule, and from where", () => {
    const play = playJob({ audit: { ...audit, required: 2 } });
    const ann: Actor = { ...person("ann"), source: { via: "LINK", link: "delivery-1" } };
    const { id: taskId } = play.state;
    play.submit({ type: "audit", taskId, request: { verdict: "PASS", comment: " fine " } }, ann);
    play.world.nowMs += 1000;
    play.submit({ type: "withdraw", gate: "audit", taskId, request: { comment: "no" } }, ann);
    const place = {
      domain: "default",
      namespace: "default",
      taskId,
      taskName: "noop",
      attempt: 1,
      gate: "AUDIT",
      digest: play.task().audit?.digest,
    };
    const source = { via: "LINK", link: "delivery-1" };
    expect(play.decisions.flatMap((decision) => decision.records).slice(1)).toEqual([
      {
        ...place,
        at: at(0),
        act: "DECIDE",
        user: "ann",
        verdict: "PASS",
        comment: "fine",
        rule: "ann is listed; 1 of 2 passed",
        source,
      },
      {
        ...place,
        at: at(1),
        act: "WITHDRAW",
        user: "ann",
        comment: "no",
        rule: `ann takes back the own pass of ${at(0)}; the gate still waits`,
        source,
      },
    ]);
  });
});
