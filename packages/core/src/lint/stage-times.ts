// Rules on the `timeout` of runs, stages and steps: none ends all at once, and none cuts a longer one off.

import { pointerOf } from "../plan/problems.ts";
import { below } from "../pointer.ts";
import { quoted } from "../quoted.ts";
import type { ShellStep } from "../schema/runner-spec.ts";
import { millisecondsOf } from "./durations.ts";
import { error, type Finding, warning } from "./finding.ts";
import type { PlanFacts } from "./plan-facts.ts";

export function* stageTimeRules(facts: PlanFacts, path: string): Generator<Finding> {
  const { graph, spec } = facts;
  const ofRun = millisecondsOf(spec.timeout);
  if (ofRun === 0) yield atOnce(`${path}/timeout`, spec.timeout ?? "");
  const ofStages = graph.stages.map(({ spec: stage }) => millisecondsOf(stage.timeout));
  for (const [index, { spec: stage, isFinally }] of graph.stages.entries()) {
    const stagePath = `${below(`${path}/stages`, index)}/timeout`;
    const ms = ofStages[index];
    if (ms === undefined || stage.timeout === undefined) continue;
    if (ms === 0) yield atOnce(stagePath, stage.timeout);
    // `finally` stages come after the time of the run.
    else if (ofRun && ofRun < ms && !isFinally) {
      yield cutOff(stagePath, `stage ${quoted(stage.name)}`, stage.timeout, "the run", spec.timeout ?? "");
    }
  }
  for (const [index, { spec: task, stage }] of graph.nodes.entries()) {
    const { spec: itsStage, isFinally } = graph.stage(stage);
    const text = task.timeout ?? facts.jobSpec(index)?.timeout;
    const ms = millisecondsOf(text);
    if (!ms || text === undefined) continue;
    const taskPath = `${path}${pointerOf(graph, index)}`;
    const at = task.timeout === undefined ? `${taskPath}/job` : `${taskPath}/timeout`;
    const ofStage = ofStages[stage];
    const what = `task ${quoted(task.name)}`;
    if (ofStage && ofStage < ms) yield cutOff(at, what, text, "its stage", itsStage.timeout ?? "");
    else if (ofRun && ofRun < ms && !isFinally) yield cutOff(at, what, text, "the run", spec.timeout ?? "");
  }
}

/** A step that may take longer than the job that it is of. `steps`: where they stand. */
export function* stepTimeRules(
  steps: readonly Pick<ShellStep, "name" | "timeout">[],
  ofJob: string | undefined,
  path: string,
): Generator<Finding> {
  const most = millisecondsOf(ofJob);
  if (!most) return;
  for (const [index, { name, timeout }] of steps.entries()) {
    const ms = millisecondsOf(timeout);
    if (ms === undefined || timeout === undefined || ms <= most) continue;
    const what = name === undefined ? `step ${index + 1}` : `step ${quoted(name)}`;
    yield cutOff(`${below(path, index)}/timeout`, what, timeout, "the job", ofJob ?? "");
  }
}

function atOnce(path: string, text: string): Finding {
  return error(path, `a timeout of ${quoted(text)} ends everything at once; give a longer one or remove it`);
}

function cutOff(path: string, what: string, text: string, whose: string, shorter: string): Finding {
  const message = `${what} may take ${text}, but ${whose} ends after ${shorter}; raise that one, or lower this`;
  return warning(path, message);
}
