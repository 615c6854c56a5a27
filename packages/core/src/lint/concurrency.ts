// Rules on queues, groups and limits: what has no effect, and names of groups that can never be made.

import { groupReferences } from "../concurrency-group.ts";
import { below } from "../pointer.ts";
import { quoted } from "../quoted.ts";
import { type Concurrency, GROUP_NAME } from "../schema/concurrency.ts";
import type { PipelineSpec } from "../schema/pipeline.ts";
import { error, type Finding, warning } from "./finding.ts";

export function* concurrencyRules(spec: PipelineSpec, path: string): Generator<Finding> {
  if (spec.maxRuns !== undefined && !spec.isParallel) {
    const message =
      "`maxRuns` has no effect without `isParallel: true`: at most one run is under way; add it or remove `maxRuns`";
    yield warning(`${path}/maxRuns`, message);
  }
  if (spec.isParallel && spec.holdLock !== undefined) {
    const message =
      "`holdLock` has no effect with `isParallel: true`: there is no sequence lock; remove one of them";
    yield warning(`${path}/holdLock`, message);
  }
  if (spec.isParallel && spec.queue && spec.maxRuns === undefined && !spec.concurrency) {
    const message =
      "`queue` has no effect with `isParallel: true`: no run waits; add `maxRuns` or remove one of them";
    yield warning(`${path}/queue`, message);
  }
  yield* groupRules(spec.concurrency, `${path}/concurrency`);
  for (const [stageIndex, stage] of spec.stages.entries()) {
    for (const [taskIndex, task] of stage.tasks.entries()) {
      const taskPath = `${below(`${below(`${path}/stages`, stageIndex)}/tasks`, taskIndex)}/concurrency`;
      yield* groupRules(task.concurrency, taskPath);
      yield* nestedRules(spec.concurrency, task.concurrency, taskPath);
    }
  }
}

function* groupRules(concurrency: Concurrency | undefined, path: string): Generator<Finding> {
  if (!concurrency) return;
  const { group, limit, cancelInProgress } = concurrency;
  const problem = nameProblem(group);
  if (problem !== undefined) yield error(`${path}/group`, problem);
  if (cancelInProgress && limit !== undefined && limit > 1) {
    const message =
      "`limit` has no effect with `cancelInProgress: true`, which cancels all older ones; remove one of them";
    yield warning(`${path}/limit`, message);
  }
}

function nameProblem(group: string): string | undefined {
  const bad = groupReferences(group).find((name) => !/^[A-Za-z_][A-Za-z0-9_.-]*$/.test(name));
  if (bad !== undefined)
    return `\`\${${bad}}\` names no value; write \`\${NAME}\` with the name of a param or label`;
  // Whatever the values are, the rest must fit.
  const example = group.replace(/\$\{[^}]*\}/g, "x");
  if (/[${}]/.test(example))
    return `${quoted(group)} has a \`$\`, \`{\` or \`}\` that is not part of \`\${NAME}\``;
  if (GROUP_NAME.test(example)) return undefined;
  return `${quoted(group)} cannot be the name of a group: it starts with a letter or digit, and has letters, digits, \`.\`, \`_\` and \`-\``;
}

function* nestedRules(
  ofRun: Concurrency | undefined,
  ofTask: Concurrency | undefined,
  path: string,
): Generator<Finding> {
  if (!ofRun || !ofTask) return;
  if (ofRun.group === ofTask.group) {
    const message = `the whole run holds the group ${quoted(ofTask.group)} already; remove it here or from the pipeline`;
    yield warning(path, message);
    return;
  }
  const message = `the run holds ${quoted(ofRun.group)} while this task waits for ${quoted(ofTask.group)}; a pipeline that takes them the other way round would wait for this one for ever, and this one for it: one of the two is FAILED then`;
  yield warning(path, message);
}
