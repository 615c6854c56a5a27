import type { SpecOf } from "@mflow/core/schema/channel";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { Content } from "./content.ts";
import { createDingtalkRobot } from "./dingtalk.ts";
import { renderContent } from "./render-content.ts";
import { auditWaiting, failed, failedTask, HOSTILE } from "./testing/messages.ts";
import { hugeContent, openRobotTest, plainContent, type RobotTest } from "./testing/robot.ts";

let robot: RobotTest<SpecOf<"DINGTALK">>;
let settings: SpecOf<"DINGTALK">;

beforeEach(async () => {
  robot = await openRobotTest(createDingtalkRobot);
  robot.receiver.behaviour = () => [200, { errcode: 0, errmsg: "ok" }];
  settings = { kind: "DINGTALK", url: robot.receiver.url("/robot/send?access_token=0123") };
});

afterEach(() => robot.close());

const sent = async (content: Content) => JSON.parse((await robot.send(content, settings)).body);
const link = "https://mflow.example.com/runs/run-1/tasks/task-1";

test("a failure is an action card that opens the task", async () => {
  const content = renderContent({
    message: failed,
    language: "en",
    link,
    log: ["ERROR: no such table", "-----"],
  });
  expect(await sent(content)).toEqual({
    msgtype: "actionCard",
    actionCard: {
      title: "FAILED: release / prod",
      text: [
        "### 🔴 FAILED: release / prod\n",
        "**Changed**: ACTIVE → FAILED  ",
        "**Pipeline**: release  ",
        "**Task**: prod (stage production)  ",
        "**Job**: deploy v3  ",
        "**Attempt**: 2  ",
        "**Started by**: alice  ",
        "**Reason**: EXIT_CODE: step migrate ended with exit code 3  ",
        "**Failed step**: migrate (exit code 3)  ",
        "**Duration**: 1m05s  ",
        "**At**: 2026-03-01 12:00:00 UTC  ",
        "**ID**: task-1\n",
        "**Params**  ",
        "│ VERSION=1.4.0  ",
        "│ TOKEN=＊＊＊\n",
        "**First failing lines**  ",
        "│ ERROR: no such table  ",
        "│ －----",
      ].join("\n"),
      btnOrientation: "1",
      btns: [{ title: "Open task", actionURL: link }],
    },
  });
});

test("a waiting audit is a card in Chinese with a button for each verdict", async () => {
  const buttons = [
    { verdict: "PASS", url: "https://mflow.example.com/decide/t?verdict=PASS" },
    { verdict: "DENY", url: "https://mflow.example.com/decide/t?verdict=DENY" },
  ] as const;
  expect(await sent(renderContent({ message: auditWaiting, language: "zh", link, buttons }))).toEqual({
    msgtype: "actionCard",
    actionCard: {
      title: "待您审批：release / prod",
      text: [
        "### 🟡 待您审批：release / prod\n",
        "**流水线**：release  ",
        "**任务**：prod（阶段 production）  ",
        "**作业**：deploy v3  ",
        "**发起人**：alice（定时触发）  ",
        "**等待**：@dba、carol（已通过 1/2）  ",
        "**开始等待**：2026-03-01 12:00:00 UTC  ",
        "**截止时间**：2026-03-02 12:00:00 UTC  ",
        "**决定**：bob 代 carol 通过  ",
        "**内容摘要**：2c26b46b68ff  ",
        "**时间**：2026-03-01 12:00:00 UTC  ",
        "**ID**：task-1\n",
        "**参数**  ",
        "│ VERSION=1.4.0",
      ].join("\n"),
      btnOrientation: "1",
      btns: [
        { title: "通过", actionURL: buttons[0].url },
        { title: "拒绝", actionURL: buttons[1].url },
        { title: "查看任务", actionURL: link },
      ],
    },
  });
});

test("without anything to open it is markdown", async () => {
  expect(await sent(plainContent)).toEqual({
    msgtype: "markdown",
    markdown: { title: "FAILED: prod", text: "### 🔴 FAILED: prod" },
  });
});

test("with a secret the URL has the time and a signature of it, encoded", async () => {
  const got = await robot.send(plainContent, { ...settings, secret: "SECs3cret" });
  // As computed by Python's hmac and urllib.parse.quote_plus.
  expect(got.path).toBe(
    "/robot/send?access_token=0123&timestamp=1772366401500" +
      "&sign=M7gY0zjrrKjdFQXg9lna5CNmMQUK%2BR0JZA5pCC%2B%2BDhw%3D",
  );
});

test("no value becomes a mention, a link or markup", async () => {
  const message = { ...failed, task: { ...failedTask, message: HOSTILE, reason: undefined } };
  const template = { text: "**see** [docs](https://m.example/a_(b)) _now_ `x_y`\n\n> {{task.message}}" };
  const facts = (await sent(renderContent({ message, language: "en" }))).markdown.text.split("  \n");
  const text = (await sent(renderContent({ message, language: "en", template }))).markdown.text;
  const escaped =
    "# ＜!channel＞ ＜@U1＞ @all ＜at id=all＞＜/at＞ ［x］(https://evil.example) ＊＊b＊＊ ｀c｀ ＿d＿ &#60;at&#62; | ～";
  expect(facts.find((line: string) => line.startsWith("**Reason**"))).toBe(
    `**Reason**: ${escaped.replace("#", "＃")}`,
  );
  expect(text).toBe(
    "### 🔴 FAILED: release / prod\n\n" +
      `**see** [docs](https://m.example/a_%28b%29) *now* x_y  \n  \n> ${escaped.replace("#", "＃")}`,
  );
});

test("what is larger than the platform takes is cut; buttons and links stay", async () => {
  for (const language of ["en", "zh"] as const) {
    const { body } = await robot.send(hugeContent(language), settings);
    expect(Buffer.byteLength(body)).toBeLessThanOrEqual(19_000);
    expect(JSON.parse(body).actionCard.btns).toHaveLength(3);
  }
});

test("each answer of the platform means what its documentation says", async () => {
  const answers: [number, unknown][] = [
    [200, { errcode: 310000, errmsg: "keywords not in content, more: [https://ding-doc.dingtalk.com/doc]" }],
    [200, { errcode: 310000, errmsg: "sign not match" }],
    [200, { errcode: 300001, errmsg: "token is not exist" }],
    [200, { errcode: 40035, errmsg: "缺少参数 json" }],
    [200, { errcode: 400102, errmsg: "机器人已停用" }],
    [200, { errcode: 430104, errmsg: "含有不合适的内容" }],
    [200, { errcode: 460101, errmsg: "message too long, exceed 20000 bytes" }],
    [200, { errcode: 130101, errmsg: "send too fast, exceed 20 times per minute", status: 1111, wait: 5 }],
    [200, { errcode: 410100, errmsg: "发送速度太快而限流" }],
    [200, { errcode: -1, errmsg: "系统繁忙" }],
    [200, { errcode: 88, errmsg: "something new" }],
    [200, "ok"],
    [503, ""],
    [403, "forbidden"],
  ];
  const told = [];
  for (const answer of answers) {
    robot.receiver.behaviour = () => answer;
    const { kind, message, retryAfterMs } = await robot.failure(settings);
    told.push([kind, message, retryAfterMs]);
  }
  expect(told).toEqual([
    [
      "DEAD",
      "the robot answered 310000: keywords not in content, more: [https://ding-doc.dingtalk.com/doc]",
      undefined,
    ],
    ["DEAD", "the robot answered 310000: sign not match", undefined],
    ["DEAD", "the robot answered 300001: token is not exist", undefined],
    ["DEAD", "the robot answered 40035: 缺少参数 json", undefined],
    ["DEAD", "the robot answered 400102: 机器人已停用", undefined],
    ["DEAD", "the robot answered 430104: 含有不合适的内容", undefined],
    ["DEAD", "the robot answered 460101: message too long, exceed 20000 bytes", undefined],
    ["LIMITED", "the robot answered 130101: send too fast, exceed 20 times per minute", 600_000],
    ["LIMITED", "the robot answered 410100: 发送速度太快而限流", 600_000],
    ["RETRY", "the robot answered -1: 系统繁忙", undefined],
    ["RETRY", "the robot answered 88: something new", undefined],
    ["RETRY", "the answer is not the platform's: ok", undefined],
    ["RETRY", "the answer is not the platform's: nothing", undefined],
    ["DEAD", "the answer is not the platform's: forbidden", undefined],
  ]);
});

test("the rate stays within 20 messages a minute", () => {
  const { limits } = createDingtalkRobot({ send: () => Promise.reject(new Error("not used")) });
  const { messages, perMs } = limits.rate ?? { messages: Number.POSITIVE_INFINITY, perMs: 1 };
  expect(messages + Math.floor((60_000 * messages) / perMs)).toBe(20);
});
