import { describe, expect, test } from "vitest";
import type { AuditSpec, ConfirmSpec } from "../schema/gate.ts";
import { person, refusal } from "../testing/play.ts";
import { playJob, playPipeline } from "../testing/start.ts";
import { World } from "../testing/world.ts";

const groups = { leads: ["lea", "starter"], starters: ["starter"], none: [] };
const run = (tasks: Record<string, { audit?: AuditSpec; confirm?: ConfirmSpec; skipRun?: boolean }>) =>
  playPipeline("a b", { world: new World({ groups }), tasks });

describe("a run with a gate that nobody could ever pass", () => {
  const cases: [string, () => unknown, string][] = [
    [
      "because only the starter is listed",
      () => run({ a: { audit: { auditors: ["starter"] } } }),
      "the audit of task `a` needs 1 person, and of starter nobody may decide (starter starts the run and may not)",
    ],
    [
      "because a group holds the starter alone",
      () => run({ b: { confirm: { checkers: ["@starters"] } } }),
      "the confirm of task `b` needs 1 person, and of @starters nobody may decide (starter starts the run and may not)",
    ],
    [
      "because a group is empty",
      () => run({ a: { audit: { auditors: ["@none", "@unknown"] } } }),
      "the audit of task `a` needs 1 person, and of @none, @unknown nobody may decide; @none, @unknown have no members",
    ],
    [
      "because fewer than are required may",
      () => run({ a: { audit: { auditors: ["ann", "@leads"], required: 3 } } }),
      "the audit of task `a` needs 3 people, and of ann, @leads only ann, lea may decide (starter starts the run and may not)",
    ],
    [
      "names all such gates at once",
      () =>
        run({ a: { audit: { auditors: ["@none"] } }, b: { confirm: { checkers: ["ann"], required: 2 } } }),
      "the audit of task `a` needs 1 person, and of @none nobody may decide; @none has no members; " +
        "the confirm of task `b` needs 2 people, and of ann only ann may decide",
    ],
    [
      "of a lone task",
      () => playJob({ confirm: { checkers: ["starter"] } }),
      "the confirm of task `noop` needs 1 person, and of starter nobody may decide (starter starts the run and may not)",
    ],
    [
      "because those who are listed cannot decide, and says why",
      () => {
        const world = new World({ groups: { ...groups, old: ["tim"] } });
        world.barred.set("tmp", "no such user").set("tim", "has no role in default/default");
        return playPipeline("a", { world, tasks: { a: { audit: { auditors: ["tmp", "@old"] } } } });
      },
      "the audit of task `a` needs 1 person, and of tmp, @old nobody may decide; tmp: no such user; tim: has no role in default/default",
    ],
  ];
  test.each(cases)("is refused %s", (_why, start, message) => {
    expect(refusal(start)).toBe(`GATE_CANNOT_PASS: ${message}`);
  });

  test.each([
    ["`allowSelf` lets the starter decide", { audit: { auditors: ["starter"], allowSelf: true } }],
    [
      "somebody joins it with the escalation",
      {
        audit: {
          auditors: ["starter", "ann"],
          required: 2,
          expiresIn: "1h",
          onExpire: "ESCALATE" as const,
          escalateTo: ["@leads"],
        },
      },
    ],
    ["it is not enabled", { audit: { enable: false, auditors: ["starter"] } }],
    ["its task is skipped", { skipRun: true, audit: { auditors: ["starter"] } }],
    ["nobody is listed", { confirm: { checkers: [] } }],
  ])("starts when %s", (_why, task) => {
    expect(run({ a: task }).run.status.stage).toBe("ACTIVE");
  });

  test("starts when the request adds somebody who may", () => {
    const request = { auditors: [{ name: "ann" }] };
    const play = playPipeline("a", { request, tasks: { a: { audit: { auditors: ["starter"] } } } });
    expect(play.task("a").audit?.people).toEqual(["starter", "ann"]);
  });

  test("is refused when it is the only auditor who runs the task again", () => {
    const play = playJob({ audit: { auditors: ["ann"], expiresIn: "1h" } });
    play.wake("noop");
    expect(refusal(() => play.rerun(person("ann")))).toMatch(/^GATE_CANNOT_PASS: .* \(ann starts the run/);
    expect(play.task().status.stage).toBe("FAILED");
  });
});
