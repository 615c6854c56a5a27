import { describe, expect, test } from "vitest";
import { explain } from "../explain.ts";
import type { Notice, Recipient } from "../notice.ts";
import { Message } from "../schema/message.ts";
import type { SchemaNode } from "../schema-node.ts";
import type { Decision } from "../state.ts";
import { OPERATOR } from "../testing/play.ts";
import { playJob, playPipeline } from "../testing/start.ts";
import { World } from "../testing/world.ts";

const T0 = "2026-01-01T00:00:00.000Z";
const url = "https://example.com/hook";
const slack = "https://hooks.slack.com/services/T/B/x";

/** `SEND gate ann MAIL`, `UPDATE task/mentionUsers/0 ann IM`, `SEND task/webhooks/0`. */
function line({ action, listener, place }: Recipient): string {
  return [action, listener, ...(place.kind === "USER" ? [place.user, place.way] : [])].join(" ");
}

/** The type of each message with its recipients. */
function told({ notices }: Decision): [string, string[]][] {
  return notices.map(({ message, recipients }) => [message.type, recipients.map(line)]);
}

function types(decisions: readonly Decision[]): string[] {
  return decisions.flatMap(({ notices }) => notices.map(({ message }) => message.type));
}

describe("a message", () => {
  const jobs = {
    noop: {
      runParams: [{ name: "TOKEN", sensitive: true }, { name: "VERSION" }, { name: "NOTE" }],
    },
  };

  test("of a task says what changed, with everything that it was", () => {
    const play = playPipeline("a", {
      jobs,
      tasks: { a: { webhooks: [{ url, events: ["FAILED"] }] } },
      request: {
        runParams: { TOKEN: "s3cret-token", VERSION: "x".repeat(2000), NOTE: "is s3cret-token" },
        labels: { team: "shop" },
      },
    });
    play.report("a", "ACTIVE");
    play.output("a", {}, `# said s3cret-token ${"y".repeat(9000)}`);
    play.world.nowMs += 1500;
    const decision = play.report("a", "FAILED", {
      reason: "EXIT_CODE",
      message: "exit code 1 with s3cret-token",
      steps: [{ name: "sh s3cret-token", exitCode: 1 }],
    });
    const markdown = `# said *** ${"y".repeat(9000)}`;
    expect(decision.notices).toEqual<Notice[]>([
      {
        message: {
          version: 1,
          id: expect.stringMatching(/^msg-\d{26}$/),
          type: "FAILED",
          at: play.world.now,
          domain: "default",
          namespace: "default",
          startedBy: "starter",
          run: {
            id: play.run.id,
            name: "p",
            stage: "ACTIVE",
            startAt: T0,
            triggerMode: "MANUAL",
            labels: { team: "shop" },
          },
          task: {
            id: play.task("a").id,
            name: "a",
            stageName: "s1",
            stageNumber: 1,
            taskNumber: 1,
            job: { name: "noop", version: "v1" },
            attempt: 1,
            stage: "FAILED",
            from: "ACTIVE",
            reason: "EXIT_CODE",
            message: "exit code 1 with ***",
            startAt: T0,
            endAt: play.world.now,
            durationMs: 1500,
            params: [
              { name: "TOKEN", value: "***" },
              { name: "VERSION", value: `${"x".repeat(1023)}…` },
              { name: "NOTE", value: "is ***" },
            ],
            steps: [{ name: "sh ***", exitCode: 1 }],
            markdownOutput: `${markdown.slice(0, 8191)}…`,
          },
        },
        recipients: [{ listener: "task/webhooks/0", action: "SEND", place: { kind: "WEBHOOK", url } }],
      },
    ]);
  });

  test("of the run itself has no task", () => {
    const play = playPipeline("a", { spec: { imRobots: [{ url: slack }] } });
    play.world.nowMs += 2000;
    const { notices } = play.report("a", "SUCCEEDED");
    expect(notices).toEqual<Notice[]>([
      {
        message: {
          version: 1,
          id: expect.stringMatching(/^msg-/),
          type: "SUCCEEDED",
          at: play.world.now,
          domain: "default",
          namespace: "default",
          startedBy: "starter",
          run: {
            id: play.run.id,
            name: "p",
            stage: "SUCCEEDED",
            startAt: T0,
            endAt: play.world.now,
            durationMs: 2000,
            triggerMode: "MANUAL",
          },
        },
        recipients: [
          {
            listener: "pipeline/imRobots/0",
            action: "SEND",
            place: { kind: "ROBOT", url: slack, robot: "SLACK" },
          },
        ],
      },
    ]);
  });

  test("of a gate says who is asked to decide what until when; a lone task has no run", () => {
    const confirm = { checkers: ["ann", "@qa"], required: 2, expiresIn: "1h" };
    const play = playJob({ confirm }, {}, { world: new World({ groups: { qa: ["bob"] } }) });
    const { notices } = play.report("noop", "SUCCEEDED", { message: "all green" });
    expect(notices.map(({ message }) => message)).toEqual([
      {
        version: 1,
        id: expect.stringMatching(/^msg-/),
        type: "CONFIRM_WAITING",
        at: T0,
        domain: "default",
        namespace: "default",
        startedBy: "starter",
        task: {
          id: play.task().id,
          name: "noop",
          job: { name: "noop", version: "v1" },
          attempt: 1,
          stage: "ACTIVE",
          endAt: T0,
          params: [],
        },
        gate: {
          kind: "CONFIRM",
          stage: "WAITING",
          people: ["ann", "@qa"],
          waitsFor: ["ann", "@qa"],
          required: 2,
          passes: 0,
          digest: play.task().confirm?.digest,
          openedAt: T0,
          expiresAt: "2026-01-01T01:00:00.000Z",
          endsAt: "2026-01-01T01:00:00.000Z",
          reported: { stage: "SUCCEEDED", at: T0, message: "all green" },
          decisions: [],
        },
      },
    ]);
  });

  test("of a decision names who decided, and what they said with secrets masked", () => {
    const play = playJob(
      { audit: { auditors: ["ann", "bob"] }, webhooks: [{ url }], runParams: { TOKEN: "s3cret-token" } },
      { runParams: [{ name: "TOKEN", sensitive: true }] },
    );
    const { notices } = play.audit("noop", "DENY", "ann", "not with s3cret-token");
    const [denied, failed] = notices.map(({ message }) => message);
    expect([denied?.type, denied?.actor, denied?.comment, denied?.gate?.stage]).toEqual([
      "AUDIT_DENY",
      "ann",
      "not with ***",
      "DENY",
    ]);
    expect([failed?.type, failed?.task?.message]).toEqual(["FAILED", "audit denied by ann: not with ***"]);
    expect(denied?.gate?.decisions.map(({ user, comment }) => [user, comment])).toEqual([
      ["ann", "not with ***"],
    ]);
  });

  test("says the stage of its own event when a decision brings several", () => {
    const play = playPipeline("a b", { spec: { webhooks: [{ url, scope: "*" }] } });
    const { notices } = play.report("a", "FAILED", { reason: "EXIT_CODE" });
    expect(
      notices.map(({ message: { task, run } }) => [task?.name, task?.from, task?.stage, run?.stage]),
    ).toEqual([
      ["a", "CREATING", "FAILED", "ACTIVE"],
      ["b", "PENDING", "SKIPPED", "ACTIVE"],
    ]);
  });

  test("fits its schema, whatever it tells of", () => {
    const play = playPipeline("a b > c", {
      tasks: { a: { audit: { auditors: ["ann"] }, confirm: { checkers: ["ann"] } } },
      spec: { webhooks: [{ url }, { url, scope: "*" }] },
    });
    play.audit("a", "PASS", "ann", "fine");
    play.report("a", "ACTIVE");
    play.report("a", "SUCCEEDED", { steps: [{ name: "x", exitCode: 0 }] });
    play.confirm("a", "PASS", "ann");
    play.report("b", "FAILED");
    const messages = play.decisions.flatMap(({ notices }) => notices.map(({ message }) => message));
    expect(messages.length).toBeGreaterThan(10);
    expect(messages.flatMap((message) => explain(Message as SchemaNode, message, ""))).toEqual([]);
    expect(new Set(messages.map(({ id }) => id)).size).toBe(messages.length);
  });

  test("does not change with what happens later", () => {
    const play = playPipeline("a", { spec: { webhooks: [{ url, scope: "*", events: ["ACTIVE"] }] } });
    const { notices } = play.report("a", "ACTIVE");
    const before = structuredClone(notices);
    play.output("a", {}, "# later");
    play.report("a", "SUCCEEDED");
    expect(notices).toEqual(before);
  });
});

describe("what is told", () => {
  test("is each change of a stage once, and nothing that is no change", () => {
    const play = playPipeline("a", { spec: { webhooks: [{ url }, { url, scope: "*" }] } });
    play.report("a", "CREATING", { message: "pulls the image" });
    play.report("a", "ACTIVE");
    play.report("a", "ACTIVE");
    play.status("a", "ACTIVE", { message: "half way" });
    play.output("a", { X: "1" });
    play.report("a", "SUCCEEDED");
    expect(types(play.decisions)).toEqual(["ACTIVE", "CREATING", "ACTIVE", "SUCCEEDED", "SUCCEEDED"]);
  });

  test("is nothing, where nobody listens and nobody decides", () => {
    const play = playPipeline("a b");
    play.report("a", "SUCCEEDED");
    play.report("b", "FAILED");
    expect(types(play.decisions)).toEqual([]);
  });

  test("is a stage that an operator forced, once", () => {
    const play = playPipeline("a", { tasks: { a: { webhooks: [{ url }] } } });
    const ended = play.status("a", "SUCCEEDED", { forceUpdateStatus: true }, OPERATOR);
    const corrected = play.status("a", "FAILED", { forceUpdateStatus: true, message: "no" }, OPERATOR);
    const facts = [ended, corrected].map(({ notices }) =>
      notices.map(({ message: { actor, task } }) => [actor, task?.from, task?.stage, task?.reason]),
    );
    expect(facts).toEqual([
      [["op", "CREATING", "SUCCEEDED", "FORCED"]],
      [["op", "SUCCEEDED", "FAILED", undefined]],
    ]);
  });

  test("goes to people, then robots, then webhooks; of each those of the task, the pipeline, the request", () => {
    const all = {
      mentionUsers: [{ users: ["ann"], ways: ["IM" as const] }],
      imRobots: [{ url: slack }],
      webhooks: [{ url }],
    };
    const others = (user: string) => ({
      mentionUsers: [{ users: [user], ways: ["MAIL" as const], scope: "*" as const }],
      imRobots: [{ url: slack, scope: "*" as const }],
      webhooks: [{ url, scope: "*" as const }],
    });
    const play = playPipeline("a", { tasks: { a: all }, spec: others("bob"), request: others("carol") });
    const decision = play.report("a", "ACTIVE");
    expect(told(decision)).toEqual([
      [
        "ACTIVE",
        [
          ...["SEND task/mentionUsers/0 ann IM", "SEND pipeline/mentionUsers/0 bob MAIL"],
          "SEND request/mentionUsers/0 carol MAIL",
          ...["SEND task/imRobots/0", "SEND pipeline/imRobots/0", "SEND request/imRobots/0"],
          ...["SEND task/webhooks/0", "SEND pipeline/webhooks/0", "SEND request/webhooks/0"],
        ],
      ],
    ]);
  });

  test("reaches the members of a group as they are then, each once by each way", () => {
    const groups = { qa: ["ann", "bob"] };
    const play = playPipeline("a", {
      world: new World({ groups }),
      tasks: {
        a: {
          mentionUsers: [{ users: ["@qa", "ann"] }, { users: ["bob", "carol"], ways: ["IM", "SMS"] }],
        },
      },
    });
    groups.qa.push("dan");
    expect(told(play.report("a", "ACTIVE"))).toEqual([
      [
        "ACTIVE",
        [
          ...["ann MAIL", "ann IM", "bob MAIL", "bob IM", "dan MAIL", "dan IM"].map(
            (who) => `SEND task/mentionUsers/0 ${who}`,
          ),
          ...["bob SMS", "carol IM", "carol SMS"].map((who) => `SEND task/mentionUsers/1 ${who}`),
        ],
      ],
    ]);
  });

  test("says of which platform a robot is, by its URL or by itself, and names a channel", () => {
    const play = playJob({
      imRobots: [{ url: "https://example.com/bot", kind: "WECOM" }, { url: slack }, { channel: "ops" }],
    });
    expect(play.decisions[0]?.notices[0]?.recipients.map(({ place }) => place)).toEqual([
      { kind: "ROBOT", url: "https://example.com/bot", robot: "WECOM" },
      { kind: "ROBOT", url: slack, robot: "SLACK" },
      { kind: "ROBOT", channel: "ops" },
    ]);
  });
});

describe("of a gate", () => {
  const both = (action: string, listener: string, user: string) => [
    `${action} ${listener} ${user} MAIL`,
    `${action} ${listener} ${user} IM`,
  ];
  const groups = { qa: ["bob", "starter"] };

  test("those who decide are told, and who stands in for them; not who may not decide", () => {
    const world = new World({ groups });
    world.standIns.set("ann", "zoe");
    const play = playJob({ audit: { auditors: ["ann", "@qa"], required: 2 } }, {}, { world });
    expect(told(play.decisions[0] as Decision)).toEqual([
      ["AUDIT_WAITING", ["ann", "zoe", "bob"].flatMap((user) => both("SEND", "gate", user))],
    ]);
  });

  test("who started the run is asked too where the gate allows it", () => {
    const play = playJob({ audit: { auditors: ["starter"], allowSelf: true } });
    expect(told(play.decisions[0] as Decision)).toEqual([["AUDIT_WAITING", both("SEND", "gate", "starter")]]);
  });

  test("nobody gets the same message twice by the same way; that to who decides counts", () => {
    const play = playPipeline("a", {
      tasks: { a: { audit: { auditors: ["ann"] }, mentionUsers: [{ users: ["ann", "bob"], ways: ["IM"] }] } },
      spec: { mentionUsers: [{ users: ["bob"], events: ["AUDIT_WAITING"] }] },
    });
    expect(told(play.decisions[0] as Decision)).toEqual([
      [
        "AUDIT_WAITING",
        [
          ...both("SEND", "gate", "ann"),
          "SEND task/mentionUsers/0 bob IM",
          "SEND pipeline/mentionUsers/0 bob MAIL",
        ],
      ],
    ]);
  });

  test("each decision updates the cards of those who were told by IM, and sends nothing", () => {
    const play = playJob({
      audit: { auditors: ["ann", "bob"], required: 2 },
      mentionUsers: [
        { users: ["carol"], ways: ["IM"] },
        { users: ["dan"], events: ["AUDIT_PASS"] },
      ],
      webhooks: [{ url }],
    });
    const first = play.audit("noop", "PASS", "ann");
    const cards = ["UPDATE gate ann IM", "UPDATE gate bob IM", "UPDATE task/mentionUsers/0 carol IM"];
    expect(told(first)).toEqual([["AUDIT_WAITING", cards]]);
    expect(first.notices[0]?.message.gate?.passes).toBe(1);
    const second = play.audit("noop", "PASS", "bob");
    expect(told(second)).toEqual([
      [
        "AUDIT_PASS",
        [
          ...cards,
          "SEND task/mentionUsers/0 carol IM",
          ...both("SEND", "task/mentionUsers/1", "dan"),
          "SEND task/webhooks/0",
        ],
      ],
      ["CREATING", ["SEND task/mentionUsers/0 carol IM", "SEND task/webhooks/0"]],
    ]);
    expect(second.notices[0]?.message.gate).toMatchObject({ stage: "PASS", passes: 2 });
  });

  test("a push back is told with the decision that made it, and what runs again is told anew", () => {
    const tasks = { b: { confirm: { checkers: ["ann"] } } };
    const play = playPipeline("a b", { tasks, spec: { webhooks: [{ url, scope: "*" }] } });
    play.report("a", "SUCCEEDED");
    play.report("b", "SUCCEEDED");
    const request = { verdict: "PUSH_BACK" as const, pushBackTo: "a", comment: "wrong colour" };
    const change = { type: "confirm", taskId: play.task("b").id, request } as const;
    const decision = play.submit(change, { name: "ann", operator: false });
    expect(told(decision)).toEqual([
      ["CONFIRM_PUSH_BACK", ["UPDATE gate ann IM", "SEND pipeline/webhooks/0"]],
      ["CREATING", ["SEND pipeline/webhooks/0"]],
    ]);
    const [back, again] = decision.notices.map(({ message }) => message);
    expect([back?.comment, back?.task?.name, back?.task?.attempt, back?.gate?.stage]).toEqual([
      "wrong colour",
      "b",
      1,
      "CLOSED",
    ]);
    expect([again?.task?.name, again?.task?.attempt]).toEqual(["a", 2]);
  });

  test("an end without a decision updates the cards too", () => {
    const play = playJob({ confirm: { checkers: ["ann"] } });
    play.report("noop", "SUCCEEDED");
    const { id } = play.task();
    const closed = play.submit({ type: "cancelTask", taskId: id, request: {} }, OPERATOR);
    expect(told(closed)).toEqual([["CONFIRM_CLOSED", ["UPDATE gate ann IM"]]]);
    expect(closed.notices[0]?.message.gate?.stage).toBe("CLOSED");
  });

  test("only those are reminded who have not decided, nor had it decided for them", () => {
    const world = new World();
    world.standIns.set("bob", "zoe");
    const auditors = ["ann", "bob", "carol"];
    const play = playJob(
      {
        audit: { auditors, required: 3, remindEvery: "1h" },
        mentionUsers: [{ users: ["ann", "dan"], ways: ["SMS"] }],
        webhooks: [{ url, events: ["AUDIT_REMIND"] }],
      },
      {},
      { world },
    );
    play.audit("noop", "PASS", "ann");
    play.audit("noop", "PASS", "zoe");
    expect(told(play.wake("noop"))).toEqual([
      [
        "AUDIT_REMIND",
        [...both("SEND", "gate", "carol"), "SEND task/mentionUsers/0 dan SMS", "SEND task/webhooks/0"],
      ],
    ]);
  });

  test("an escalation asks all who may decide, and shows on the cards of those who were asked before", () => {
    const play = playJob({
      audit: { auditors: ["ann"], expiresIn: "1h", onExpire: "ESCALATE", escalateTo: ["boss"] },
      webhooks: [{ url }],
    });
    const escalated = play.wake("noop");
    expect(told(escalated)).toEqual([
      [
        "AUDIT_ESCALATED",
        [
          "UPDATE gate ann IM",
          "UPDATE gate boss IM",
          ...both("SEND", "gate", "ann"),
          ...both("SEND", "gate", "boss"),
          "SEND task/webhooks/0",
        ],
      ],
    ]);
    expect(escalated.notices[0]?.message.gate?.people).toEqual(["ann", "boss"]);
    expect(told(play.wake("noop")).map(([type]) => type)).toEqual(["AUDIT_EXPIRED", "FAILED"]);
  });

  test("says until when it can wait at most, its escalation included", () => {
    const audit = { auditors: ["ann"], expiresIn: "1h", onExpire: "ESCALATE" as const, escalateTo: ["boss"] };
    const play = playJob({ audit });
    const ends = (play.decisions[0] as Decision).notices.map(({ message: { gate } }) => [
      gate?.expiresAt,
      gate?.endsAt,
    ]);
    expect(ends).toEqual([["2026-01-01T01:00:00.000Z", "2026-01-01T02:00:00.000Z"]]);
    const [escalated] = play.wake("noop").notices;
    expect(escalated?.message.gate?.endsAt).toBe(escalated?.message.gate?.expiresAt);
  });

  test("says by whom it still can be decided: not by the starter, nor by who has decided or cannot", () => {
    const world = new World({ groups: { qa: ["bob", "starter"], gone: ["eve"] } });
    world.barred.set("eve", "is disabled");
    const play = playJob(
      { audit: { auditors: ["starter", "ann", "@qa", "@gone"], required: 2 } },
      {},
      { world },
    );
    const waitsFor = (of: Decision) => of.notices.map(({ message: { gate } }) => gate?.waitsFor);
    expect(waitsFor(play.decisions[0] as Decision)).toEqual([["ann", "@qa"]]);
    expect(waitsFor(play.audit("noop", "PASS", "ann"))).toEqual([["@qa"]]);
  });

  test("is not told to who cannot decide it, nor to a stand-in who cannot", () => {
    const world = new World();
    world.barred.set("eve", "has no role in default/default");
    world.standIns.set("ann", "eve");
    const play = playJob({ audit: { auditors: ["ann", "eve"] } }, {}, { world });
    expect(told(play.decisions[0] as Decision)).toEqual([["AUDIT_WAITING", both("SEND", "gate", "ann")]]);
  });
});
