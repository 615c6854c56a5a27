// Starts the pipeline that follows a run which SUCCEEDED, and notes on that run what became of it. Called for an effect
// of the transaction that ended the run, at least once.

import { chainBelow, nextValues } from "@mflow/core/chain";
import type { Change } from "@mflow/core/change";
import { MflowError } from "@mflow/core/errors";
import type { PipelineTask } from "@mflow/core/schema/pipeline-task";
import type { RunStore } from "../store/store.ts";
import type { ChainedRuns } from "./chained-runs.ts";
import { stateOf } from "./memory.ts";
import type { EngineKeys } from "./options.ts";

type NextRunChange = Extract<Change, { type: "nextRun" }>;

export interface NextRunsParts {
  runs: Pick<RunStore, "load">;
  chained: Pick<ChainedRuns, "start">;
  keys: Pick<EngineKeys, "seal" | "unseal" | "isSealed">;
  note(runId: string, change: NextRunChange): Promise<void>;
}

/** Whether a run has ended and what follows it is still to be started, or to be noted on it. */
export function isNextToStart({ status: { next } }: Pick<PipelineTask, "status">): boolean {
  return next !== undefined && next.runId === undefined && next.code === undefined;
}

/** `nextId`: of the run that follows. Rejects when it has to be tried again. */
export async function startNextRun(parts: NextRunsParts, runId: string, nextId: string): Promise<void> {
  const aggregate = await parts.runs.load(runId);
  const { run, definition } = aggregate ?? {};
  const next = definition?.pipeline?.nextPipeline;
  // Deleted meanwhile.
  if (!aggregate || !run || !definition || !next) return;
  const start = async (): Promise<NextRunChange["outcome"]> => {
    const { labels, queue, pipeline } = next;
    await parts.chained.start({
      ...{ id: nextId, pipeline, definition, by: run.runBy },
      from: { domain: run.domain, namespace: run.namespace },
      origin: { previous: { runId: run.id }, chain: chainBelow(run) },
      ...nextValues(next, definition, stateOf(aggregate).exported, parts.keys),
      ...(labels && { labels }),
      ...(queue && { queue }),
    });
    return { runId: nextId };
  };
  const outcome = await start().catch((error: unknown) => {
    if (error instanceof MflowError && error.status < 500)
      return { code: error.code, message: error.message };
    throw error;
  });
  await parts.note(run.id, { type: "nextRun", outcome });
}
