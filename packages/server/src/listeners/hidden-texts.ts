// The texts of settings and links that must not show in what is recorded of a delivery.

import type { ChannelSpec } from "@mflow/core/schema/channel";
import { secretsOf } from "./channel-secrets.ts";

/** Secrets of the settings; a URL's key can stand in its path or query alone. */
export function hiddenTexts(spec: ChannelSpec): string[] {
  const secrets = secretsOf(spec);
  return "url" in spec ? [...secrets, spec.url, ...tokensIn(spec.url)] : secrets;
}

/** Shorter parts of a path are words. */
const MIN_TOKEN_LENGTH = 16;

/** An address, and the parts of it that may be keys. */
export function tokensIn(text: string): string[] {
  const url = URL.parse(text);
  if (!url) return [text];
  const parts = [...url.pathname.split("/"), ...url.searchParams.values()];
  return [text, ...parts.filter((part) => part.length >= MIN_TOKEN_LENGTH)];
}
