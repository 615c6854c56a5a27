// A rerun or rollback fetches what tasks made that do not run again in it. When that is not kept any more, it is refused
// before it starts, instead of failing half-way.

import { jobOf, taskSpecOf } from "@mflow/core/decide/freeze";
import { MflowError } from "@mflow/core/errors";
import { fetchSources, keepOf } from "@mflow/core/keep";
import type { FetchSpec } from "@mflow/core/schema/artifact";
import type { JobTask } from "@mflow/core/schema/job-task";
import type { RunState } from "@mflow/core/state";
import { isEnded } from "@mflow/core/transitions";

/** Whether a task of a run that `from` names keeps an artifact. */
export type KeepsArtifact = (runId: string, fetch: Pick<FetchSpec, "from" | "name">) => Promise<boolean>;

/** Problems that are named in a sentence; all of them are in its details. */
const MAX_NAMED = 5;

/** `oldId`: the run that the new one is made of. Throws ARTIFACT_GONE that names each task and what it would fetch. */
export async function refuseMissingArtifacts(
  { definition, tasks }: RunState,
  oldId: string,
  keeps: KeepsArtifact,
): Promise<void> {
  const all = [...tasks.values()];
  const known = new Map<string, Promise<boolean>>();
  const keepsOnce = (runId: string, { from, name }: FetchSpec) => {
    const key = JSON.stringify([runId, from, name]);
    const answer = known.get(key) ?? keeps(runId, { from, name });
    known.set(key, answer);
    return answer;
  };
  const problems = new Set<string>();
  for (const task of all.filter(runs)) {
    const { fetch } = keepOf(jobOf(definition, task).spec, taskSpecOf(definition, task));
    for (const spec of fetch) {
      const sources = fetchSources(spec.from, all);
      // What runs again makes it again; what nobody makes is told when the task begins, as in every run.
      if (spec.optional || sources.length === 0 || sources.some(runs)) continue;
      const isKept = sources.some(({ keptFrom }) => keptFrom !== undefined);
      const places = [isKept ? oldId : undefined, task.rollback?.lastSuccess?.runId].filter(
        (id) => id !== undefined,
      );
      const answers = await Promise.all(places.map((runId) => keepsOnce(runId, spec)));
      if (answers.some((isThere) => isThere)) continue;
      problems.add(problemOf(task, spec, places.at(-1) ?? oldId));
    }
  }
  if (problems.size === 0) return;
  const details = Array.from(problems, (message) => ({ path: "", message }));
  const shown = details.slice(0, MAX_NAMED).map(({ message }) => message);
  const more = details.length > MAX_NAMED ? `; and ${details.length - MAX_NAMED} more` : "";
  throw new MflowError("ARTIFACT_GONE", `${shown.join("; ")}${more}`, details);
}

function runs({ status, rollback }: JobTask): boolean {
  return !isEnded(status.stage) && !rollback?.skip;
}

function problemOf({ name, rollback }: JobTask, { from, name: artifact }: FetchSpec, runId: string): string {
  const gone = `task \`${name}\` fetches artifact \`${artifact}\` of \`${from}\`, which run ${runId} does not keep any more`;
  return rollback ? gone : `${gone}: run that task again too (\`--from ${from}\`)`;
}
