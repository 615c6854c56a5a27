// What lists show of each row of the decision record.

import type { DecisionRecord } from "@mflow/core/schema/decision-record";
import type { Column } from "../display/table.ts";

/** Down to these widths they fit a terminal of 80 columns. */
export const recordColumns: Column<DecisionRecord>[] = [
  { title: "ROW", value: (row) => String(row.seq) },
  { title: "AT", value: ({ at }) => at.replace(/\.\d+Z$/, "Z") },
  { title: "TASK", value: (row) => row.taskName ?? "", shrinksTo: 6 },
  { title: "GATE", value: (row) => row.gate?.toLowerCase() ?? "" },
  { title: "WHAT", value: whatOf, shrinksTo: 11 },
  {
    title: "WHO",
    value: ({ user = "", onBehalfOf }) => (onBehalfOf === undefined ? user : `${user} for ${onBehalfOf}`),
    shrinksTo: 5,
  },
  { title: "VIA", value: (row) => row.source?.via ?? "", shrinksTo: 4 },
  {
    title: "WHY",
    value: (row) => (row.act === "REFUSE" ? row.rule : (row.comment ?? row.rule)),
    shrinksTo: 8,
  },
  { title: "ADDRESS", value: (row) => row.source?.address ?? "", wide: true },
  { title: "RULE", value: (row) => row.rule, wide: true, shrinksTo: 20 },
  { title: "RUN", value: (row) => row.pipelineTaskId ?? "", wide: true },
  { title: "TASK ID", value: (row) => row.taskId ?? "", wide: true },
  { title: "HASH", value: (row) => row.hash, wide: true },
];

/** `PASS`, `PUSH_BACK to build`, `REFUSE PASS SELF_DECISION`, `EXPIRE` ... */
function whatOf({ act, verdict, pushBackTo, code }: DecisionRecord): string {
  if (act === "DECIDE" && verdict) return pushBackTo ? `${verdict} to ${pushBackTo}` : verdict;
  return [act, verdict, code].filter(Boolean).join(" ");
}
