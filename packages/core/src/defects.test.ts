// The defects of the model that mflow does not repeat, those that lie in core's range, by their numbers in the
// product's description.

import { expect, test } from "vitest";
import { renderTemplate } from "./message-template.ts";
import { restoreMasked } from "./params.ts";
import { renderSpec } from "./render.ts";
import type { Message } from "./schema/message.ts";
import { refusal } from "./testing/play.ts";
import { playJob, playPipeline } from "./testing/start.ts";

const T0 = "2026-01-01T00:00:00.000Z";
const audit = { auditors: ["ann", "bob"] };
const confirm = { checkers: ["ann", "bob"] };

test("defect 1: a parallel stage does not fail the pipeline while a sibling of the failed task still runs", () => {
  const play = playPipeline("[a b]");
  play.report("a", "FAILED");
  const during = play.run.status;
  play.report("b", "SUCCEEDED");
  expect([during.stage, during.endAt, play.run.status.stage]).toEqual(["ACTIVE", undefined, "FAILED"]);
});

test("defect 2: runtime envs sent to the output call are kept and handed on, beside the markdown", () => {
  const play = playPipeline("a b", { jobs: { noop: { runParams: [{ name: "VERSION" }] } } });
  const decision = play.output("a", { VERSION: "1.2" }, "# built");
  expect(decision.tasks.map(({ status }) => [status.runtimeEnvs, status.markdownOutput])).toEqual([
    [{ VERSION: "1.2" }, "# built"],
  ]);
  play.report("a", "SUCCEEDED");
  expect(play.task("b").params?.map(({ name, value }) => [name, value])).toEqual([["VERSION", "1.2"]]);
});

test("defect 3: an audit or confirm decision is a row to be written, not a change in memory alone", () => {
  const play = playJob({ audit, confirm });
  const passed = play.audit("noop", "PASS", "ann");
  play.report("noop", "SUCCEEDED");
  const confirmed = play.confirm("noop", "PASS", "bob");
  expect([
    passed.tasks.map((task) => [task.audit?.stage, task.audit?.decisions.map((each) => each.user)]),
    confirmed.tasks.map((task) => [task.confirm?.stage, task.confirm?.decisions.map((each) => each.user)]),
  ]).toEqual([[["PASS", ["ann"]]], [["PASS", ["bob"]]]]);
});

test("defect 6: a message about a run, which has no task, reaches a robot of any platform, templates included", () => {
  const hosts = ["qyapi.weixin.qq.com", "open.feishu.cn", "oapi.dingtalk.com", "hooks.slack.com"];
  const template = { title: "{{run.name}} {{type}}", text: "[{{task.name}}{{#task}}{{job.name}}{{/task}}]" };
  const imRobots = hosts.map((host) => ({ url: `https://${host}/robot`, template }));
  const play = playPipeline("a", { spec: { imRobots } });
  const [notice] = play.report("a", "SUCCEEDED").notices;
  expect([notice?.message.task, notice?.recipients.length]).toEqual([undefined, 4]);
  const message = notice?.message as Message;
  const texts = [template.title, template.text].map((text) => renderTemplate(text, message, String));
  expect(texts).toEqual(["p SUCCEEDED", "[]"]);
});

test("defect 7: the end time of a confirmed task is that of its work, not of the future", () => {
  const play = playJob({ confirm });
  play.report("noop", "SUCCEEDED", { at: T0 });
  play.world.nowMs += 3_600_000;
  play.confirm("noop", "PASS", "ann");
  expect(play.task().status.endAt).toBe(T0);
});

test("defect 8: restoring masked params leaves a sensitive value alone that the caller did supply", () => {
  const given = [
    { name: "TOKEN", value: "supplied" },
    { name: "KEY", value: "***" },
  ];
  expect(restoreMasked(given, (name) => `stored ${name}`)).toEqual([
    { name: "TOKEN", value: "supplied" },
    { name: "KEY", value: "stored KEY", sensitive: true },
  ]);
  const play = playPipeline("a", {
    jobs: { noop: { runParams: [{ name: "TOKEN", sensitive: true, value: "stored" }] } },
    request: { runParams: { TOKEN: "supplied" } },
  });
  expect(play.task("a").params?.map(({ setBy }) => setBy)).toEqual(["RUN"]);
});

test("defect 9: a param value cannot rewrite the spec, whatever YAML it holds", () => {
  const value = 'x"\nimage: evil\n- ${OTHER}: {';
  const params = [{ name: "A", value, usageType: "TEMPLATE", valueType: "TEXT", setBy: "RUN" }] as const;
  const spec = { image: "good", args: ["${A}", "--a=${A}"] };
  expect(renderSpec(spec, params)).toEqual({ image: "good", args: [value, `--a=${value}`] });
});

test("defect 10: nobody is called inside a status request; what follows is handed back as work to do", () => {
  const play = playPipeline("a b", { tasks: { a: { webhooks: [{ url: "https://example.com/" }] } } });
  const { history, effects, notices } = play.status("a", "SUCCEEDED");
  expect([history.map((event) => event.type), effects]).toEqual([
    ["TASK_STAGE", "TASK_STAGE"],
    [{ kind: "START", taskId: play.task("b").id, attempt: 1 }],
  ]);
  expect(notices.map(({ message, recipients }) => [message.type, recipients.length])).toEqual([
    ["SUCCEEDED", 1],
  ]);
});

test("defect 11: of two changes decided on the same state, both take the same revision, and the later is decided anew", () => {
  const play = playPipeline("a", { tasks: { a: { audit } } });
  const taskId = play.task("a").id;
  const decideBy = (name: string, verdict: "PASS" | "DENY") => {
    const request = { verdict, comment: "so it is" };
    return play.ask({ type: "audit", taskId, request }, { name, operator: false });
  };
  const outcomes = [decideBy("ann", "PASS"), decideBy("bob", "DENY")];
  expect(outcomes.map((outcome) => ("run" in outcome ? outcome.run?.revision : undefined))).toEqual([2, 2]);
  play.audit("a", "PASS", "ann");
  expect(refusal(() => play.audit("a", "DENY", "bob", "so it is"))).toBe(
    "GATE_NOT_OPEN: the audit of task `a` is PASS; it is decided while it is WAITING",
  );
});

test("defect 12: `with` of a pipeline and of a stage reach their tasks", () => {
  const play = playPipeline("a > b", {
    jobs: { noop: { runParams: [{ name: "ENV" }] } },
    spec: { with: { ENV: "dev" } },
    stages: { s2: { with: { ENV: "prod" } } },
  });
  play.report("a", "SUCCEEDED");
  expect(["a", "b"].map((name) => play.task(name).params?.[0])).toMatchObject([
    { value: "dev", setBy: "PIPELINE" },
    { value: "prod", setBy: "STAGE" },
  ]);
});
