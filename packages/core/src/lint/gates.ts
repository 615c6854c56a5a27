// Rules on audits and confirms: a gate that nobody needs to pass, or that nobody can.

import { below } from "../pointer.ts";
import type { PipelineSpec } from "../schema/pipeline.ts";
import { error, type Finding, warning } from "./finding.ts";

interface GateRules {
  enable?: boolean;
  required?: number;
}

function* gateRules(
  rules: GateRules | undefined,
  gate: "audit" | "confirm",
  list: "auditors" | "checkers",
  people: readonly string[] = [],
  path: string,
): Generator<Finding> {
  if (!rules || rules.enable === false) return;
  const { required = 1 } = rules;
  const users = new Set(people);
  if (users.size === 0) {
    yield warning(path, `the ${gate} lists nobody, so it is passed at once; list people in \`${list}\``);
    return;
  }
  // How many people a group has is known to the server only.
  if ([...users].some((name) => name.startsWith("@")) || required <= users.size) return;
  const listed = users.size === 1 ? "only 1 person is" : `only ${users.size} people are`;
  const message = `the ${gate} needs ${required} people, but ${listed} listed; list more, or lower \`required\``;
  yield error(`${path}/required`, message);
}

/** An enabled gate lists people, and enough of them. */
export function* gateRulesOf(spec: PipelineSpec, path: string): Generator<Finding> {
  for (const [stageIndex, stage] of spec.stages.entries()) {
    for (const [taskIndex, task] of stage.tasks.entries()) {
      const taskPath = below(`${below(`${path}/stages`, stageIndex)}/tasks`, taskIndex);
      yield* gateRules(task.audit, "audit", "auditors", task.audit?.auditors, `${taskPath}/audit`);
      yield* gateRules(task.confirm, "confirm", "checkers", task.confirm?.checkers, `${taskPath}/confirm`);
    }
  }
}
