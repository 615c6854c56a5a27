// Pause of a run: nothing new of it starts, what runs goes on. Its gates open and can be decided, its timeouts run, and
// a retry whose backoff is over waits.

import { MflowError } from "../errors.ts";
import type { PauseRequest } from "../schema/pause.ts";
import type { PipelineTask } from "../schema/pipeline-task.ts";
import { isRunEnded } from "../state.ts";
import { maskedMessage } from "./cancel.ts";
import type { Draft } from "./draft.ts";

/** Paused again: nothing changes, the first one stands. */
export function pauseRun(draft: Draft, request: PauseRequest): void {
  const run = requireUnfinished(draft, "pause");
  if (run.status.paused) return;
  const message = maskedMessage(draft, request);
  draft.updateRun({
    paused: {
      by: draft.context.actor?.name ?? "mflow",
      at: draft.context.now,
      ...(message ? { message } : {}),
    },
  });
  draft.recordRun("RUN_PAUSED", { message });
}

/** Not paused: nothing changes. */
export function resumeRun(draft: Draft): void {
  const run = requireUnfinished(draft, "resume");
  if (!run.status.paused) return;
  draft.updateRun({ paused: undefined });
  draft.recordRun("RUN_RESUMED");
}

function requireUnfinished(draft: Draft, verb: string): PipelineTask {
  const { run } = draft;
  if (!run) throw new MflowError("NOT_FOUND", `${draft.id} is a task, not a run of a pipeline`);
  if (!isRunEnded(run)) return run;
  throw new MflowError(
    "CONFLICT",
    `run ${run.id} has ended ${run.status.stage}; there is nothing to ${verb}`,
  );
}
