// What a runner is told of an attempt: the spec rendered with the frozen params, the system variables, and
// the values that must not reach a log. Made when the attempt is started, never stored.

import { jobOf, taskSpecOf } from "@mflow/core/decide/freeze";
import { keepOf } from "@mflow/core/keep";
import { environmentOf, runnerParamsOf } from "@mflow/core/params";
import { renderSpec } from "@mflow/core/render";
import type { JobTask } from "@mflow/core/schema/job-task";
import type { RunDefinition } from "@mflow/core/schema/pipeline-task";
import type { StartRequest } from "../runners/runner.ts";

export interface StartSecrets {
  unseal(sealed: string): string;
  updateToken(taskId: string, attempt: number): string;
}

/** `mflowUrl`: address of this server as tasks reach it. */
export function makeStartRequest(
  task: JobTask,
  definition: RunDefinition,
  secrets: StartSecrets,
  mflowUrl: string,
): StartRequest {
  const job = jobOf(definition, task);
  const params = (task.params ?? []).map((param) =>
    param.sensitive ? { ...param, value: secrets.unseal(param.value) } : param,
  );
  const updateToken = secrets.updateToken(task.id, task.attempt);
  const system: Record<string, string> = {
    JOB_TASK_ID: task.id,
    JOB_TASK_UPDATE_TOKEN: updateToken,
    JOB_ID: job.id,
    MFLOW_URL: mflowUrl,
    MFLOW_MODE: definition.mode ?? "RUN",
  };
  if (task.pipelineTaskId !== undefined) system.PIPELINE_TASK_ID = task.pipelineTaskId;
  if (task.feedback !== undefined) system.MFLOW_FEEDBACK = task.feedback;
  const request: StartRequest = {
    taskId: task.id,
    attempt: task.attempt,
    name: task.name,
    domain: task.domain,
    namespace: task.namespace,
    spec: renderSpec(job.spec.runnerSpec, params, job.spec.runParams),
    job: job.name,
    env: { ...environmentOf(params), ...system },
    secretEnv: [
      ...Object.keys(environmentOf(params.filter(({ sensitive }) => sensitive))),
      "JOB_TASK_UPDATE_TOKEN",
    ],
    runnerParams: runnerParamsOf(params),
    secrets: [...params.filter((param) => param.sensitive).map((param) => param.value), updateToken],
    labels: task.labels ?? {},
    manualUpdateStatus: task.manualUpdateStatus ?? false,
  };
  const keep = keepOf(job.spec, taskSpecOf(definition, task));
  if (Object.values(keep).some((list) => list.length > 0)) request.keep = keep;
  if (task.pipelineTaskId !== undefined) request.pipelineTaskId = task.pipelineTaskId;
  if (task.timeoutMs !== undefined) request.timeoutMs = task.timeoutMs;
  return request;
}
