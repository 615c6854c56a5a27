// Those who would wait for each other for ever: the one that came last gives up, so that the others go on. Whether that is
// so is asked again when it is decided, for meanwhile somebody may have been canceled.

import { isAwaiting } from "../admission-keys.ts";
import { circleSentence } from "../wait-sentence.ts";
import type { Draft } from "./draft.ts";
import { endTask, failWaiting } from "./end.ts";

/** A task that waits in line is FAILED, and so is a run; of a run that wants its lock back the tasks that wait for it are. */
export function giveUp(draft: Draft, taskId: string | undefined): void {
  const steps = draft.context.admission.circleOf(taskId ?? draft.id);
  if (!steps) return;
  const why = { reason: "DEADLOCK", message: circleSentence(steps) };
  if (taskId === undefined && draft.run?.status.stage === "PENDING") {
    failWaiting(draft, why);
    return;
  }
  const tasks = taskId === undefined ? draft.allTasks() : [draft.task(taskId)];
  for (const task of tasks) if (isAwaiting(task)) endTask(draft, task, "fail", why);
}
