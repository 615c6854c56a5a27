import type { SpecOf } from "@mflow/core/schema/channel";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { Content } from "./content.ts";
import { renderContent } from "./render-content.ts";
import { auditWaiting, failed, failedTask, HOSTILE } from "./testing/messages.ts";
import { hugeContent, openRobotTest, type RobotTest } from "./testing/robot.ts";
import { createWecomRobot } from "./wecom.ts";

let robot: RobotTest<SpecOf<"WECOM">>;
let settings: SpecOf<"WECOM">;

beforeEach(async () => {
  robot = await openRobotTest(createWecomRobot);
  robot.receiver.behaviour = () => [200, { errcode: 0, errmsg: "ok" }];
  settings = { kind: "WECOM", url: robot.receiver.url("/cgi-bin/webhook/send?key=0123") };
});

afterEach(() => robot.close());

const sent = async (content: Content) => JSON.parse((await robot.send(content, settings)).body);
const link = "https://mflow.example.com/runs/run-1/tasks/task-1";

test("a failure is markdown with a link at its end", async () => {
  const content = renderContent({ message: failed, language: "en", link, log: ["ERROR: no such table <x>"] });
  expect(await sent(content)).toEqual({
    msgtype: "markdown",
    markdown: {
      content: [
        '### <font color="warning">FAILED: release / prod</font>\n',
        "**Changed**: ACTIVE → FAILED",
        "**Pipeline**: release",
        "**Task**: prod (stage production)",
        "**Job**: deploy v3",
        "**Attempt**: 2",
        "**Started by**: alice",
        "**Reason**: EXIT_CODE: step migrate ended with exit code 3",
        "**Failed step**: migrate (exit code 3)",
        "**Duration**: 1m05s",
        "**At**: 2026-03-01 12:00:00 UTC",
        "**ID**: task-1\n",
        "**Params**",
        "│ VERSION=1.4.0",
        "│ TOKEN=＊＊＊\n",
        "**First failing lines**",
        "│ ERROR: no such table ＜x＞\n",
        `[Open task](${link})`,
      ].join("\n"),
    },
  });
});

test("a waiting audit in Chinese has a link for each verdict", async () => {
  const buttons = [
    { verdict: "PASS", url: "https://mflow.example.com/decide/t?verdict=PASS" },
    { verdict: "DENY", url: "https://mflow.example.com/decide/t?verdict=DENY" },
  ] as const;
  expect(await sent(renderContent({ message: auditWaiting, language: "zh", link, buttons }))).toEqual({
    msgtype: "markdown",
    markdown: {
      content: [
        '### <font color="warning">待您审批：release / prod</font>\n',
        "**流水线**：release",
        "**任务**：prod（阶段 production）",
        "**作业**：deploy v3",
        "**发起人**：alice（定时触发）",
        "**等待**：@dba、carol（已通过 1/2）",
        "**开始等待**：2026-03-01 12:00:00 UTC",
        "**截止时间**：2026-03-02 12:00:00 UTC",
        "**决定**：bob 代 carol 通过",
        "**内容摘要**：2c26b46b68ff",
        "**时间**：2026-03-01 12:00:00 UTC",
        "**ID**：task-1\n",
        "**参数**",
        "│ VERSION=1.4.0\n",
        `[通过](${buttons[0].url})　[拒绝](${buttons[1].url})　[查看任务](${link})`,
      ].join("\n"),
    },
  });
});

test("no value becomes a mention, a link or markup", async () => {
  const message = { ...failed, task: { ...failedTask, message: HOSTILE, reason: undefined } };
  const template = { text: "- **see** [docs](https://m.example/a_(b)) *now* `x_y`\n- {{task.message}}" };
  const facts = (await sent(renderContent({ message, language: "en" }))).markdown.content.split("\n");
  const text = (await sent(renderContent({ message, language: "en", template }))).markdown.content;
  const escaped =
    "＃ ＜!channel＞ ＜@U1＞ @all ＜at id=all＞＜/at＞ ［x］(https://evil.example) ＊＊b＊＊ ｀c｀ _d_ &#60;at&#62; | ~";
  expect(facts.find((line: string) => line.startsWith("**Reason**"))).toBe(`**Reason**: ${escaped}`);
  expect(text).toBe(
    '### <font color="warning">FAILED: release / prod</font>\n\n' +
      `• **see** [docs](https://m.example/a_%28b%29) now \`x_y\`\n• ${escaped}`,
  );
});

test("what is larger than 4,096 bytes is cut; links stay", async () => {
  for (const language of ["en", "zh"] as const) {
    const { markdown } = await sent(hugeContent(language));
    expect(Buffer.byteLength(markdown.content)).toBeLessThanOrEqual(4096);
    expect(markdown.content.match(/\]\(https:/g)).toHaveLength(3);
    expect(markdown.content).toContain("失失失失");
  }
});

test("each answer of the platform means what its documentation says", async () => {
  const answers: [number, unknown][] = [
    [200, { errcode: 93000, errmsg: "invalid webhook url, hint: [1], from ip: 1.2.3.4" }],
    [200, { errcode: 40008, errmsg: "invalid message type" }],
    [200, { errcode: 40058, errmsg: "markdown.content exceed max length 4096" }],
    [200, { errcode: 44004, errmsg: "empty content" }],
    [200, { errcode: 45009, errmsg: "api freq out of limit" }],
    [200, { errcode: -1, errmsg: "system busy" }],
    [200, { errcode: 60020, errmsg: "something new" }],
    [429, { errcode: 77, errmsg: "slow down" }],
    [502, "bad gateway"],
    [408, "too slow"],
  ];
  const told = [];
  for (const answer of answers) {
    robot.receiver.behaviour = () => answer;
    const { kind, message, retryAfterMs } = await robot.failure(settings);
    told.push([kind, message, retryAfterMs]);
  }
  expect(told).toEqual([
    ["DEAD", "the robot answered 93000: invalid webhook url, hint: [1], from ip: 1.2.3.4", undefined],
    ["DEAD", "the robot answered 40008: invalid message type", undefined],
    ["DEAD", "the robot answered 40058: markdown.content exceed max length 4096", undefined],
    ["DEAD", "the robot answered 44004: empty content", undefined],
    ["LIMITED", "the robot answered 45009: api freq out of limit", 60_000],
    ["RETRY", "the robot answered -1: system busy", undefined],
    ["RETRY", "the robot answered 60020: something new", undefined],
    ["LIMITED", "the robot answered 77: slow down", undefined],
    ["RETRY", "the answer is not the platform's: bad gateway", undefined],
    ["RETRY", "the answer is not the platform's: too slow", undefined],
  ]);
});

test("the rate stays within 20 messages a minute", () => {
  const { limits } = createWecomRobot({ send: () => Promise.reject(new Error("not used")) });
  const { messages, perMs } = limits.rate ?? { messages: Number.POSITIVE_INFINITY, perMs: 1 };
  expect(messages + Math.floor((60_000 * messages) / perMs)).toBe(20);
});
