// What follows from the end of a run elsewhere: the task whose work it was is told, and the pipeline that comes next is
// started. Both are effects of the transaction that ends the run, so that neither is forgotten nor done for nothing.

import type { Change } from "../change.ts";
import type { PipelineTask } from "../schema/pipeline-task.ts";
import { isRunEnded } from "../state.ts";
import type { Draft } from "./draft.ts";

/** To be called once all else is decided; `before`: the run as it was. Whichever way a run ends, this follows. */
export function followEnd(draft: Draft, before: PipelineTask | undefined): void {
  const { run, definition } = draft;
  if (!run || !isRunEnded(run) || (before && isRunEnded(before))) return;
  if (run.parent) {
    const { taskId, attempt } = run.parent;
    draft.effects.push({ kind: "CHILD_ENDED", taskId, attempt });
  }
  const next = definition.pipeline?.nextPipeline;
  if (!next || run.status.stage !== "SUCCEEDED") return;
  draft.updateRun({ next: { pipeline: next.pipeline } });
  // The new run has its id before it starts: however often it is tried, there is one.
  draft.effects.push({ kind: "NEXT_RUN", taskId: draft.context.newId("run"), attempt: 0 });
}

type Outcome = Extract<Change, { type: "nextRun" }>["outcome"];

/** Notes what became of the pipeline that follows. Said again it changes nothing. */
export function noteNextRun(draft: Draft, outcome: Outcome): void {
  const next = draft.run?.status.next;
  if (!next || isSettled(next)) return;
  draft.updateRun({ next: { pipeline: next.pipeline, ...outcome } });
  if ("runId" in outcome) draft.recordRun("NEXT_STARTED", { message: outcome.runId });
  else draft.recordRun("NEXT_REFUSED", { reason: outcome.code, message: outcome.message });
}

function isSettled({ runId, code }: NonNullable<PipelineTask["status"]["next"]>): boolean {
  return runId !== undefined || code !== undefined;
}
