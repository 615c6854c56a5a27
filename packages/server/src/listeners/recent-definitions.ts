// The definitions of the runs that were told of last. A run tells of much in a short time, and its definition is large:
// reading it for each message would cost more than sending. It never changes, for no other run gets the run's id. A lone
// task's id comes from who runs it, who may use it again once the task was deleted: its definition, of one task, is read
// for every message.

import type { RunDefinition } from "@mflow/core/schema/pipeline-task";
import type { RunStore } from "../store/store.ts";

/** Each may be a megabyte. */
const KEPT = 8;

/** Reads definitions by aggregate, and keeps those of the runs that were asked for last. */
export function recentDefinitions(
  runs: Pick<RunStore, "definition">,
): (aggregateId: string) => Promise<RunDefinition | undefined> {
  const kept = new Map<string, RunDefinition>();
  return async (aggregateId) => {
    const definition = kept.get(aggregateId) ?? (await runs.definition(aggregateId));
    // That of a lone task has no pipeline.
    if (!definition?.pipeline) return definition;
    // Last in the map is latest used.
    kept.delete(aggregateId);
    kept.set(aggregateId, definition);
    const [oldest] = kept.keys();
    if (kept.size > KEPT && oldest !== undefined) kept.delete(oldest);
    return definition;
  };
}
