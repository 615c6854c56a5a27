// A run that another one waits for must not wait for what the runs and tasks above it hold until it has ended: it would
// wait for ever. Sequence locks and limits of one pipeline are out of the question, because a chain has each pipeline
// once; what is left are groups, and limits of jobs.

import type { Need } from "./admission.ts";
import { needsOf, needsOfTask } from "./admission-keys.ts";
import { MflowError } from "./errors.ts";
import type { PipelineTask } from "./schema/pipeline-task.ts";
import type { RunState } from "./state.ts";
import { isEnded } from "./transitions.ts";
import { keyText } from "./wait-sentence.ts";

/** A run or task above, and what it holds until the run below has ended. */
export interface HeldAbove {
  id: string;
  needs: readonly Need[];
}

/** Refuses a new run whose turn, or that of one of its tasks, would never come: CHAIN_DEADLOCK. */
export function refuseDeadlock({ run, definition, tasks }: RunState, above: readonly HeldAbove[]): void {
  if (!run || above.length === 0) return;
  for (const need of needsOf(run))
    refuseKept(`run of pipeline \`${run.name}\``, need, above, isHasty(run, need));
  for (const task of tasks.values()) {
    if (isEnded(task.status.stage)) continue;
    const named = `task \`${task.name}\` of pipeline \`${run.name}\``;
    for (const need of needsOfTask(task, run, definition)) refuseKept(named, need, above, false);
  }

  /** A run that cancels all that is older in its group would cancel what waits for it. */
  function isHasty({ group }: PipelineTask, { key }: Need): boolean {
    const { concurrency } = definition.pipeline ?? {};
    return concurrency?.cancelInProgress === true && group !== undefined && key.endsWith(`/${group}`);
  }
}

function refuseKept(who: string, need: Need, above: readonly HeldAbove[], isHasty: boolean): void {
  const holders = above.flatMap(({ id, needs }) => {
    const held = needs.find(({ key }) => key === need.key);
    return held ? [{ id, limit: held.limit ?? Number.POSITIVE_INFINITY }] : [];
  });
  const most = Math.min(need.limit ?? Number.POSITIVE_INFINITY, ...holders.map(({ limit }) => limit));
  if (holders.length === 0 || (holders.length < most && !isHasty)) return;
  const ids = holders.map(({ id }) => id).join(", ");
  throw new MflowError(
    "CHAIN_DEADLOCK",
    `a ${who} needs a place in ${keyText(need.key)}, which ${ids} above it holds until it has ended: both would wait for ever`,
  );
}
