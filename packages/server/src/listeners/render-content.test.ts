import { LISTENER_EVENTS, type ListenerEvent } from "@mflow/core/schema/listener";
import type { Message } from "@mflow/core/schema/message";
import { expect, test } from "vitest";
import { renderContent } from "./render-content.ts";
import { auditGate, auditWaiting, confirmWaiting, failed, failedTask } from "./testing/messages.ts";
import { textsOf } from "./texts.ts";

const link = "https://mflow.example.com/runs/run-1/tasks/task-1";

test("a failure says what changed, of what, by whom started, why, how long, with which params, and shows the log", () => {
  expect(renderContent({ message: failed, language: "en", link, log: ["ERROR: no such table"] })).toEqual({
    language: "en",
    tone: "BAD",
    title: "FAILED: release / prod",
    facts: [
      { label: "Changed", value: "ACTIVE → FAILED" },
      { label: "Pipeline", value: "release" },
      { label: "Task", value: "prod (stage production)" },
      { label: "Job", value: "deploy v3" },
      { label: "Attempt", value: "2" },
      { label: "Started by", value: "alice" },
      { label: "Reason", value: "EXIT_CODE: step migrate ended with exit code 3" },
      { label: "Failed step", value: "migrate (exit code 3)" },
      { label: "Duration", value: "1m05s" },
      { label: "At", value: "2026-03-01 12:00:00 UTC" },
      { label: "ID", value: "task-1" },
    ],
    params: { label: "Params", lines: ["VERSION=1.4.0", "TOKEN=***"] },
    log: { label: "First failing lines", lines: ["ERROR: no such table"] },
    links: [{ label: "Open task", url: link }],
  });
});

test("the same in Chinese, with times of the zone that is asked for", () => {
  const parts = { message: failed, link, log: ["ERROR: no such table"] };
  expect(renderContent({ ...parts, language: "zh", timeZone: "Asia/Shanghai" })).toEqual({
    language: "zh",
    tone: "BAD",
    title: "失败：release / prod",
    facts: [
      { label: "状态变化", value: "运行中 → 失败" },
      { label: "流水线", value: "release" },
      { label: "任务", value: "prod（阶段 production）" },
      { label: "作业", value: "deploy v3" },
      { label: "第几次执行", value: "2" },
      { label: "发起人", value: "alice" },
      { label: "原因", value: "步骤退出码非 0 EXIT_CODE：step migrate ended with exit code 3" },
      { label: "失败步骤", value: "migrate（退出码 3）" },
      { label: "耗时", value: "1m05s" },
      { label: "时间", value: "2026-03-01 20:00:00 GMT+8" },
      { label: "ID", value: "task-1" },
    ],
    params: { label: "参数", lines: ["VERSION=1.4.0", "TOKEN=***"] },
    log: { label: "最早的报错日志", lines: ["ERROR: no such table"] },
    links: [{ label: "查看任务", url: link }],
  });
});

const buttons = [
  { verdict: "PASS", url: "https://mflow.example.com/decide/t?verdict=PASS" },
  { verdict: "DENY", url: "https://mflow.example.com/decide/t?verdict=DENY" },
] as const;

test("a gate waits for those alone who still can decide it", () => {
  const waitsFor = (names: string[]) => {
    const gate = { ...(auditWaiting.gate as NonNullable<Message["gate"]>), waitsFor: names };
    const { facts } = renderContent({ message: { ...auditWaiting, gate }, language: "en" });
    return facts.find(({ label }) => label === "Waits for")?.value;
  };
  expect([["carol"], []].map(waitsFor)).toEqual(["carol (1 of 2 passed)", "1 of 2 passed"]);
});

test("a waiting audit says for whom it waits, since and until when, who has decided, and has buttons", () => {
  expect(renderContent({ message: auditWaiting, language: "en", buttons })).toEqual({
    language: "en",
    tone: "WAITING",
    title: "Waiting for your audit: release / prod",
    facts: [
      { label: "Pipeline", value: "release" },
      { label: "Task", value: "prod (stage production)" },
      { label: "Job", value: "deploy v3" },
      { label: "Started by", value: "alice (by a schedule)" },
      { label: "Waits for", value: "@dba, carol (1 of 2 passed)" },
      { label: "Since", value: "2026-03-01 12:00:00 UTC" },
      { label: "Until", value: "2026-03-02 12:00:00 UTC" },
      { label: "Decided", value: "bob passed for carol" },
      { label: "Content", value: "2c26b46b68ff" },
      { label: "At", value: "2026-03-01 12:00:00 UTC" },
      { label: "ID", value: "task-1" },
    ],
    params: { label: "Params", lines: ["VERSION=1.4.0"] },
    links: [],
    buttons: [
      { verdict: "PASS", label: "Pass", url: "https://mflow.example.com/decide/t?verdict=PASS" },
      { verdict: "DENY", label: "Deny", url: "https://mflow.example.com/decide/t?verdict=DENY" },
    ],
  });
});

test("a waiting confirm says in Chinese which result it is about, and shows the task's markdown", () => {
  expect(renderContent({ message: confirmWaiting, language: "zh", buttons })).toEqual({
    language: "zh",
    tone: "WAITING",
    title: "待您确认结果：release / prod",
    facts: [
      { label: "流水线", value: "release" },
      { label: "任务", value: "prod（阶段 production）" },
      { label: "作业", value: "deploy v3" },
      { label: "发起人", value: "alice" },
      { label: "结果", value: "失败（步骤退出码非 0 EXIT_CODE：step migrate ended with exit code 3）" },
      { label: "等待", value: "@everyone（已通过 0/1）" },
      { label: "开始等待", value: "2026-03-01 12:00:00 UTC" },
      { label: "内容摘要", value: "fcde2b2edba5" },
      { label: "耗时", value: "1m05s" },
      { label: "时间", value: "2026-03-01 12:00:00 UTC" },
      { label: "ID", value: "task-1" },
    ],
    text: "**1200** rows changed",
    params: { label: "参数", lines: ["VERSION=1.4.0"] },
    links: [],
    buttons: [
      { verdict: "PASS", label: "通过", url: "https://mflow.example.com/decide/t?verdict=PASS" },
      { verdict: "DENY", label: "拒绝", url: "https://mflow.example.com/decide/t?verdict=DENY" },
    ],
  });
});

test("a decided gate says who decided what, with their comment, and has no buttons", () => {
  const [pass] = auditGate.decisions;
  if (!pass) throw new Error("the gate has a decision");
  const deny = {
    user: "dave",
    verdict: "DENY" as const,
    comment: "see **ticket**",
    at: pass.at,
    digest: pass.digest,
  };
  const message: Message = {
    ...auditWaiting,
    type: "AUDIT_DENY",
    actor: "dave",
    comment: "see **ticket**",
    gate: {
      ...auditGate,
      stage: "DENY",
      decisions: [{ ...pass, withdrawnAt: "2026-03-01T12:30:00.000Z" }, deny],
    },
  };
  expect(renderContent({ message, language: "en", buttons })).toEqual({
    language: "en",
    tone: "BAD",
    title: "Audit denied: release / prod",
    facts: [
      { label: "Pipeline", value: "release" },
      { label: "Task", value: "prod (stage production)" },
      { label: "Job", value: "deploy v3" },
      { label: "Started by", value: "alice (by a schedule)" },
      { label: "Decided", value: "bob passed for carol (taken back); dave denied" },
      { label: "Content", value: "2c26b46b68ff" },
      { label: "At", value: "2026-03-01 12:00:00 UTC" },
      { label: "ID", value: "task-1" },
    ],
    text: "see **ticket**",
    params: { label: "Params", lines: ["VERSION=1.4.0"] },
    links: [],
  });
});

test("a push-back says to which task", () => {
  const decision = { user: "erin", at: failed.at, digest: "d", pushBackTo: "build" };
  const message: Message = {
    ...confirmWaiting,
    type: "CONFIRM_PUSH_BACK",
    gate: {
      ...auditGate,
      kind: "CONFIRM",
      stage: "PENDING",
      decisions: [{ ...decision, verdict: "PUSH_BACK" }],
    },
  };
  const decided = (language: "en" | "zh") =>
    renderContent({ message, language }).facts.find(
      ({ label }) => label === textsOf(language).labels.decisions,
    );
  expect([decided("en"), decided("zh")]).toEqual([
    { label: "Decided", value: "erin pushed back to build" },
    { label: "决定", value: "erin 退回到 build" },
  ]);
});

test("a message about a run has no task, and names who canceled it and its namespace", () => {
  const message: Message = {
    ...failed,
    type: "CANCELED",
    domain: "bank",
    namespace: "payments",
    actor: "alice",
    run: {
      id: "run-1",
      name: "release",
      stage: "CANCELED",
      triggerMode: "EVENT",
      durationMs: 500,
      message: "wrong tag",
    },
  };
  delete message.task;
  expect(renderContent({ message, language: "en", link: "https://mflow.example.com/runs/run-1" })).toEqual({
    language: "en",
    tone: "NEUTRAL",
    title: "CANCELED: release",
    facts: [
      { label: "Changed", value: "CANCELED" },
      { label: "Pipeline", value: "release" },
      { label: "Namespace", value: "bank/payments" },
      { label: "Started by", value: "alice (by an event)" },
      { label: "By", value: "alice" },
      { label: "Reason", value: "wrong tag" },
      { label: "Duration", value: "500ms" },
      { label: "At", value: "2026-03-01 12:00:00 UTC" },
      { label: "ID", value: "run-1" },
    ],
    links: [{ label: "Open run", url: "https://mflow.example.com/runs/run-1" }],
  });
});

test("every event has a title and a tone of its own meaning in both languages", () => {
  const said = (type: ListenerEvent) => {
    const gate = /_(WAITING|REMIND|ESCALATED)$/.test(type)
      ? auditGate
      : { ...auditGate, stage: "CLOSED" as const };
    const message: Message = { ...failed, type, ...(type.includes("_") && { gate }) };
    const { title, tone } = renderContent({ message, language: "en" });
    return [title, renderContent({ message, language: "zh" }).title, tone];
  };
  const all = Object.fromEntries(
    (Object.keys(LISTENER_EVENTS) as ListenerEvent[]).map((type) => [type, said(type)]),
  );
  expect(all).toEqual({
    SCHEDULING: ["SCHEDULING: release / prod", "排队中：release / prod", "NEUTRAL"],
    CREATING: ["CREATING: release / prod", "创建中：release / prod", "NEUTRAL"],
    ACTIVE: ["ACTIVE: release / prod", "运行中：release / prod", "NEUTRAL"],
    CANCELING: ["CANCELING: release / prod", "正在取消：release / prod", "NEUTRAL"],
    CANCELED: ["CANCELED: release / prod", "已取消：release / prod", "NEUTRAL"],
    FAILED: ["FAILED: release / prod", "失败：release / prod", "BAD"],
    SUCCEEDED: ["SUCCEEDED: release / prod", "成功：release / prod", "GOOD"],
    SKIPPED: ["SKIPPED: release / prod", "已跳过：release / prod", "NEUTRAL"],
    AUDIT_WAITING: ["Waiting for your audit: release / prod", "待您审批：release / prod", "WAITING"],
    AUDIT_REMIND: [
      "Reminder: still waiting for your audit: release / prod",
      "提醒：仍待您审批：release / prod",
      "WAITING",
    ],
    AUDIT_ESCALATED: [
      "Escalated: waiting for your audit: release / prod",
      "已升级：待您审批：release / prod",
      "WAITING",
    ],
    AUDIT_PASS: ["Audit passed: release / prod", "审批已通过：release / prod", "GOOD"],
    AUDIT_DENY: ["Audit denied: release / prod", "审批被拒绝：release / prod", "BAD"],
    AUDIT_EXPIRED: ["Audit expired: release / prod", "审批已过期：release / prod", "BAD"],
    AUDIT_CLOSED: ["Audit not needed any more: release / prod", "审批已不再需要：release / prod", "NEUTRAL"],
    CONFIRM_WAITING: ["Waiting for your confirm: release / prod", "待您确认结果：release / prod", "WAITING"],
    CONFIRM_REMIND: [
      "Reminder: still waiting for your confirm: release / prod",
      "提醒：仍待您确认结果：release / prod",
      "WAITING",
    ],
    CONFIRM_ESCALATED: [
      "Escalated: waiting for your confirm: release / prod",
      "已升级：待您确认结果：release / prod",
      "WAITING",
    ],
    CONFIRM_PASS: ["Result confirmed: release / prod", "结果已确认：release / prod", "GOOD"],
    CONFIRM_DENY: ["Result denied: release / prod", "结果被否决：release / prod", "BAD"],
    CONFIRM_EXPIRED: ["Confirm expired: release / prod", "结果确认已过期：release / prod", "BAD"],
    CONFIRM_CLOSED: [
      "Confirm not needed any more: release / prod",
      "结果确认已不再需要：release / prod",
      "NEUTRAL",
    ],
    CONFIRM_PUSH_BACK: ["Result pushed back: release / prod", "结果被退回：release / prod", "BAD"],
  });
});

test("a template's title stands in place of the title alone", () => {
  const template = { title: "{{run.name}}:\n{{task.name}} {{nothing}}" };
  const plain = renderContent({ message: failed, language: "en" });
  expect(renderContent({ message: failed, language: "en", template })).toEqual({
    ...plain,
    title: "release: prod",
  });
});

test("a template's text stands in place of facts and params, its values escaped, the link among them", () => {
  const message: Message = {
    ...failed,
    task: { ...failedTask, message: "**not** [bold](x)\n# nor a heading" },
  };
  const template = { text: "**{{task.name}}** failed: {{task.message}} [open]({{link}})" };
  expect(
    renderContent({ message, language: "en", template, link: "https://m.example", log: ["boom"] }),
  ).toEqual({
    language: "en",
    tone: "BAD",
    title: "FAILED: release / prod",
    facts: [],
    text: String.raw`**prod** failed: \*\*not\*\* \[bold\]\(x\) \# nor a heading [open](https\:\/\/m\.example)`,
    log: { label: "First failing lines", lines: ["boom"] },
    links: [{ label: "Open task", url: "https://m.example" }],
  });
});

test("a template that says nothing leaves the title as it is", () => {
  const template = { title: "{{comment}}" };
  expect(renderContent({ message: failed, language: "en", template }).title).toBe("FAILED: release / prod");
});

test("values stay one line, without characters that turn the direction of writing, and no longer than people read", () => {
  const task = {
    ...failedTask,
    message: `a\r\nb\u2028c \u202egnp.exe ${"x".repeat(600)}`,
    params: [
      { name: "NOTE", value: "a\nTOKEN=forged" },
      ...Array.from({ length: 31 }, (_, index) => ({
        name: `P${index}`,
        value: "v".repeat(index === 0 ? 300 : 1),
      })),
    ],
  };
  const { facts, params } = renderContent({ message: { ...failed, task }, language: "en" });
  expect(facts.find(({ label }) => label === "Reason")?.value).toBe(
    `${`EXIT_CODE: a b c gnp.exe ${"x".repeat(600)}`.slice(0, 499)}…`,
  );
  expect(params?.lines).toEqual([
    "NOTE=a TOKEN=forged",
    `P0=${"v".repeat(196)}…`,
    ...Array.from({ length: 28 }, (_, index) => `P${index + 1}=v`),
    "… 2 more",
  ]);
});

test("Chinese readers read what a reason means before its English sentence; unknown codes stay as they are", () => {
  const reasonOf = (reason: string) => {
    const run = { id: "run-1", name: "release", stage: "FAILED", triggerMode: "MANUAL" } as const;
    const message: Message = {
      ...failed,
      task: undefined,
      run: { ...run, reason, message: "confirm denied by bob" },
    };
    return renderContent({ message, language: "zh" }).facts.find(({ label }) => label === "原因")?.value;
  };
  expect(reasonOf("CONFIRM_DENIED")).toBe("结果被否决 CONFIRM_DENIED：confirm denied by bob");
  expect(reasonOf("constructor")).toBe("constructor：confirm denied by bob");
});
