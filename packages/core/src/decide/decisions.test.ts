import { describe, expect, test } from "vitest";
import { OPERATOR, person, refusal } from "../testing/play.ts";
import { playJob, playPipeline } from "../testing/start.ts";
import { World } from "../testing/world.ts";

const T0 = "2026-01-01T00:00:00.000Z";
const T5 = "2026-01-01T00:00:05.000Z";
const audit = { auditors: ["ann", "bob"] };
const confirm = { checkers: ["ann", "bob"] };

describe("an audit", () => {
  test("opens when the task's turn comes, frozen to a digest of what will run", () => {
    const play = playPipeline("a b", { tasks: { b: { audit } } });
    const before = play.task("b").audit;
    play.report("a", "SUCCEEDED");
    const digest = play.task("b").audit?.digest;
    expect([before, play.task("b").audit]).toEqual([
      { people: ["ann", "bob"], required: 1, allowSelf: false, stage: "PENDING", decisions: [] },
      {
        people: ["ann", "bob"],
        required: 1,
        allowSelf: false,
        stage: "WAITING",
        openedAt: T0,
        digest: expect.stringMatching(/^[0-9a-f]{64}$/),
        decisions: [],
      },
    ]);
    expect(play.task("b").status.stage).toBe("PENDING");
    const passed = play.audit("b", "PASS", "ann", "go");
    expect(play.lines(passed)).toEqual(["b: AUDIT_DECISION PASS", "b: AUDIT_PASS", "b: PENDING -> CREATING"]);
    expect(play.task("b").audit?.decisions).toEqual([
      { user: "ann", verdict: "PASS", comment: "go", at: T0, digest },
    ]);
  });

  test("denied fails the task, and the run skips the rest", () => {
    const play = playPipeline("a b", { tasks: { a: { audit } } });
    const denied = play.audit("a", "DENY", "bob", "not today");
    expect(play.lines(denied)).toEqual([
      "a: AUDIT_DECISION DENY",
      "a: AUDIT_DENY",
      "a: PENDING -> FAILED [AUDIT_DENIED]",
      "b: PENDING -> SKIPPED [RUN_FAILED]",
      "run: ACTIVE -> FAILED [TASK_FAILED]",
    ]);
    expect([play.task("a").status.message, play.effects()]).toEqual([
      "audit denied by bob: not today",
      ["RELEASE run"],
    ]);
  });

  test("of several waits for the others, and its decisions survive as rows", () => {
    const play = playJob({ audit: { ...audit, required: 2 } });
    const first = play.audit("noop", "PASS", "ann");
    expect([
      play.lines(first),
      first.tasks.map((task) => task.audit?.decisions.length),
      first.effects,
    ]).toEqual([["noop: AUDIT_DECISION PASS"], [1], []]);
    expect(play.effects(play.audit("noop", "PASS", "bob"))).toEqual(["START noop 1"]);
  });

  test("without people, or not enabled, asks nobody", () => {
    for (const spec of [{ enable: false, auditors: ["ann"] }, { auditors: [] }]) {
      const play = playPipeline("a", { tasks: { a: { audit: spec } } });
      expect(play.lines()).toEqual(["run: ACTIVE", "a: PENDING -> CREATING"]);
    }
  });

  test("passed when all slots are full lets the task wait for one", () => {
    const play = playJob({ audit }, {}, { world: new World({ slots: 0 }) });
    expect(play.lines(play.audit("noop", "PASS", "ann")).at(-1)).toBe("noop: PENDING -> SCHEDULING");
  });

  test("runs what was decided on: later runtime envs do not change it", () => {
    const jobs = { noop: { runParams: [{ name: "V", value: "audited" }] } };
    const play = playPipeline("[a b]", { jobs, tasks: { b: { audit } } });
    const { digest } = play.task("b").audit ?? {};
    play.report("a", "SUCCEEDED", { runtimeEnvs: { V: "later" } });
    play.audit("b", "PASS", "ann");
    expect([play.task("b").params?.[0]?.value, play.task("b").audit?.digest]).toEqual(["audited", digest]);
  });

  test("of the same content has the same digest, of other content another", () => {
    const digestOf = (value: string, version = "v") => {
      const runParams = [{ name: "V" }, { name: "TOKEN", sensitive: true, value: "t0ken" }];
      const spec = { runParams, runnerSpec: { version } };
      return playJob({ audit, runParams: { V: value } }, spec).task().audit?.digest;
    };
    expect(new Set([digestOf("1"), digestOf("1")]).size).toBe(1);
    expect(new Set([digestOf("1"), digestOf("2"), digestOf("1", "w")]).size).toBe(3);
  });
});

describe("a confirm", () => {
  test.each([
    ["SUCCEEDED", "PASS", "SUCCEEDED", undefined],
    ["SUCCEEDED", "DENY", "FAILED", "CONFIRM_DENIED"],
    ["FAILED", "PASS", "SUCCEEDED", undefined],
    ["FAILED", "DENY", "FAILED", "CONFIRM_DENIED"],
  ] as const)(
    "of a task that reported %s decides either way: %s makes it %s",
    (reported, verdict, stage, reason) => {
      const play = playJob({ confirm });
      play.report("noop", reported, { at: T5 });
      play.world.nowMs += 600_000;
      play.confirm("noop", verdict, "ann", "seen");
      expect(play.task().status).toMatchObject({ stage, endAt: T5, reported: { stage: reported, at: T5 } });
      expect(play.task().status.reason).toBe(reason);
    },
  );

  test("holds the task ACTIVE with `reported`, its alarm off and its work's times kept", () => {
    const play = playJob({ confirm, timeout: "10s" });
    play.report("noop", "ACTIVE", { at: T0 });
    const held = play.report("noop", "SUCCEEDED", { at: T5 });
    expect(play.lines(held)).toEqual(["noop: TASK_REPORTED SUCCEEDED", "noop: CONFIRM_WAITING"]);
    expect(play.task()).toMatchObject({
      status: { stage: "ACTIVE", startAt: T0, endAt: T5, reported: { stage: "SUCCEEDED", at: T5 } },
      wakeAt: undefined,
    });
  });

  test("is bound to what was reported: another result has another digest", () => {
    const digestOf = (
      stage: "SUCCEEDED" | "FAILED",
      runtimeEnvs?: Record<string, string>,
      markdownOutput?: string,
    ) => {
      const play = playJob({ confirm });
      play.report("noop", stage, {
        ...(runtimeEnvs && { runtimeEnvs }),
        ...(markdownOutput && { markdownOutput }),
      });
      return play.task().confirm?.digest;
    };
    const digests = [
      digestOf("SUCCEEDED"),
      digestOf("FAILED"),
      digestOf("SUCCEEDED", { A: "1" }),
      digestOf("SUCCEEDED", { A: "2" }),
      digestOf("SUCCEEDED", undefined, "# done"),
    ];
    expect(new Set(digests).size).toBe(5);
    expect(digestOf("SUCCEEDED")).toBe(digests[0]);
  });

  test("tells listeners of the ending once, when it is decided", () => {
    const play = playJob({ confirm });
    play.report("noop", "SUCCEEDED");
    play.confirm("noop", "DENY", "ann", "no");
    const endings = play
      .lines()
      .filter((line) => line.includes("-> SUCCEEDED") || line.includes("-> FAILED"));
    expect(endings).toEqual(["noop: ACTIVE -> FAILED [CONFIRM_DENIED]"]);
    expect(play.task().status.message).toBe("confirm denied by ann: no");
  });

  test("does not open for a timeout, nor for a missing status call: nobody reported a result", () => {
    const timedOut = playJob({ confirm, timeout: "10s" });
    timedOut.wake("noop");
    timedOut.report("noop", "FAILED");
    const silent = playJob({ confirm }, { manualUpdateStatus: true });
    silent.report("noop", "SUCCEEDED");
    silent.wake("noop");
    expect([timedOut, silent].map((play) => [play.task().status.reason, play.task().confirm?.stage])).toEqual(
      [
        ["TIMEOUT", "CLOSED"],
        ["NO_STATUS", "CLOSED"],
      ],
    );
  });
});

describe("a decision of a gate", () => {
  test("before the task reported, or after it was decided, is refused", () => {
    const play = playJob({ confirm });
    expect(refusal(() => play.confirm("noop", "PASS", "ann"))).toBe(
      "GATE_NOT_OPEN: the confirm of task `noop` has not opened yet; it is decided while it is WAITING",
    );
    play.report("noop", "SUCCEEDED");
    play.confirm("noop", "PASS", "ann");
    expect(refusal(() => play.confirm("noop", "PASS", "bob"))).toMatch(/is PASS; it is decided while/);
  });

  test("of a task that was canceled meanwhile is refused", () => {
    const play = playJob({ audit });
    play.cancel("noop");
    expect(refusal(() => play.audit("noop", "PASS", "ann"))).toMatch(
      /^GATE_NOT_OPEN: the audit of task `noop` is CLOSED/,
    );
  });

  test("of nobody in particular is refused", () => {
    const play = playJob({ audit });
    const change = { type: "audit", taskId: play.state.id, request: { verdict: "PASS" } } as const;
    expect(refusal(() => play.submit(change))).toBe(
      "UNAUTHORIZED: a gate is decided by a person; send a user's token",
    );
  });

  test("of an operator who is not listed is refused like anybody's", () => {
    const play = playJob({ audit });
    const change = { type: "audit", taskId: play.state.id, request: { verdict: "PASS" } } as const;
    expect(refusal(() => play.submit(change, OPERATOR))).toMatch(/^NOT_LISTED: op is not listed/);
  });

  test("is refused to who started the task, also by a rerun", () => {
    const play = playJob({ confirm }, {}, { actor: person("zoe") });
    play.report("noop", "FAILED");
    play.confirm("noop", "DENY", "ann", "no");
    play.rerun(person("bob"));
    play.report("noop", "SUCCEEDED");
    expect(refusal(() => play.confirm("noop", "PASS", "bob"))).toMatch(/^SELF_DECISION: bob started the run/);
    play.confirm("noop", "PASS", "ann");
    expect(play.task().status.stage).toBe("SUCCEEDED");
  });
});
