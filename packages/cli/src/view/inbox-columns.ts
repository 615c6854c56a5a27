// What the inbox shows of each gate.

import { formatDuration } from "@mflow/core/duration";
import type { InboxItem } from "@mflow/core/schema/inbox";
import type { Column } from "../display/table.ts";
import { pathOf } from "./watched.ts";

/** The columns of these items, which fit a terminal of 80 columns. Times are of `now`, milliseconds since the epoch. */
export function inboxColumns(items: readonly InboxItem[], now: number): Column<InboxItem>[] {
  const standsIn = items.some(({ onBehalfOf }) => onBehalfOf !== undefined);
  return [
    { title: "TASK", value: (item) => item.taskId },
    { title: "NAME", value: pathOf, shrinksTo: 6 },
    { title: "GATE", value: (item) => item.gate.toLowerCase() },
    { title: "PASS", value: ({ passes, required }) => `${passes}/${required}` },
    { title: "SINCE", value: (item) => distance(now - Date.parse(item.since)) },
    { title: "LEFT", value: (item) => leftText(item, now) },
    ...(standsIn ? [{ title: "FOR", value: (item: InboxItem) => item.onBehalfOf ?? "", shrinksTo: 3 }] : []),
    { title: "BY", value: (item) => item.startedBy, shrinksTo: 3 },
    { title: "RESULT", value: (item) => item.reported?.stage ?? "", wide: true },
    { title: "RUN", value: (item) => item.pipelineTaskId ?? "", wide: true },
    { title: "NAMESPACE", value: (item) => item.namespace, wide: true },
    { title: "DOMAIN", value: (item) => item.domain, wide: true },
  ];
}

function leftText({ expiresAt }: InboxItem, now: number): string {
  if (expiresAt === undefined) return "";
  const left = Date.parse(expiresAt) - now;
  return left > 0 ? distance(left) : "none";
}

/** Whole seconds are enough. */
function distance(milliseconds: number): string {
  const seconds = Math.max(0, Math.floor(milliseconds / 1000));
  return formatDuration(seconds * 1000).replace("0ms", "0s");
}
