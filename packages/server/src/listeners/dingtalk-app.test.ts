// An app of DingTalk against a server that plays the platform.

import type { SpecOf } from "@mflow/core/schema/channel";
import { afterAll, beforeEach, expect, test } from "vitest";
import type { Channel } from "./channel.ts";
import { createDingtalkApp } from "./dingtalk-app.ts";
import { createHttpSender } from "./http-sender.ts";
import { closedContent, outgoingOf, waitingContent } from "./testing/app-platform.ts";
import { type Received, Receiver } from "./testing/receiver.ts";

type Settings = SpecOf<"DINGTALK_APP">;

const http = createHttpSender({ allowed: ["127.0.0.1"], userAgent: "mflow/test" });
const dingtalk = await Receiver.open();
afterAll(async () => {
  await dingtalk.close();
  await http.close();
});

let app: Channel<Settings>;
let tokensGiven: number;
let valid: string;
let answer: [number, Record<string, unknown>] | undefined;
beforeEach(() => {
  app = createDingtalkApp(http);
  tokensGiven = 0;
  valid = "token-1";
  answer = undefined;
  dingtalk.received.length = 0;
  dingtalk.behaviour = play;
});

function play({ method, path, headers, body }: Received): [number, unknown] {
  const given = JSON.parse(body);
  if (path === "/v1.0/oauth2/accessToken") {
    const isRight = given.appKey === "ding1" && given.appSecret === "app secret";
    if (!isRight)
      return [400, { code: "invalidClientIdOrSecret", message: "无效的clientId或者clientSecret" }];
    return [200, { accessToken: `token-${++tokensGiven}`, expireIn: 7200 }];
  }
  if (headers["x-acs-dingtalk-access-token"] !== valid) {
    return [400, { code: "InvalidAuthentication", message: "不合法的access_token" }];
  }
  if (answer) return answer;
  if (path === "/v1.0/robot/oToMessages/batchSend") {
    JSON.parse(given.msgParam);
    const known = given.robotCode && given.userIds[0] === "manager1";
    return [
      200,
      {
        processQueryKey: "key",
        invalidStaffIdList: known ? [] : given.userIds,
        flowControlledStaffIdList: [],
      },
    ];
  }
  if (path === "/v1.0/card/instances/createAndDeliver" && method === "POST") {
    const isText = Object.values(given.cardData.cardParamMap).every((value) => typeof value === "string");
    if (!isText) return [400, { code: "param.error", message: "cardParamMap" }];
    return [
      200,
      { success: true, result: { outTrackId: given.outTrackId, deliverResults: [{ success: true }] } },
    ];
  }
  if (path === "/v1.0/card/instances" && method === "PUT") return [200, { success: true, result: true }];
  return [404, { code: "InvalidAction.NotFound", message: path }];
}

const settings: Settings = {
  kind: "DINGTALK_APP",
  appKey: "ding1",
  appSecret: "app secret",
  baseUrl: dingtalk.url(""),
};
const withCards: Settings = { ...settings, cardTemplateId: "tpl.schema", callbackSecret: "callback secret" };
const sent = () => dingtalk.received.filter(({ path }) => path !== "/v1.0/oauth2/accessToken");
const to = (spec: Settings, more = {}) => app.send(outgoingOf(spec, { address: "manager1", ...more }));

test("without a card template a person gets a message of the robot whose buttons are links", async () => {
  expect(await to(settings)).toEqual({
    requestDigest: expect.stringMatching(/^[0-9a-f]{64}$/),
    status: 200,
    response: '{"processQueryKey":"key","invalidStaffIdList":[],"flowControlledStaffIdList":[]}',
  });
  const { msgParam, ...rest } = JSON.parse(sent()[0]?.body ?? "");
  expect([sent()[0]?.path, rest]).toEqual([
    "/v1.0/robot/oToMessages/batchSend",
    { robotCode: "ding1", userIds: ["manager1"], msgKey: "sampleActionCard3" },
  ]);
  expect(JSON.parse(msgParam)).toEqual({
    title: "Waiting for your audit: prod",
    text: "### 🟡 Waiting for your audit: prod\n\n**Task**: prod",
    actionTitle1: "Pass",
    actionURL1: "https://mflow.example.com/decide/x?verdict=PASS",
    actionTitle2: "Deny",
    actionURL2: "https://mflow.example.com/decide/x?verdict=DENY",
    actionTitle3: "Open the task",
    actionURL3: "https://mflow.example.com/tasks/task-1",
  });
});

test("the kind of the message follows from how much there is to open", async () => {
  const { buttons: _buttons, ...plain } = waitingContent;
  await to(settings, { content: plain });
  await to({ ...settings, robotCode: "robot" }, { content: { ...plain, links: [] } });
  const shown = sent().map(({ body }) => JSON.parse(body));
  expect(shown.map(({ msgKey, robotCode }) => [msgKey, robotCode])).toEqual([
    ["sampleActionCard", "ding1"],
    ["sampleMarkdown", "robot"],
  ]);
  expect(JSON.parse(shown[0].msgParam)).toMatchObject({
    singleTitle: "Open the task",
    singleURL: "https://mflow.example.com/tasks/task-1",
  });
});

test("with a template a gate is an interactive card, which is named by its delivery", async () => {
  expect((await to(withCards)).receipt).toEqual({ outTrackId: "dlv-1" });
  expect([sent()[0]?.path, JSON.parse(sent()[0]?.body ?? "")]).toEqual([
    "/v1.0/card/instances/createAndDeliver",
    {
      cardTemplateId: "tpl.schema",
      outTrackId: "dlv-1",
      userIdType: 1,
      callbackType: "HTTP",
      callbackRouteKey: "mflow",
      cardData: {
        cardParamMap: {
          title: "Waiting for your audit: prod",
          text: "### 🟡 Waiting for your audit: prod\n\n**Task**: prod",
          tone: "waiting",
          open: "true",
          passLabel: "Pass",
          denyLabel: "Deny",
          link: "https://mflow.example.com/tasks/task-1",
          notice: "",
        },
      },
      openSpaceId: "dtv1.card//IM_ROBOT.manager1",
      imRobotOpenSpaceModel: {
        supportForward: false,
        lastMessageI18n: { ZH_CN: "Waiting for your audit: prod", EN_US: "Waiting for your audit: prod" },
      },
      imRobotOpenDeliverModel: { spaceType: "IM_ROBOT", robotCode: "ding1" },
    },
  ]);
});

test("a card is updated in place, and has no buttons then", async () => {
  const update = { outTrackId: "dlv-0" };
  expect((await to(withCards, { update, content: closedContent })).receipt).toEqual(update);
  expect([sent()[0]?.method, sent()[0]?.path]).toEqual(["PUT", "/v1.0/card/instances"]);
  expect(JSON.parse(sent()[0]?.body ?? "")).toMatchObject({
    outTrackId: "dlv-0",
    cardData: { cardParamMap: { title: "Audit passed: prod", open: "false", passLabel: "" } },
    cardUpdateOptions: { updateCardDataByKey: true },
  });
});

test("a token that is not taken any more is renewed once", async () => {
  await to(settings);
  valid = "token-2";
  await to(settings);
  expect([tokensGiven, sent().length]).toEqual([2, 3]);
  valid = "none";
  await expect(to(settings)).rejects.toMatchObject({
    kind: "DEAD",
    message: "DingTalk does not take the app's token: 不合法的access_token; check that the app is published",
  });
});

test("what is refused says whether to wait, to try again or what to mend", async () => {
  const failed = (status: number, body: Record<string, unknown>, spec = settings) => {
    answer = [status, body];
    return to(spec).then(
      () => "sent",
      ({ kind, message }) => [kind, message],
    );
  };
  const limit = { code: "Forbidden.AccessDenied.QpsLimitForAppkeyAndApi", message: "slow down" };
  expect(await failed(403, limit)).toEqual([
    "LIMITED",
    "DingTalk refused it with Forbidden.AccessDenied.QpsLimitForAppkeyAndApi: slow down",
  ]);
  expect(await failed(429, { code: "x", message: "y" })).toMatchObject(["LIMITED", {}]);
  expect(await failed(200, { processQueryKey: "k", flowControlledStaffIdList: ["manager1"] })).toMatchObject([
    "LIMITED",
    {},
  ]);
  const denied = { code: "Forbidden.AccessDenied.AccessTokenPermissionDenied", message: "no" };
  expect(
    await failed(403, { ...denied, accessdenieddetail: { requiredScopes: ["qyapi_robot_sendmsg"] } }),
  ).toEqual([
    "DEAD",
    "DingTalk refused it with Forbidden.AccessDenied.AccessTokenPermissionDenied: no; grant the app qyapi_robot_sendmsg",
  ]);
  expect(await failed(500, { code: "ServiceUnavailable", message: "later" })).toMatchObject(["RETRY", {}]);
  expect(await failed(200, { processQueryKey: "k", invalidStaffIdList: ["manager1"] })).toEqual([
    "DEAD",
    "DingTalk knows no user manager1; check the address, and that the person is within the app's visible range",
  ]);
  const undelivered = {
    success: true,
    result: { deliverResults: [{ success: false, errorMsg: "no robot" }] },
  };
  expect(await failed(200, undelivered, withCards)).toEqual([
    "DEAD",
    "DingTalk did not deliver the card: no robot; check the template, the robot and the person's address",
  ]);
});

test("a wrong secret is told as such", async () => {
  await expect(to({ ...settings, appSecret: "wrong" })).rejects.toMatchObject({
    kind: "DEAD",
    message:
      "DingTalk refused it with invalidClientIdOrSecret: 无效的clientId或者clientSecret; check `appKey` and `appSecret` of the channel",
  });
});
