// Comments on gates are kept for ever, so no secret of the task may be in one; and a secret that nobody can open any
// more keeps nobody from deciding or cancelling.

import { expect, test } from "vitest";
import type { Decision } from "../state.ts";
import { OPERATOR } from "../testing/play.ts";
import { playJob, playPipeline } from "../testing/start.ts";

const job = { runParams: [{ name: "TOKEN", sensitive: true }, { name: "NOTE" }] };
const runParams = { TOKEN: "s3cret-token", NOTE: "of the shop" };

function keptIn({ history, records, tasks, notices }: Decision): string {
  return JSON.stringify({ history, records, tasks, notices });
}

test("a secret that somebody types into a comment is kept nowhere", () => {
  const audit = { auditors: ["ann", "bob"], required: 2 };
  const play = playJob({ audit, runParams }, job);
  const passed = play.audit("noop", "PASS", "ann", "tried s3cret-token");
  expect(passed.records[0]?.comment).toBe("tried ***");
  expect(play.task().audit?.decisions[0]?.comment).toBe("tried ***");
  const withdrawn = play.withdraw("audit", "noop", "ann", "s3cret-token is wrong");
  expect([withdrawn.records[0]?.comment, withdrawn.history[0]?.message]).toEqual([
    "*** is wrong",
    "*** is wrong",
  ]);
  const denied = play.audit("noop", "DENY", "bob", "s3cret-token leaked");
  expect(play.task().status.message).toBe("audit denied by bob: *** leaked");
  for (const decision of [passed, withdrawn, denied]) expect(keptIn(decision)).not.toContain("s3cret-token");
});

test("why a task or a run is canceled is kept without secrets, also of tasks whose turn has not come", () => {
  const alone = playJob({ runParams }, job);
  const stopped = alone.cancel("noop", "s3cret-token leaked");
  expect(alone.task().status.message).toBe("*** leaked");
  const start = () =>
    playPipeline("a b", {
      jobs: { noop: job },
      request: { runParams: { TOKEN: "s3cret-token", NOTE: "n" } },
    });
  const pending = start();
  const dropped = pending.cancel("b", "s3cret-token leaked");
  expect(pending.task("b").status.message).toBe("*** leaked");
  const run = start();
  const canceled = run.cancelRun("s3cret-token leaked");
  expect(run.run.status.message).toBe("*** leaked");
  for (const decision of [stopped, dropped, canceled]) {
    expect(JSON.stringify([keptIn(decision), decision.run])).not.toContain("s3cret-token");
  }
});

test("what is pushed back tells its feedback without secrets", () => {
  const play = playJob({ confirm: { checkers: ["ann"] }, runParams }, job);
  play.report("noop", "SUCCEEDED");
  const taskId = play.task().id;
  const back = { verdict: "PUSH_BACK", pushBackTo: "noop", comment: "use no s3cret-token" } as const;
  const pushed = play.submit({ type: "confirm", taskId, request: back }, { name: "ann", operator: false });
  expect(play.task().feedback).toBe("use no ***");
  expect(keptIn(pushed)).not.toContain("s3cret-token");
});

test("a gate is denied, expires, and its task is cancelled, though the key of its secrets is gone; free texts are hidden", () => {
  const audit = { auditors: ["ann"] };
  const denied = playJob({ audit, runParams }, job);
  denied.world.isKeyLost = true;
  const decision = denied.audit("noop", "DENY", "ann", "s3cret-token");
  expect(denied.task().status.stage).toBe("FAILED");
  expect(decision.records[0]?.comment).toBe("***");
  expect(decision.notices.map(({ message }) => [message.type, message.comment])).toContainEqual([
    "AUDIT_DENY",
    "***",
  ]);

  const expired = playJob({ audit: { ...audit, expiresIn: "60s" }, runParams }, job);
  expired.world.isKeyLost = true;
  expired.world.nowMs += 60_000;
  expired.submit({ type: "wake", taskId: expired.task().id });
  expect([expired.task().audit?.stage, expired.task().status.stage]).toEqual(["EXPIRED", "FAILED"]);

  const canceled = playJob({ audit, runParams }, job);
  canceled.world.isKeyLost = true;
  const { notices } = canceled.submit(
    { type: "cancelTask", taskId: canceled.task().id, request: {} },
    OPERATOR,
  );
  expect(canceled.task().status.stage).toBe("CANCELED");
  expect(notices.map(({ message }) => [message.type, message.task?.params])).toEqual([
    [
      "AUDIT_CLOSED",
      [
        { name: "TOKEN", value: "***" },
        { name: "NOTE", value: "***" },
      ],
    ],
  ]);
});
