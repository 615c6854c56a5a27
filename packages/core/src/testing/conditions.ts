// A place for conditions in tests: what it may name, and facts that fit.

import type { ConditionFacts, Fact } from "../condition/facts.ts";
import type { ConditionScope } from "../condition/scope.ts";

/** A task of a pipeline with the tasks `build`, `build-it`, the matrix `test` before it, and `deploy` after it. */
export const SCOPE: ConditionScope = {
  params: new Map([
    ["NAME", {}],
    ["REPLICAS", { valueType: "NUMBER" }],
    ["DRY_RUN", { valueType: "BOOLEAN" }],
    ["TARGET", { valueType: "ENUM", options: ["staging", "production"] }],
    ["PASSWORD", { sensitive: true }],
  ]),
  env: (name) => {
    if (name === "TAG" || name === "LATE") return "TEXT";
    return name === "OSES" ? "LIST" : undefined;
  },
  tasks: new Map([
    ["build", { isMatrix: false }],
    ["build-it", { isMatrix: false }],
    ["first/lint", { isMatrix: false }],
    ["test", { isMatrix: true }],
  ]),
  laterTasks: new Set(["deploy"]),
  isFinally: false,
};

const PARAMS: Readonly<Record<string, Fact>> = {
  NAME: "api",
  REPLICAS: 3,
  DRY_RUN: false,
  TARGET: "staging",
};
const ENVS: Readonly<Record<string, Fact>> = { TAG: "v1.4.0", OSES: ["linux", "mac"] };
const OUTPUTS: Readonly<Record<string, Fact>> = { IMAGE: "api:v1.4.0" };

/** Facts that fit `SCOPE`; what is given replaces some of them. */
export function factsWith(given: Partial<ConditionFacts> = {}): ConditionFacts {
  return {
    param: (name) => PARAMS[name],
    env: (name) => ENVS[name],
    task: (name) => {
      if (!SCOPE.tasks.has(name)) return undefined;
      if (name === "test")
        return { stage: "FAILED", output: (env) => (env === "OS" ? ["linux", "mac"] : undefined) };
      return { stage: "SUCCEEDED", output: (env) => OUTPUTS[env] };
    },
    run: {
      id: "run-1",
      name: "release",
      stage: "ACTIVE",
      labels: { team: "web", "build-it": "yes" },
      runBy: "ada",
      triggerMode: "EVENT",
    },
    trigger: (name) => ({ mode: "EVENT", by: "gitlab", branch: "main" })[name],
    ...given,
  };
}
