import { createHmac } from "node:crypto";
import type { SpecOf } from "@mflow/core/schema/channel";
import { afterEach, beforeEach, expect, test } from "vitest";
import { createFeishuRobot } from "./feishu.ts";
import { renderContent } from "./render-content.ts";
import { auditWaiting, failed, failedTask, HOSTILE } from "./testing/messages.ts";
import { hugeContent, NOW, openRobotTest, plainContent, type RobotTest } from "./testing/robot.ts";

let robot: RobotTest<SpecOf<"FEISHU">>;
let settings: SpecOf<"FEISHU">;

beforeEach(async () => {
  robot = await openRobotTest(createFeishuRobot);
  robot.receiver.behaviour = () => [200, { code: 0, data: {}, msg: "success" }];
  settings = { kind: "FEISHU", url: robot.receiver.url("/open-apis/bot/v2/hook/0123") };
});

afterEach(() => robot.close());

const link = "https://mflow.example.com/runs/run-1/tasks/task-1";

test("a failure is a red card with facts, params, log and a button that opens the task", async () => {
  const content = renderContent({ message: failed, language: "en", link, log: ["ERROR: no such table <x>"] });
  const got = await robot.send(content, settings);
  expect([got.method, got.path, got.headers["content-type"]]).toEqual([
    "POST",
    "/open-apis/bot/v2/hook/0123",
    "application/json; charset=utf-8",
  ]);
  expect(JSON.parse(got.body)).toEqual({
    msg_type: "interactive",
    card: {
      config: { wide_screen_mode: true },
      header: { title: { tag: "plain_text", content: "FAILED: release / prod" }, template: "red" },
      elements: [
        {
          tag: "markdown",
          content: [
            "**Changed**: ACTIVE → FAILED",
            "**Pipeline**: release",
            "**Task**: prod &#40;stage production&#41;",
            "**Job**: deploy v3",
            "**Attempt**: 2",
            "**Started by**: alice",
            "**Reason**: EXIT&#95;CODE&#58; step migrate ended with exit code 3",
            "**Failed step**: migrate &#40;exit code 3&#41;",
            "**Duration**: 1m05s",
            "**At**: 2026&#45;03&#45;01 12&#58;00&#58;00 UTC",
            "**ID**: task&#45;1",
          ].join("\n"),
        },
        { tag: "hr" },
        { tag: "markdown", content: "**Params**" },
        { tag: "div", text: { tag: "plain_text", content: "VERSION=1.4.0\nTOKEN=***" } },
        { tag: "hr" },
        { tag: "markdown", content: "**First failing lines**" },
        { tag: "div", text: { tag: "plain_text", content: "ERROR: no such table <x>" } },
        {
          tag: "action",
          actions: [
            { tag: "button", text: { tag: "plain_text", content: "Open task" }, type: "default", url: link },
          ],
        },
      ],
    },
  });
});

test("a waiting audit is an orange card in Chinese with a button for each verdict", async () => {
  const buttons = [
    { verdict: "PASS", url: "https://mflow.example.com/decide/t?verdict=PASS" },
    { verdict: "DENY", url: "https://mflow.example.com/decide/t?verdict=DENY" },
  ] as const;
  const got = await robot.send(renderContent({ message: auditWaiting, language: "zh", buttons }), settings);
  expect(JSON.parse(got.body)).toEqual({
    msg_type: "interactive",
    card: {
      config: { wide_screen_mode: true },
      header: { title: { tag: "plain_text", content: "待您审批：release / prod" }, template: "orange" },
      elements: [
        {
          tag: "markdown",
          content: [
            "**流水线**：release",
            "**任务**：prod（阶段 production）",
            "**作业**：deploy v3",
            "**发起人**：alice（定时触发）",
            "**等待**：@dba、carol（已通过 1/2）",
            "**开始等待**：2026&#45;03&#45;01 12&#58;00&#58;00 UTC",
            "**截止时间**：2026&#45;03&#45;02 12&#58;00&#58;00 UTC",
            "**决定**：bob 代 carol 通过",
            "**内容摘要**：2c26b46b68ff",
            "**时间**：2026&#45;03&#45;01 12&#58;00&#58;00 UTC",
            "**ID**：task&#45;1",
          ].join("\n"),
        },
        { tag: "hr" },
        { tag: "markdown", content: "**参数**" },
        { tag: "div", text: { tag: "plain_text", content: "VERSION=1.4.0" } },
        {
          tag: "action",
          actions: [
            {
              tag: "button",
              text: { tag: "plain_text", content: "通过" },
              type: "primary",
              url: buttons[0].url,
            },
            {
              tag: "button",
              text: { tag: "plain_text", content: "拒绝" },
              type: "danger",
              url: buttons[1].url,
            },
          ],
        },
      ],
    },
  });
});

test("with a secret the body has the time and a signature whose key is time and secret", async () => {
  const got = await robot.send(plainContent, { ...settings, secret: "s3cret" });
  // As computed by Python's hmac: the time and the secret are the key, and nothing is signed.
  const { timestamp, sign } = JSON.parse(got.body);
  expect([timestamp, sign]).toEqual(["1772366401", "Dgzt9E6OjHc528Uby3tZ/MXHDp5jgVhYiiSim6XdBuk="]);
  expect(sign).toBe(createHmac("sha256", `${Math.floor(NOW / 1000)}\ns3cret`).digest("base64"));
});

test("no value becomes a mention, a link or markup", async () => {
  const message = { ...failed, task: { ...failedTask, message: HOSTILE, reason: undefined } };
  const template = { text: "**see** [docs](https://m.example/a_(b)) {{task.message}}" };
  const shown = async (content: Parameters<typeof robot.send>[0]) =>
    JSON.parse((await robot.send(content, settings)).body).card.elements[0].content.split("\n");
  const facts = await shown(renderContent({ message, language: "en" }));
  const text = await shown(renderContent({ message, language: "en", template }));
  const escaped =
    "&#35; &#60;&#33;channel&#62; &#60;@U1&#62; @all &#60;at id=all&#62;&#60;/at&#62; &#91;x&#93;&#40;https&#58;" +
    "//evil.example&#41; &#42;&#42;b&#42;&#42; &#96;c&#96; &#95;d&#95; &#38;&#35;60;at&#38;&#35;62; &#124; &#126;";
  expect(facts.find((line: string) => line.startsWith("**Reason**"))).toBe(`**Reason**: ${escaped}`);
  expect(text).toEqual([`**see** [docs](https://m.example/a_%28b%29) ${escaped}`]);
});

test("what is larger than 20 KB is cut; buttons and links stay", async () => {
  for (const language of ["en", "zh"] as const) {
    const got = await robot.send(hugeContent(language), { ...settings, secret: "s3cret" });
    expect(Buffer.byteLength(got.body)).toBeLessThanOrEqual(20_000);
    const { actions } = JSON.parse(got.body).card.elements.at(-1);
    expect(actions.map(({ url }: { url: string }) => url.slice(0, 33))).toEqual([
      "https://mflow.example.com/decide/",
      "https://mflow.example.com/decide/",
      "https://mflow.example.com/runs/ru",
    ]);
  }
});

test("each answer of the platform means what its documentation says", async () => {
  const answers: [number, unknown][] = [
    [200, { code: 9499, msg: "Bad Request", data: {} }],
    [200, { code: 19001, msg: "param invalid: incoming webhook access token invalid" }],
    [200, { code: 19021, msg: "sign match fail or timestamp is not within one hour from current time" }],
    [200, { code: 19022, msg: "Ip Not Allowed" }],
    [200, { code: 19024, msg: "Key Words Not Found" }],
    [200, { StatusCode: 19024, StatusMessage: "Key Words Not Found" }],
    [200, { code: 11232, msg: "frequency limited psm[lark.oapi.app_platform_runtime]appID[1500]" }],
    [400, { code: 99991400, msg: "request trigger frequency limit" }],
    [200, { code: 2200, msg: "Internal Error" }],
    [200, { code: 77777, msg: "something new" }],
    [404, { code: 77777, msg: "something new" }],
    [200, "<html>please log in</html>"],
    [502, "bad gateway"],
    [500, { code: 0, msg: "success" }],
  ];
  const told = [];
  for (const answer of answers) {
    robot.receiver.behaviour = () => answer;
    const { kind, message } = await robot.failure(settings);
    told.push([kind, message]);
  }
  expect(told).toEqual([
    ["DEAD", "the robot answered 9499: Bad Request"],
    ["DEAD", "the robot answered 19001: param invalid: incoming webhook access token invalid"],
    [
      "DEAD",
      "the robot answered 19021: sign match fail or timestamp is not within one hour from current time",
    ],
    ["DEAD", "the robot answered 19022: Ip Not Allowed"],
    ["DEAD", "the robot answered 19024: Key Words Not Found"],
    ["DEAD", "the robot answered 19024: Key Words Not Found"],
    ["LIMITED", "the robot answered 11232: frequency limited psm[lark.oapi.app_platform_runtime]appID[1500]"],
    ["LIMITED", "the robot answered 99991400: request trigger frequency limit"],
    ["RETRY", "the robot answered 2200: Internal Error"],
    ["RETRY", "the robot answered 77777: something new"],
    ["DEAD", "the robot answered 77777: something new"],
    ["RETRY", "the answer is not the platform's: <html>please log in</html>"],
    ["RETRY", "the answer is not the platform's: bad gateway"],
    ["RETRY", "the robot answered 500"],
  ]);
});

test("an older answer without `code` is a success too", async () => {
  robot.receiver.behaviour = () => [200, { Extra: null, StatusCode: 0, StatusMessage: "success" }];
  await robot.send(plainContent, settings);
  expect(robot.receiver.received).toHaveLength(1);
});

test("the rate stays within 100 messages a minute and 5 a second", () => {
  const { limits } = createFeishuRobot({ send: () => Promise.reject(new Error("not used")) });
  const { messages, perMs } = limits.rate ?? { messages: Number.POSITIVE_INFINITY, perMs: 1 };
  const within = (ms: number) => messages + Math.floor((ms * messages) / perMs);
  expect([within(1000) <= 5, within(60_000) <= 100]).toEqual([true, true]);
});
