// Which params, runtime envs and tasks a condition names, so that `lint` knows what is used.

import { compileCondition } from "./compile.ts";
import { type Expression, partsOf, pathOf } from "./expression.ts";

export interface ConditionReferences {
  /** Names of params, each once, in the order of the source; as are the others. */
  params: string[];
  /** Names of runtime envs. */
  envs: string[];
  /** Names of tasks, or `stage/name`. */
  tasks: string[];
  /** Runtime envs of a task in particular, as in `tasks.build.outputs.IMAGE`. */
  outputs: { task: string; name: string }[];
}

/** What a condition names, also with `has(...)`, `["NAME"]` and `"NAME" in envs`; nothing of one that cannot be read. */
export function referencesOf(source: string): ConditionReferences {
  const compiled = compileCondition(source);
  const found = { params: new Set<string>(), envs: new Set<string>(), tasks: new Set<string>() };
  const outputs = new Map<string, { task: string; name: string }>();
  const addPath = ([variable, name, part, output]: readonly string[]) => {
    if (name === undefined) return;
    if (variable === "params" || variable === "envs" || variable === "tasks") found[variable].add(name);
    if (variable === "tasks" && part === "outputs" && output !== undefined) {
      outputs.set(JSON.stringify([name, output]), { task: name, name: output });
    }
  };
  const visit = (expression: Expression): void => {
    if (expression.kind === "operation" && expression.operator === "in") {
      const group = pathOf(expression.right);
      const { left } = expression;
      if (group && left.kind === "literal" && typeof left.value === "string") addPath([...group, left.value]);
    }
    const path = pathOf(expression);
    if (path) addPath(path);
    for (const part of partsOf(expression)) visit(part);
  };
  if ("expression" in compiled) visit(compiled.expression);
  return {
    params: [...found.params],
    envs: [...found.envs],
    tasks: [...found.tasks],
    outputs: [...outputs.values()],
  };
}
