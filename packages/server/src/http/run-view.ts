// A run as the API shows it: the record, and what it waits for.

import type { RunView } from "@mflow/core/schema/api";
import type { PipelineTask } from "@mflow/core/schema/pipeline-task";
import type { Engine } from "../engine/submit.ts";

export function runView(engine: Pick<Engine, "runWaitsFor">, run: PipelineTask): RunView {
  const waitingFor = engine.runWaitsFor(run);
  return waitingFor === undefined ? run : { ...run, waitingFor };
}
