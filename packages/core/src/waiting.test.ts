import { expect, test } from "vitest";
import type { Gate } from "./schema/gate.ts";
import type { Play } from "./testing/play.ts";
import { playPipeline } from "./testing/start.ts";
import { World } from "./testing/world.ts";
import { waitingReason } from "./waiting.ts";

const auditors = ["ann", "bob", "starter"];

const cases: [string, (play: Play) => void, string | undefined][] = [
  [
    "for its audit",
    () => {},
    "waits for the audit by ann, bob (0 of 2 passed) since 2026-01-01T00:00:00.000Z",
  ],
  [
    "for those who have not decided",
    (play) => play.audit("a", "PASS", "ann"),
    "waits for the audit by bob (1 of 2 passed) since 2026-01-01T00:00:00.000Z",
  ],
  [
    "for a slot",
    (play) => {
      play.audit("a", "PASS", "ann");
      play.audit("a", "PASS", "bob");
    },
    "waits for its turn",
  ],
  ["for its creation", (play) => running(play), "is being created"],
  [
    "for its creation with the runner's reason",
    (play) => running(play).report("a", "CREATING", { message: "pulls the image" }),
    "is being created: pulls the image",
  ],
  ["for nothing while it runs", (play) => running(play).report("a", "ACTIVE"), undefined],
  [
    "for the end of timed out work",
    (play) => running(play).wake("a"),
    "timed out after 10s; waits for its work to stop",
  ],
  ["for the end of canceled work", (play) => running(play).cancel("a"), "waits for its work to stop"],
  [
    "for its confirm",
    (play) => running(play).report("a", "FAILED"),
    "reported FAILED; waits for the confirm by carol since 2026-01-01T00:00:00.000Z",
  ],
  ["for nothing once it has ended", (play) => play.cancel("a"), undefined],
];

function running(play: Play): Play {
  play.audit("a", "PASS", "ann");
  play.audit("a", "PASS", "bob");
  play.world.slots = 1;
  play.taskTurn("a");
  return play;
}

test.each(cases)("a task says that it waits %s", (_what, act, sentence) => {
  const world = new World({ slots: 0 });
  const play = playPipeline("a b", {
    world,
    tasks: { a: { audit: { auditors, required: 2 }, confirm: { checkers: ["carol"] }, timeout: "10s" } },
  });
  act(play);
  expect(waitingReason(play.task("a"))).toBe(sentence);
});

test("a task whose turn has not come says so", () => {
  expect(waitingReason(playPipeline("a b").task("b"))).toBe("waits for its turn");
});

test("a task whose work is gone says that its status call is awaited, whatever its stage", () => {
  const play = playPipeline("[a b]", { jobs: { noop: { manualUpdateStatus: true } } });
  play.status("b", "ACTIVE");
  play.report("a", "SUCCEEDED");
  play.report("b", "SUCCEEDED");
  const sentence = "its work has ended; waits for its status call";
  expect(["a", "b"].map((name) => waitingReason(play.task(name)))).toEqual([sentence, sentence]);
});

test("a gate that nobody may decide any more says so", () => {
  const play = playPipeline("a", { tasks: { a: { audit: { auditors: ["ann", "bob"], required: 2 } } } });
  play.audit("a", "PASS", "ann");
  const { audit } = play.task("a");
  const gate = { ...audit, people: ["ann", "starter"] } as Gate;
  expect(waitingReason({ ...play.task("a"), audit: gate })).toBe(
    "waits for the audit by nobody: all who are listed have decided or started the run (1 of 2 passed) since 2026-01-01T00:00:00.000Z",
  );
});

test("a gate says until when it waits, and who may decide then", () => {
  const play = playPipeline("a", {
    tasks: {
      a: { audit: { auditors: ["ann"], expiresIn: "1h", onExpire: "ESCALATE", escalateTo: ["boss"] } },
    },
  });
  const before = waitingReason(play.task("a"));
  play.wake("a");
  expect([before, waitingReason(play.task("a"))]).toEqual([
    "waits for the audit by ann since 2026-01-01T00:00:00.000Z, until 2026-01-01T01:00:00.000Z, then boss may decide too",
    "waits for the audit by ann, boss since 2026-01-01T00:00:00.000Z, escalated at 2026-01-01T01:00:00.000Z, until 2026-01-01T02:00:00.000Z",
  ]);
});

test("a pass that was taken back, and a person for whom another has passed, are told as they count", () => {
  const play = playPipeline("a", {
    tasks: { a: { audit: { auditors: ["ann", "bob", "cid"], required: 3 } } },
  });
  play.world.standIns.set("bob", "zoe");
  play.audit("a", "PASS", "ann");
  play.withdraw("audit", "a", "ann");
  play.audit("a", "PASS", "zoe");
  expect(waitingReason(play.task("a"))).toBe(
    "waits for the audit by ann, cid (1 of 3 passed) since 2026-01-01T00:00:00.000Z",
  );
});
