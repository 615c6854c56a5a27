// `cancelInProgress`: a newer run or task of the same concurrency group has come, and this one gives way to it. It may
// be told more than once, and late: one that has ended, or is being canceled, stays as it is.

import { isRunEnded } from "../state.ts";
import { isEnded } from "../transitions.ts";
import { stopRun, stopTask } from "./cancel.ts";
import type { Draft } from "./draft.ts";

/** Stands in `canceledBy` for a cancel that a newer run of the group caused. */
const NEWER = "cancelInProgress";

export function giveWay(
  draft: Draft,
  { taskId, to, group }: { taskId?: string; to: string; group: string },
): void {
  const { run } = draft;
  const message = `gives way to ${to}, which is newer in the concurrency group \`${group}\``;
  if (taskId === undefined) {
    if (!run || isRunEnded(run) || run.status.stage === "CANCELING") return;
    stopRun(draft, run, { by: NEWER, message });
    return;
  }
  const task = draft.findTask(taskId);
  if (!task || isEnded(task.status.stage) || task.status.stage === "CANCELING") return;
  stopTask(draft, task, { by: NEWER, message });
}
