// Rules on the plan of a pipeline: order, conditions, matrices, retries and times.

import { planProblems, pointerOf } from "../plan/problems.ts";
import { below } from "../pointer.ts";
import { quoted } from "../quoted.ts";
import type { PipelineSpec } from "../schema/pipeline.ts";
import { conditionRules } from "./conditions.ts";
import { error, type Finding, warning } from "./finding.ts";
import { matrixRules } from "./matrix.ts";
import { needsRules } from "./needs.ts";
import type { PlanFacts } from "./plan-facts.ts";
import { manualWarning, retryRules } from "./retry.ts";
import { stageTimeRules } from "./stage-times.ts";
import { unreadOutputRules } from "./unread-outputs.ts";

/** What keeps the pipeline from starting, and what does not do what was meant. `hasParents`: tasks may run it. */
export function* planRules(
  facts: PlanFacts,
  path: string,
  givenLater: ReadonlySet<string> = new Set(),
  hasParents = true,
): Generator<Finding> {
  const problems = planProblems(facts.spec);
  for (const problem of problems) yield error(`${path}${problem.path}`, problem.message);
  yield* finallyRules(facts.spec, path);
  yield* stageTimeRules(facts, path);
  yield* taskRetryRules(facts, path);
  // What comes before what is not known then.
  if (problems.some(({ code }) => code === "PLAN_CYCLE")) return;
  yield* needsRules(facts, path);
  yield* conditionRules(facts, path, givenLater);
  yield* matrixRules(facts, path);
  if (!hasParents) yield* unreadOutputRules(facts, path);
}

/** A `finally` stage that stands before others comes after them all the same. */
function* finallyRules({ stages }: PipelineSpec, path: string): Generator<Finding> {
  const last = stages.findLastIndex((stage) => !stage.finally);
  for (const [index, { name, finally: isFinally }] of stages.entries()) {
    if (!isFinally || index > last) continue;
    const message = `the \`finally\` stage ${quoted(name)} stands before ${quoted(stages[last]?.name ?? "")}, but comes after it; move it to the end`;
    yield warning(`${below(`${path}/stages`, index)}/finally`, message);
  }
}

function* taskRetryRules(facts: PlanFacts, path: string): Generator<Finding> {
  for (const [index, { spec }] of facts.graph.nodes.entries()) {
    if (!spec.retry) continue;
    const retryPath = `${path}${pointerOf(facts.graph, index)}/retry`;
    if (spec.skipRun) {
      yield warning(retryPath, "`retry` has no effect: the task has `skipRun`; remove one of them");
      continue;
    }
    yield* retryRules(spec.retry, retryPath);
    if (facts.jobSpec(index)?.manualUpdateStatus && spec.retry.limit > 0) yield manualWarning(retryPath);
  }
}
