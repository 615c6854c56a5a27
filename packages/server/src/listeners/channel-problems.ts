// What a stored channel's settings must be beyond their schema: as those of a listener that gives them itself. What no
// request can be made with would be tried for a day.

import type { ErrorDetail } from "@mflow/core/errors";
import type { Finding } from "@mflow/core/lint/finding";
import { urlRules, webhookRules } from "@mflow/core/lint/listener-targets";
import { MASK } from "@mflow/core/mask";
import type { ChannelSpec } from "@mflow/core/schema/channel";

/** What is wrong with the settings; a mask stands for what was checked before. */
export function channelProblems(spec: ChannelSpec): ErrorDetail[] {
  return [...findingsOf(spec)]
    .filter(({ severity }) => severity === "error")
    .map(({ path, message }) => ({ path, message }));
}

function* findingsOf(spec: ChannelSpec): Generator<Finding> {
  if (spec.kind === "WEBHOOK") yield* webhookRules(spec, "/spec", {});
  else if ("url" in spec && spec.url !== MASK) yield* urlRules(spec.url, "/spec/url");
  else if ("baseUrl" in spec && spec.baseUrl !== undefined) yield* urlRules(spec.baseUrl, "/spec/baseUrl");
}
