import { describe, expect, test } from "vitest";
import type { AuditSpec } from "../schema/gate.ts";
import { refusal } from "../testing/play.ts";
import { playJob, playPipeline } from "../testing/start.ts";
import { World } from "../testing/world.ts";

const at = (seconds: number) =>
  new Date(Date.parse("2026-01-01T00:00:00.000Z") + seconds * 1000).toISOString();
const messagesOf = (decision: { history: { type: string; message?: string }[] }) =>
  decision.history.map(({ type, message }) => `${type}: ${message}`);

const rules: AuditSpec = {
  auditors: ["ann", "@leads", "starter"],
  required: 2,
  expiresIn: "60s",
  remindEvery: "25s",
};

function waitingFor(more: Partial<AuditSpec> = {}) {
  const world = new World({ groups: { leads: ["bob", "cid"] } });
  return playPipeline("a > b", { world, tasks: { a: { audit: { ...rules, ...more } } } });
}

describe("a reminder", () => {
  test("names those who have not decided, and the next one follows", () => {
    const play = waitingFor();
    play.world.standIns.set("cid", "sue");
    play.audit("a", "PASS", "ann");
    const reminded = play.wake("a");
    expect(messagesOf(reminded)).toEqual(["AUDIT_REMIND: still waits for bob, sue"]);
    expect(play.task("a").wakeAt).toBe(at(50));
    expect(reminded.records).toEqual([]);
  });

  test("comes once after a long downtime, and then at its regular time", () => {
    const play = waitingFor({ expiresIn: "10h" });
    play.world.nowMs += 3_601_000;
    const late = play.wake("a");
    expect([play.lines(late), play.task("a").wakeAt]).toEqual([["a: AUDIT_REMIND"], at(3625)]);
  });

  test("names groups when nobody can be named, and not more people than one reads", () => {
    const people = Array.from({ length: 30 }, (_, index) => `p${index}`);
    const crowd = playPipeline("a", {
      world: new World({ groups: { all: people } }),
      tasks: { a: { audit: { auditors: ["@all"], remindEvery: "10s" } } },
    });
    expect(messagesOf(crowd.wake("a"))[0]).toMatch(/still waits for p0, p1, .*, p19 and 10 more$/);
  });

  test("that rings early, or for a gate that is decided, does nothing", () => {
    const play = waitingFor();
    const wake = { type: "wake", taskId: play.task("a").id } as const;
    const early = play.submit(wake);
    play.audit("a", "PASS", "ann");
    play.audit("a", "PASS", "bob");
    play.world.nowMs += 3_600_000;
    expect([early.history, play.submit(wake).history, play.task("a").wakeAt]).toEqual([[], [], undefined]);
  });
});

describe("a gate whose time is over", () => {
  test("expires: the task fails, and the run with it", () => {
    const play = waitingFor({ remindEvery: undefined });
    play.audit("a", "PASS", "ann");
    const expired = play.wake("a");
    expect(play.lines(expired)).toEqual([
      "a: AUDIT_EXPIRED",
      "a: PENDING -> FAILED [AUDIT_EXPIRED]",
      "b: PENDING -> SKIPPED [RUN_FAILED]",
      "run: ACTIVE -> FAILED [TASK_FAILED]",
    ]);
    const { audit, status, wakeAt } = play.task("a");
    expect({ stage: audit?.stage, closedAt: audit?.closedAt, message: status.message, wakeAt }).toEqual({
      stage: "EXPIRED",
      closedAt: at(60),
      message: "audit expired: 1 of 2 passed within 1m00s",
      wakeAt: undefined,
    });
    expect(refusal(() => play.audit("a", "PASS", "bob"))).toBe(
      "GATE_NOT_OPEN: the audit of task `a` is EXPIRED; it is decided while it is WAITING",
    );
  });

  test("expires at once after a downtime beyond its end, without reminders that nobody needs any more", () => {
    const play = waitingFor();
    play.world.nowMs += 3_600_000;
    expect(play.lines(play.wake("a"))[0]).toBe("a: AUDIT_EXPIRED");
  });

  test("of a confirm fails the task at the time of its work", () => {
    const play = playJob({ confirm: { checkers: ["ann"], expiresIn: "1h" }, timeout: "10s" });
    play.report("noop", "SUCCEEDED", { at: at(5) });
    const waits = play.task().wakeAt;
    const expired = play.wake("noop");
    expect([waits, play.lines(expired), play.effects(expired)]).toEqual([
      at(3600),
      ["noop: CONFIRM_EXPIRED", "noop: ACTIVE -> FAILED [CONFIRM_EXPIRED]"],
      ["RELEASE noop"],
    ]);
    expect(play.task().status).toMatchObject({
      stage: "FAILED",
      reason: "CONFIRM_EXPIRED",
      message: "confirm expired: 0 of 1 passed within 1h00m",
      endAt: at(5),
    });
  });

  test("of a task that is run again opens anew", () => {
    const play = playJob({ audit: { auditors: ["ann"], expiresIn: "1h" } });
    play.wake("noop");
    play.rerun();
    expect([play.task().attempt, play.task().audit?.stage, play.task().wakeAt]).toEqual([
      2,
      "WAITING",
      at(7200),
    ]);
  });
});

describe("a gate that is escalated", () => {
  const escalating: Partial<AuditSpec> = { onExpire: "ESCALATE", escalateTo: ["boss"], remindEvery: "25s" };

  test("asks others too, for as long again, and expires then", () => {
    const play = waitingFor(escalating);
    play.wake("a");
    play.wake("a");
    const escalated = play.wake("a");
    expect(messagesOf(escalated)).toEqual([
      `AUDIT_ESCALATED: 0 of 2 passed within 1m00s; boss may decide too, until ${at(120)}`,
    ]);
    expect(play.task("a").audit).toMatchObject({
      stage: "WAITING",
      people: ["ann", "@leads", "starter", "boss"],
      escalatedAt: at(60),
      expiresAt: at(120),
    });
    expect(play.task("a").wakeAt).toBe(at(75));
    play.wake("a");
    play.wake("a");
    expect([play.world.now, play.lines(play.wake("a"))[0]]).toEqual([at(100), "a: AUDIT_EXPIRED"]);
    expect(play.task("a").status.message).toBe("audit expired: 0 of 2 passed within 1m00s of its escalation");
  });

  test("is passed by those who were asked then", () => {
    const play = waitingFor({ ...escalating, remindEvery: undefined });
    play.wake("a");
    play.audit("a", "PASS", "boss");
    play.audit("a", "PASS", "ann");
    expect(play.task("a").status.stage).toBe("CREATING");
  });

  test("after a downtime gives those who are asked their whole time", () => {
    const play = waitingFor(escalating);
    play.world.nowMs += 1_000_000;
    play.wake("a");
    expect([play.task("a").audit?.expiresAt, play.task("a").wakeAt]).toEqual([at(1060), at(1025)]);
  });
});

describe("the decision record", () => {
  test("has a row for the opening, the escalation and the expiry, with the rule and the digest", () => {
    const play = waitingFor({ onExpire: "ESCALATE", escalateTo: ["boss"], remindEvery: undefined });
    play.wake("a");
    play.wake("a");
    const { id, audit, pipelineTaskId } = play.task("a");
    const place = {
      domain: "default",
      namespace: "default",
      pipelineTaskId,
      taskId: id,
      taskName: "a",
      attempt: 1,
      gate: "AUDIT",
      digest: audit?.digest,
    };
    expect(play.decisions.flatMap((decision) => decision.records)).toEqual([
      {
        ...place,
        at: at(0),
        act: "OPEN",
        rule: "2 of ann, @leads, starter must pass; after 1m00s boss may too",
      },
      {
        ...place,
        at: at(60),
        act: "ESCALATE",
        rule: `0 of 2 passed within 1m00s; boss may decide too, until ${at(120)}`,
      },
      { ...place, at: at(120), act: "EXPIRE", rule: "0 of 2 passed within 1m00s of its escalation" },
    ]);
  });
});
