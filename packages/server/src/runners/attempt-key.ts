// One text for an attempt: the key of maps, and part of file names.

import { MflowError } from "@mflow/core/errors";
import type { AttemptRef } from "./runner.ts";

/** `<taskId>.<attempt>`. Refuses what could leave a folder. */
export function attemptKey({ taskId, attempt }: AttemptRef): string {
  if (!/^[A-Za-z0-9][A-Za-z0-9_-]{0,127}$/.test(taskId) || !Number.isSafeInteger(attempt) || attempt < 1) {
    throw new MflowError("BAD_REQUEST", `'${taskId}', attempt ${attempt}, is no attempt of a task`);
  }
  return `${taskId}.${attempt}`;
}
