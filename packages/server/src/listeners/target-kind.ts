// Of which kind a target is, as its name tells: rows of targets come and go, names stay.

import type { ChannelKind } from "@mflow/core/schema/channel";
import type { ChannelKinds, Channels } from "./channels.ts";
import { targetOfChannel } from "./hub.ts";

const OF_CHANNEL = targetOfChannel("");
/** As `targetOf` makes them. */
const BY_URL = /^(\S+) \S+#[0-9a-f]{8}$/;

/** The kind that a target has now; undefined for a channel that is gone and for what names no target. */
export function kindOfTarget(
  name: string,
  { channels, kinds }: { channels: Pick<Channels, "kindOf">; kinds: Pick<ChannelKinds, "has"> },
): ChannelKind | undefined {
  if (name.startsWith(OF_CHANNEL)) return channels.kindOf(name.slice(OF_CHANNEL.length));
  const [, word = ""] = BY_URL.exec(name) ?? [];
  return kinds.has(word) ? word : undefined;
}
