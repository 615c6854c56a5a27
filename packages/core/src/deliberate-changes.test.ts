// What mflow does otherwise than its model on purpose: one test for each row of the table in the semantics.

import { expect, test } from "vitest";
import { OPERATOR, refusal } from "./testing/play.ts";
import { playJob, playPipeline } from "./testing/start.ts";
import { tokenOf, World } from "./testing/world.ts";

const audit = { auditors: ["ann", "bob"] };
const confirm = { checkers: ["ann"] };

test("deliberate change: only a masked value of a sensitive param is restored, a real one overrides", () => {
  const jobs = { noop: { runParams: [{ name: "TOKEN", sensitive: true, value: "of-the-job" }] } };
  const setBy = (value: string) =>
    playPipeline("a", { jobs, request: { runParams: { TOKEN: value } } }).task("a").params?.[0]?.setBy;
  expect([setBy("***"), setBy("of-the-caller")]).toEqual(["JOB", "RUN"]);
});

test("deliberate change: `with` is the third level of params, over the job's defaults and under the task's", () => {
  const jobs = { noop: { runParams: ["A", "B", "C"].map((name) => ({ name, value: "job" })) } };
  const play = playPipeline("a", {
    jobs,
    spec: { with: { B: "pipeline", C: "pipeline" } },
    tasks: { a: { runParams: { C: "task" } } },
  });
  expect(play.task("a").params?.map(({ value }) => value)).toEqual(["job", "pipeline", "task"]);
});

test("deliberate change: substitution is typed and within parsed scalars", () => {
  const runnerSpec = { replicas: "${N}", on: "${FLAG}", name: "app-${N}", "${N}": "key" };
  const runParams = [
    { name: "N", usageType: "TEMPLATE" as const, valueType: "NUMBER" as const, value: 3 },
    { name: "FLAG", usageType: "TEMPLATE" as const, valueType: "BOOLEAN" as const, value: true },
  ];
  const digestOf = (spec: Record<string, unknown>) =>
    playJob({ audit }, { runnerSpec: spec, runParams }).task().audit?.digest;
  const rendered = { replicas: 3, on: true, name: "app-3", "${N}": "key" };
  expect(digestOf(runnerSpec)).toBe(digestOf(rendered));
  expect(digestOf({ ...rendered, replicas: "3" })).not.toBe(digestOf(rendered));
});

test("deliberate change: a task is ACTIVE with `reported` until it is confirmed, never SUCCEEDED and then FAILED", () => {
  const play = playJob({ confirm });
  play.report("noop", "SUCCEEDED");
  const held = play.task().status;
  play.confirm("noop", "DENY", "ann", "no");
  expect([held.stage, held.reported?.stage]).toEqual(["ACTIVE", "SUCCEEDED"]);
  expect(play.lines().filter((line) => line.includes("->"))).toEqual([
    "noop: PENDING -> CREATING",
    "noop: CREATING -> ACTIVE",
    "noop: ACTIVE -> FAILED [CONFIRM_DENIED]",
  ]);
});

test("deliberate change: an auditor cannot pass a task that has not asked yet", () => {
  const play = playPipeline("a b", { tasks: { b: { audit } } });
  expect(refusal(() => play.audit("b", "PASS", "ann"))).toBe(
    "GATE_NOT_OPEN: the audit of task `b` has not opened yet; it is decided while it is WAITING",
  );
});

test("deliberate change: `required` different people decide, and not who started the run", () => {
  const play = playJob({ audit: { auditors: ["starter", "ann", "bob"], required: 2 } });
  expect(refusal(() => play.audit("noop", "PASS", "starter"))).toMatch(/^SELF_DECISION/);
  play.audit("noop", "PASS", "ann");
  const afterOne = play.task().audit?.stage;
  play.audit("noop", "PASS", "bob");
  expect([afterOne, play.task().audit?.stage]).toEqual(["WAITING", "PASS"]);
});

test("deliberate change: what follows from a change are rows of the outbox, ids only", () => {
  const play = playPipeline("[a b]", { spec: { failFast: true } });
  play.report("a", "FAILED");
  play.stopped("b");
  const [a, b] = [play.task("a").id, play.task("b").id];
  expect(play.decisions.flatMap((decision) => decision.effects)).toEqual([
    { kind: "START", taskId: a, attempt: 1 },
    { kind: "START", taskId: b, attempt: 1 },
    { kind: "STOP", taskId: b, attempt: 1 },
    { kind: "RELEASE", taskId: play.run.id, attempt: 0 },
  ]);
});

test("deliberate change: callbacks are rows of the outbox, written with the change; places, never secrets", () => {
  const url = "https://example.com/hook";
  const secret = "s3cret-signature";
  const play = playPipeline("a", {
    tasks: { a: { webhooks: [{ url, secret, headers: { "X-Key": secret } }] } },
    request: { imRobots: [{ url: "https://open.feishu.cn/x", secret }] },
  });
  const decision = play.report("a", "SUCCEEDED");
  const robot = { kind: "ROBOT", url: "https://open.feishu.cn/x", robot: "FEISHU" };
  expect(decision.notices.map(({ message, recipients }) => [message.type, recipients])).toEqual([
    ["SUCCEEDED", [{ listener: "task/webhooks/0", action: "SEND", place: { kind: "WEBHOOK", url } }]],
    ["SUCCEEDED", [{ listener: "request/imRobots/0", action: "SEND", place: robot }]],
  ]);
  expect(JSON.stringify(play.decisions)).not.toContain(secret);
});

test("deliberate change: operators alone force a status, and forcing an ended run does not continue it", () => {
  const play = playPipeline("a b");
  const force = { forceUpdateStatus: true };
  expect(refusal(() => play.status("a", "SUCCEEDED", force))).toMatch(/^FORBIDDEN/);
  play.report("a", "FAILED");
  const forced = play.status("a", "SUCCEEDED", { ...force, forceTriggerPipeline: true }, OPERATOR);
  expect([play.stages, play.run.status.stage, forced.effects]).toEqual([
    ["a: SUCCEEDED", "b: SKIPPED"],
    "FAILED",
    [],
  ]);
});

test("deliberate change: one line per sequence, whatever starts the run", () => {
  const world = new World();
  const first = playPipeline("a", { world, request: { triggerMode: "EVENT" } });
  expect(refusal(() => playPipeline("a", { world, request: { triggerMode: "MANUAL" } }))).toMatch(
    new RegExp(`^PIPELINE_IS_RUNNING: pipeline \`p\` is running as ${first.run.id};`),
  );
});

test("deliberate change: tasks after a failure are SKIPPED with the reason", () => {
  const play = playPipeline("a b");
  play.report("a", "FAILED");
  expect(play.task("b").status).toEqual({
    stage: "SKIPPED",
    reason: "RUN_FAILED",
    message: "not started: task `a` failed",
  });
});

test("deliberate change: the run ends when all that started has ended, not with the first failure", () => {
  const play = playPipeline("[a b c]");
  play.report("a", "FAILED");
  play.report("b", "SUCCEEDED");
  const before = play.run.status.stage;
  play.report("c", "SUCCEEDED");
  expect([before, play.run.status.stage]).toEqual(["ACTIVE", "FAILED"]);
});

test("deliberate change: the update token is derived and bound to the attempt, and stored nowhere", () => {
  const play = playJob();
  play.report("noop", "FAILED");
  play.rerun();
  const { id } = play.state;
  expect(JSON.stringify(play.decisions)).not.toContain("token-");
  expect(refusal(() => play.status("noop", "ACTIVE", { updateToken: tokenOf(id, 1) }))).toMatch(
    /^UNAUTHORIZED/,
  );
  play.status("noop", "ACTIVE", { updateToken: tokenOf(id, 2) });
  expect(play.task().status.stage).toBe("ACTIVE");
});
