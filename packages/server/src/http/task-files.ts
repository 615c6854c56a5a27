// Who sends and fetches files of a task: the task itself by its update token, or a person. And what its manifest says of
// an artifact that is sent.

import { jobOf, taskSpecOf } from "@mflow/core/decide/freeze";
import { MflowError } from "@mflow/core/errors";
import { keepOf } from "@mflow/core/keep";
import type { ArtifactSpec } from "@mflow/core/schema/artifact";
import type { JobTask } from "@mflow/core/schema/job-task";
import { isAtWork } from "@mflow/core/transitions";
import type { Role } from "../store/store.ts";
import { type Caller, demandTask, missing } from "./caller.ts";
import type { Services } from "./services.ts";

export type FileServices = Pick<Services, "store" | "files">;

/** The task, when the caller has the role, or the bearer is the update token of its present attempt. */
export async function taskOfCaller(
  { store, files }: FileServices,
  id: string,
  role: Role,
  caller: Caller | undefined,
  bearer: string | undefined,
): Promise<JobTask> {
  const task = await store.runs.task(id);
  if (caller) return demandTask(caller, role, task, id);
  if (bearer === undefined) {
    throw new MflowError("UNAUTHORIZED", "Neither a bearer token nor the task's update token was sent.");
  }
  if (!task) throw new MflowError("NOT_FOUND", `There is no ${missing("task", id)}.`);
  if (files.verifyUpdateToken(bearer, task.id, task.attempt)) return task;
  throw new MflowError("UNAUTHORIZED", "The token is not valid, or of an earlier attempt of the task.");
}

/** Throws TASK_ENDED when the task does not run any more, and CONFLICT when it does not run yet. */
export function demandAtWork({ id, status: { stage, reported } }: JobTask): void {
  if (isAtWork(stage) && !reported) return;
  if (stage === "PENDING" || stage === "SCHEDULING") {
    throw new MflowError("CONFLICT", `Task ${id} is ${stage}: it keeps files while it runs.`);
  }
  throw new MflowError("TASK_ENDED", `Task ${id} has ended: it keeps nothing more.`);
}

/** What the task's job or pipeline says of an artifact of this name, if anything. */
export async function declaredArtifact(
  { store }: FileServices,
  task: JobTask,
  name: string,
): Promise<ArtifactSpec | undefined> {
  const definition = await store.runs.definition(task.pipelineTaskId ?? task.id);
  if (!definition) return undefined;
  const { artifacts } = keepOf(jobOf(definition, task).spec, taskSpecOf(definition, task));
  return artifacts.find((artifact) => artifact.name === name);
}
