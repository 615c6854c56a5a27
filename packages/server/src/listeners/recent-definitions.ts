// The definitions of the runs that were told of last. A run tells of much in a short time, and its definition, which
// never changes, is large: reading it for each message would cost more than sending.

import type { RunDefinition } from "@mflow/core/schema/pipeline-task";
import type { RunStore } from "../store/store.ts";

/** Each may be a megabyte. */
const KEPT = 8;

/** Reads definitions by aggregate, and keeps the latest. */
export function recentDefinitions(
  runs: Pick<RunStore, "definition">,
): (aggregateId: string) => Promise<RunDefinition | undefined> {
  const kept = new Map<string, RunDefinition>();
  return async (aggregateId) => {
    const definition = kept.get(aggregateId) ?? (await runs.definition(aggregateId));
    if (!definition) return undefined;
    // Last in the map is latest used.
    kept.delete(aggregateId);
    kept.set(aggregateId, definition);
    const [oldest] = kept.keys();
    if (kept.size > KEPT && oldest !== undefined) kept.delete(oldest);
    return definition;
  };
}
