// Who may speak for a task: an operator, or the holder of the token of its present attempt.

import { MflowError } from "../errors.ts";
import type { JobTask } from "../schema/job-task.ts";
import type { Draft } from "./draft.ts";

/** The same refusal for every wrong token, that of an earlier attempt included: no hints. */
export function requireTaskToken(draft: Draft, task: JobTask, token: string | undefined): void {
  if (draft.context.actor?.operator) return;
  if (token !== undefined && draft.context.verifyUpdateToken(token, task.id, task.attempt)) return;
  throw new MflowError("UNAUTHORIZED", "the update token is not valid for this task");
}
