// A rule on runtime envs that are put out for nobody. Only of those that a job names itself, only where all
// jobs of the pipeline are known, and only of a pipeline that is known to be run by no task: such a task gets them all.

import { pointerOf } from "../plan/problems.ts";
import { quoted } from "../quoted.ts";
import { type Finding, warning } from "./finding.ts";
import { namesPutOut } from "./outputs.ts";
import type { PlanFacts } from "./plan-facts.ts";

export function* unreadOutputRules(facts: PlanFacts, path: string): Generator<Finding> {
  const { graph, spec } = facts;
  // The pipeline that follows gets all of them.
  if (spec.nextPipeline) return;
  const jobs = graph.nodes.map((_, node) => facts.jobSpec(node));
  if (jobs.some((job) => job === undefined)) return;
  const declared = new Set(jobs.flatMap((job) => (job?.runParams ?? []).map(({ name }) => name)));
  let text: string | undefined;
  for (const [node, { spec: task }] of graph.nodes.entries()) {
    if (facts.neverRuns(node) !== undefined) continue;
    for (const name of namesPutOut(jobs[node])) {
      if (declared.has(name)) continue;
      // Conditions, matrices, listeners: whatever reads it names it.
      text ??= JSON.stringify(spec);
      if (new RegExp(`\\b${name}\\b`).test(text)) continue;
      const message = `nothing reads the runtime env ${quoted(name)} that task ${quoted(task.name)} puts out; declare a param of this name in the job of a later task, begin it with a lower-case letter when it is for people alone, or remove it`;
      yield warning(`${path}${pointerOf(graph, node)}/job`, message);
    }
  }
}
