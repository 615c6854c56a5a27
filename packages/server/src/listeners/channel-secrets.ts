// Which settings of a channel are secrets, in one place: what is sealed, masked and taken out of answers.

import { below } from "@mflow/core/pointer";
import type { ChannelKind, ChannelSpec } from "@mflow/core/schema/channel";

/** The URL of a robot holds its key. Of `headers` every value is one. */
const SECRETS: Record<ChannelKind, readonly string[]> = {
  WEBHOOK: ["secret", "previousSecret", "headers"],
  FEISHU: ["url", "secret"],
  DINGTALK: ["url", "secret"],
  WECOM: ["url", "secret"],
  SLACK: ["url", "secret"],
  FEISHU_APP: ["appSecret", "verificationToken", "encryptKey"],
  DINGTALK_APP: ["appSecret", "callbackSecret"],
  SLACK_APP: ["botToken", "signingSecret"],
  MAIL: ["password"],
};

/** The settings with each secret replaced; `path` is its JSON pointer, e.g. `/spec/headers/Authorization`. */
export function mapSecrets(spec: ChannelSpec, replace: (text: string, path: string) => string): ChannelSpec {
  const mapped: Record<string, unknown> = { ...spec };
  for (const key of SECRETS[spec.kind]) {
    const value = mapped[key];
    const path = `/spec/${key}`;
    if (typeof value === "string") mapped[key] = replace(value, path);
    else if (value !== null && typeof value === "object") {
      const entries = Object.entries(value as Record<string, string>);
      mapped[key] = Object.fromEntries(
        entries.map(([name, text]) => [name, replace(text, below(path, name))]),
      );
    }
  }
  return mapped as ChannelSpec;
}

/** Every secret of the settings. */
export function secretsOf(spec: ChannelSpec): string[] {
  const secrets: string[] = [];
  mapSecrets(spec, (text) => {
    secrets.push(text);
    return text;
  });
  return secrets;
}

/** Where the channel's secrets are sent to or used at; of a robot that is a secret itself. */
export function addressOf(spec: ChannelSpec): string {
  const { kind, url, baseUrl, host, port, secure, allowPlain } = spec as Record<string, unknown>;
  const isRobot = SECRETS[spec.kind].includes("url");
  return JSON.stringify([kind, isRobot ? null : url, baseUrl, host, port, secure, allowPlain]);
}
