// The transition table as the docs print it, so that what people read is what decides.

import { TASK_STAGES } from "./schema/job-task.ts";
import { CAUSES, type Cause, TRANSITIONS } from "./transitions.ts";

/** Two markdown tables: from which stage a cause leads where, and who brings each cause about. */
export function transitionsMarkdown(): string {
  const moves = TASK_STAGES.flatMap((from) =>
    (Object.keys(CAUSES) as Cause[])
      .filter((cause) => TRANSITIONS[from][cause] !== undefined)
      .map((cause) => `| \`${from}\` | \`${cause}\` | \`${TRANSITIONS[from][cause]}\` |`),
  );
  const causes = Object.entries(CAUSES).map(([cause, who]) => `| \`${cause}\` | ${who} |`);
  return [
    "| From | Cause | To |",
    "|---|---|---|",
    ...moves,
    "",
    "| Cause | Who, and when |",
    "|---|---|",
    ...causes,
    "",
  ].join("\n");
}
