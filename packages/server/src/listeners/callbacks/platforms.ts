// The callbacks of each kind of channel that has them, loaded with the first one.

import type { ChannelKind, ChannelSpec } from "@mflow/core/schema/channel";
import type { CallbackPlatform } from "./callback.ts";

export type AppSpec = Extract<ChannelSpec, { kind: "FEISHU_APP" | "DINGTALK_APP" | "SLACK_APP" }>;
export type AppKind = AppSpec["kind"];

const loaders: Record<AppKind, () => Promise<unknown>> = {
  FEISHU_APP: async () => (await import("./feishu.ts")).feishuCallbacks,
  DINGTALK_APP: async () => (await import("./dingtalk.ts")).dingtalkCallbacks,
  SLACK_APP: async () => (await import("./slack.ts")).slackCallbacks,
};

/** Whether channels of this kind have callbacks. */
export function hasCallbacks(spec: ChannelSpec): spec is AppSpec {
  const kind: ChannelKind = spec.kind;
  return kind in loaders;
}

/** The callbacks of a kind, for settings of that kind. */
export async function callbacksOf(kind: AppKind): Promise<CallbackPlatform<AppSpec>> {
  return (await loaders[kind]()) as CallbackPlatform<AppSpec>;
}
