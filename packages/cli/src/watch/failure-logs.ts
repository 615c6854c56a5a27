// The last lines of the logs of what failed: what people look for first when a run went wrong.

import type { JobTaskView, LogLineBody } from "@mflow/core/schema/api";
import type { StepStatus } from "@mflow/core/schema/job-task";
import { type Client, ConnectionError } from "@mflow/sdk";
import { pathOf, type Watched } from "../view/watched.ts";

/** Of so many failed tasks at most, so many lines each. */
const TASKS = 3;
const LINES = 10;
/** So many are read to find those of the step that failed. */
const READ = 50;

export interface FailureLog {
  taskId: string;
  /** `stage/task`. */
  path: string;
  /** The step that failed, when the runner says so. */
  step?: string;
  lines: LogLineBody[];
}

/** The logs of the tasks that failed first; of a log that cannot be read there is nothing to show. */
export async function failureLogs(client: Client, watched: Watched): Promise<FailureLog[]> {
  const failed = watched.tasks
    .filter((task) => task.status.stage === "FAILED")
    .sort((a, b) => (a.status.endAt ?? "").localeCompare(b.status.endAt ?? ""))
    .slice(0, TASKS);
  const logs: FailureLog[] = [];
  for (const task of failed) {
    try {
      const { lines } = await client.logs.page(task.id, { tail: READ });
      logs.push(failureLog(task, lines));
    } catch (error) {
      if (error instanceof ConnectionError) return logs;
    }
  }
  return logs.filter((log) => log.lines.length > 0);
}

/** The last lines of the failed step; of all, when it wrote none or is not known. */
export function failureLog(task: JobTaskView, lines: readonly LogLineBody[]): FailureLog {
  const step = failedStep(task)?.name;
  const ofStep = lines.filter((line) => line.step === step || line.stream === "mflow");
  const shown = step !== undefined && ofStep.some((line) => line.stream !== "mflow") ? ofStep : lines;
  return { taskId: task.id, path: pathOf(task), step, lines: shown.slice(-LINES) };
}

/**
 * The step because of which a task failed. Steps run one after another, and one that failed before may have been allowed
 * to; containers run at once, and the first that failed takes the others with it.
 */
function failedStep({ runnerType, status }: JobTaskView): StepStatus | undefined {
  const failed = (status.steps ?? []).filter(
    (one) => one.timedOut || one.signal !== undefined || (one.exitCode ?? 0) !== 0,
  );
  if (runnerType !== "K8S_JOB") return failed.at(-1);
  return failed.toSorted((one, other) => (one.endAt ?? "").localeCompare(other.endAt ?? ""))[0];
}
