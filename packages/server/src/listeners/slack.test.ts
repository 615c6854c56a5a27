import type { SpecOf } from "@mflow/core/schema/channel";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { Content } from "./content.ts";
import { renderContent } from "./render-content.ts";
import { createSlackRobot } from "./slack.ts";
import type { SlackBlock } from "./slack-blocks.ts";
import { auditWaiting, failed, failedTask, HOSTILE } from "./testing/messages.ts";
import { hugeContent, openRobotTest, plainContent, type RobotTest } from "./testing/robot.ts";

let robot: RobotTest<SpecOf<"SLACK">>;
let settings: SpecOf<"SLACK">;

beforeEach(async () => {
  robot = await openRobotTest(createSlackRobot);
  robot.receiver.behaviour = () => [200, "ok"];
  settings = { kind: "SLACK", url: robot.receiver.url("/services/T0/B0/0123") };
});

afterEach(() => robot.close());

const sent = async (content: Content): Promise<{ text: string; blocks: SlackBlock[] }> =>
  JSON.parse((await robot.send(content, settings)).body);
const link = "https://mflow.example.com/runs/run-1/tasks/task-1";

const bold = (text: string) => ({ type: "text", text, style: { bold: true } });
const plain = (text: string) => ({ type: "text", text });
const list = (label: string, lines: string) => ({
  type: "rich_text",
  elements: [
    { type: "rich_text_section", elements: [bold(label)] },
    { type: "rich_text_preformatted", elements: [plain(lines)] },
  ],
});
const facts = (...pairs: [string, string][]) => ({
  type: "rich_text",
  elements: [
    {
      type: "rich_text_section",
      elements: pairs.flatMap(([label, value], index) => [
        bold(label),
        plain(index < pairs.length - 1 ? `${value}\n` : value),
      ]),
    },
  ],
});

test("a failure is blocks with a header, facts, params, log and a button that opens the task", async () => {
  const content = renderContent({ message: failed, language: "en", link, log: ["ERROR: no such table <x>"] });
  expect(await sent(content)).toEqual({
    text: "FAILED: release / prod",
    unfurl_links: false,
    unfurl_media: false,
    blocks: [
      { type: "header", text: { type: "plain_text", text: "🔴 FAILED: release / prod", emoji: false } },
      facts(
        ["Changed: ", "ACTIVE → FAILED"],
        ["Pipeline: ", "release"],
        ["Task: ", "prod (stage production)"],
        ["Job: ", "deploy v3"],
        ["Attempt: ", "2"],
        ["Started by: ", "alice"],
        ["Reason: ", "EXIT_CODE: step migrate ended with exit code 3"],
        ["Failed step: ", "migrate (exit code 3)"],
        ["Duration: ", "1m05s"],
        ["At: ", "2026-03-01 12:00:00 UTC"],
        ["ID: ", "task-1"],
      ),
      list("Params", "VERSION=1.4.0\nTOKEN=***"),
      list("First failing lines", "ERROR: no such table <x>"),
      {
        type: "actions",
        elements: [
          {
            type: "button",
            action_id: "open-0",
            text: { type: "plain_text", text: "Open task", emoji: false },
            url: link,
          },
        ],
      },
    ],
  });
});

test("a waiting audit in Chinese has a button for each verdict", async () => {
  const buttons = [
    { verdict: "PASS", url: "https://mflow.example.com/decide/t?verdict=PASS" },
    { verdict: "DENY", url: "https://mflow.example.com/decide/t?verdict=DENY" },
  ] as const;
  expect(await sent(renderContent({ message: auditWaiting, language: "zh", buttons }))).toEqual({
    text: "待您审批：release / prod",
    unfurl_links: false,
    unfurl_media: false,
    blocks: [
      { type: "header", text: { type: "plain_text", text: "🟡 待您审批：release / prod", emoji: false } },
      facts(
        ["流水线：", "release"],
        ["任务：", "prod（阶段 production）"],
        ["作业：", "deploy v3"],
        ["发起人：", "alice（定时触发）"],
        ["等待：", "@dba、carol（已通过 1/2）"],
        ["开始等待：", "2026-03-01 12:00:00 UTC"],
        ["截止时间：", "2026-03-02 12:00:00 UTC"],
        ["决定：", "bob 代 carol 通过"],
        ["内容摘要：", "2c26b46b68ff"],
        ["时间：", "2026-03-01 12:00:00 UTC"],
        ["ID：", "task-1"],
      ),
      list("参数", "VERSION=1.4.0"),
      {
        type: "actions",
        elements: [
          {
            type: "button",
            action_id: "pass",
            text: { type: "plain_text", text: "通过", emoji: false },
            style: "primary",
            url: buttons[0].url,
          },
          {
            type: "button",
            action_id: "deny",
            text: { type: "plain_text", text: "拒绝", emoji: false },
            style: "danger",
            url: buttons[1].url,
          },
        ],
      },
    ],
  });
});

test("no value becomes a mention, a link or markup: all stand in elements that are not read for it", async () => {
  const message = {
    ...failed,
    task: { ...failedTask, name: "<!channel>", message: HOSTILE, reason: undefined },
  };
  const template = {
    text: "## See\n**the** [docs](https://m.example)\n\n1. {{task.message}}\n\n> `said`\n\n    <!here>",
  };
  const { text, blocks } = await sent(renderContent({ message, language: "en", template }));
  expect({ text, blocks }).toEqual({
    text: "FAILED: release / &lt;!channel&gt;",
    blocks: [
      { type: "header", text: { type: "plain_text", text: "🔴 FAILED: release / <!channel>", emoji: false } },
      {
        type: "rich_text",
        elements: [
          {
            type: "rich_text_section",
            elements: [
              bold("See"),
              plain("\n"),
              plain("\n"),
              bold("the"),
              plain(" "),
              { type: "link", url: "https://m.example", text: "docs" },
              plain("\n"),
              plain("\n"),
              plain("1. "),
              plain(HOSTILE),
            ],
          },
          { type: "rich_text_quote", elements: [{ type: "text", text: "said", style: { code: true } }] },
          { type: "rich_text_preformatted", elements: [plain("<!here>")] },
        ],
      },
    ],
  });
});

test("no text is larger than Slack takes; buttons and links stay", async () => {
  for (const language of ["en", "zh"] as const) {
    const { blocks } = await sent(hugeContent(language));
    const lengths = blocks.map((block) => {
      if (block.type === "header") return block.text.text.length;
      const texts = block.type === "rich_text" ? block.elements.flatMap(({ elements }) => elements) : [];
      return texts.reduce((sum, { text }) => sum + text.length, 0);
    });
    expect(lengths.every((length) => length <= 3000)).toBe(true);
    expect(lengths[0]).toBeLessThanOrEqual(150);
    const last = blocks.at(-1);
    expect(last?.type === "actions" && last.elements.map(({ action_id }) => action_id)).toEqual([
      "pass",
      "deny",
      "open-0",
    ]);
  }
});

test("each answer of the platform means what its documentation says", async () => {
  const answers: [number, string][] = [
    [400, "invalid_payload"],
    [400, "user_not_found"],
    [400, "no_text"],
    [403, "action_prohibited"],
    [403, "invalid_token"],
    [404, "channel_not_found"],
    [404, "no_service"],
    [410, "channel_is_archived"],
    [200, "no_service"],
    [500, "rollup_error"],
    [429, "rate_limited"],
    [200, "<html>please log in</html>"],
    [503, ""],
  ];
  const told = [];
  for (const [status, body] of answers) {
    robot.receiver.behaviour = (_request, response) => {
      response.writeHead(status, {
        "content-type": "text/plain",
        ...(status === 429 && { "retry-after": "30" }),
      });
      response.end(body);
      return undefined;
    };
    const { kind, message, retryAfterMs } = await robot.failure(settings);
    told.push([kind, message, retryAfterMs]);
  }
  expect(told).toEqual([
    ["DEAD", "the robot answered invalid_payload", undefined],
    ["DEAD", "the robot answered user_not_found", undefined],
    ["DEAD", "the robot answered no_text", undefined],
    ["DEAD", "the robot answered action_prohibited", undefined],
    ["DEAD", "the robot answered invalid_token", undefined],
    ["DEAD", "the robot answered channel_not_found", undefined],
    ["DEAD", "the robot answered no_service", undefined],
    ["DEAD", "the robot answered channel_is_archived", undefined],
    ["DEAD", "the robot answered no_service", undefined],
    ["RETRY", "the robot answered rollup_error", undefined],
    ["LIMITED", "the robot answered rate_limited", 30_000],
    ["RETRY", "the answer is not the platform's: <html>please log in</html>", undefined],
    ["RETRY", "the answer is not the platform's: nothing", undefined],
  ]);
});

test("one message goes out at a time, one a second", async () => {
  const { limits } = createSlackRobot({ send: () => Promise.reject(new Error("not used")) });
  expect(limits).toEqual({ concurrency: 1, rate: { messages: 1, perMs: 1000 } });
  await robot.send(plainContent, settings);
});
