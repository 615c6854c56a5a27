// A task as the API shows it: the record, and what it waits for.

import type { JobTaskView } from "@mflow/core/schema/api";
import type { JobTask } from "@mflow/core/schema/job-task";
import type { Engine } from "../engine/submit.ts";

export function taskView(engine: Pick<Engine, "waitingFor">, task: JobTask): JobTaskView {
  const waitingFor = engine.waitingFor(task);
  return waitingFor === undefined ? task : { ...task, waitingFor };
}
