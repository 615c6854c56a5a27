// Where the page of what a message is about is.

import type { Message } from "@mflow/core/schema/message";

/** Where the page of the run or task is. */
export function linkTo({ run, task }: Message, publicUrl: string): string {
  const ofTask = task ? `/tasks/${task.id}` : "";
  return `${publicUrl}${run ? `/runs/${run.id}` : ""}${ofTask}`;
}
