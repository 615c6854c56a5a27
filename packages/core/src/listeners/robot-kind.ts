// Which platform a robot's URL belongs to: each has a host of its own for the webhooks of its group robots, as its
// public documentation on custom bots or incoming webhooks gives it.

import type { RobotKind } from "../schema/listener.ts";

/** Hosts of the platforms' robots; Slack has another one for government. */
export const ROBOT_HOSTS: Readonly<Record<string, RobotKind>> = {
  "open.feishu.cn": "FEISHU",
  "open.larksuite.com": "FEISHU",
  "oapi.dingtalk.com": "DINGTALK",
  "qyapi.weixin.qq.com": "WECOM",
  "hooks.slack.com": "SLACK",
  "hooks.slack-gov.com": "SLACK",
};

/** The robot's kind as its URL tells it; nothing for other hosts, and for what is no URL. */
export function robotKindOfUrl(url: string): RobotKind | undefined {
  const host = URL.parse(url)?.hostname ?? "";
  return Object.hasOwn(ROBOT_HOSTS, host) ? ROBOT_HOSTS[host] : undefined;
}

/** The kind that a robot says, else the one that its URL tells; nothing for a robot by channel. */
export function robotKindOf(robot: { url?: string; kind?: RobotKind }): RobotKind | undefined {
  return robot.kind ?? (robot.url === undefined ? undefined : robotKindOfUrl(robot.url));
}
