// What the inbox shows of each gate.

import { formatDuration } from "@mflow/core/duration";
import type { InboxItem } from "@mflow/core/schema/inbox";
import type { Column } from "../display/table.ts";
import { pathOf } from "./watched.ts";

/** Times are of `now`, milliseconds since the epoch. */
export function inboxColumns(now: number): Column<InboxItem>[] {
  return [
    { title: "TASK", value: (item) => item.taskId },
    { title: "NAME", value: pathOf, shrinksTo: 10 },
    { title: "GATE", value: (item) => item.gate.toLowerCase() },
    { title: "PASSED", value: ({ passes, required }) => `${passes} of ${required}` },
    { title: "SINCE", value: (item) => distance(now - Date.parse(item.since)) },
    { title: "UNTIL", value: (item) => untilText(item, now), shrinksTo: 6 },
    { title: "FOR", value: (item) => item.onBehalfOf ?? "" },
    { title: "BY", value: (item) => item.startedBy, shrinksTo: 6 },
    { title: "RESULT", value: (item) => item.reported?.stage ?? "", wide: true },
    { title: "RUN", value: (item) => item.pipelineTaskId ?? "", wide: true },
    { title: "NAMESPACE", value: (item) => item.namespace, wide: true },
    { title: "DOMAIN", value: (item) => item.domain, wide: true },
  ];
}

function untilText({ expiresAt }: InboxItem, now: number): string {
  if (expiresAt === undefined) return "";
  const left = Date.parse(expiresAt) - now;
  return left > 0 ? `in ${distance(left)}` : "now";
}

/** Whole seconds are enough. */
function distance(milliseconds: number): string {
  const seconds = Math.max(0, Math.floor(milliseconds / 1000));
  return formatDuration(seconds * 1000).replace("0ms", "0s");
}
