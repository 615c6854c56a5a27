// What lists show of each row of the decision record.

import type { DecisionRecord } from "@mflow/core/schema/decision-record";
import type { Column } from "../display/table.ts";

export const recordColumns: Column<DecisionRecord>[] = [
  { title: "ROW", value: (row) => String(row.seq) },
  { title: "AT", value: (row) => row.at },
  { title: "TASK", value: (row) => row.taskName ?? "", shrinksTo: 8 },
  { title: "GATE", value: (row) => row.gate?.toLowerCase() ?? "" },
  { title: "WHAT", value: whatOf },
  {
    title: "WHO",
    value: ({ user = "", onBehalfOf }) => (onBehalfOf === undefined ? user : `${user} for ${onBehalfOf}`),
    shrinksTo: 8,
  },
  { title: "VIA", value: (row) => row.source?.via ?? "" },
  { title: "WHY", value: (row) => row.comment ?? row.rule, shrinksTo: 12 },
  { title: "ADDRESS", value: (row) => row.source?.address ?? "", wide: true },
  { title: "RULE", value: (row) => row.rule, wide: true, shrinksTo: 20 },
  { title: "RUN", value: (row) => row.pipelineTaskId ?? "", wide: true },
  { title: "TASK ID", value: (row) => row.taskId ?? "", wide: true },
  { title: "HASH", value: (row) => row.hash, wide: true },
];

/** `PASS`, `REFUSE PASS SELF_DECISION`, `EXPIRE` ... */
function whatOf({ act, verdict, code }: DecisionRecord): string {
  if (act === "DECIDE" && verdict) return verdict;
  return [act, verdict, code].filter(Boolean).join(" ");
}
