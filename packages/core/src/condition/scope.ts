// What the place of a condition lets it see: the types of `params`, `envs`, `run`, `trigger` and `tasks` there, and
// sentences for the names that it does not have.

import { nearest } from "../nearest.ts";
import { alternatives, quoted } from "../quoted.ts";
import { TASK_STAGES } from "../schema/job-task.ts";
import type { ValueType as ParamValueType } from "../schema/param.ts";
import { pathText } from "./expression.ts";
import { nearestRemedy } from "./names.ts";
import {
  BOOL,
  type Choices,
  DOUBLE,
  type RecordType,
  TEXT,
  TEXTS,
  UNKNOWN,
  type ValueType,
} from "./value-type.ts";
import type { Variable } from "./variables.ts";

/** A declared param as far as conditions care. */
export interface ScopeParam {
  /** Default `TEXT`. */
  valueType?: ParamValueType;
  /** All that it can be, of an ENUM and of a text in the ways of a matrix. */
  options?: readonly string[];
  /** Its value is sealed: a condition on it is refused. */
  sensitive?: boolean;
}

/** What a condition at one place may name. */
export interface ConditionScope {
  /** The declared params by name; left out when the job is not known: then any name passes. */
  params?: ReadonlyMap<string, ScopeParam>;
  /** It stands at a stage, which declares no params: any name is that of a text. */
  isStage?: boolean;
  /**
   * Whether a runtime env of this name may come as a text or, from a matrix, as a list; nothing when no earlier task puts
   * it out. Left out when that is not known: then any name passes.
   */
  env?(name: string): "TEXT" | "LIST" | "UNKNOWN" | undefined;
  /** The tasks that have ended before, by name and by `stage/name`; `stages`: how they may have ended. */
  tasks: ReadonlyMap<string, { isMatrix: boolean; stages?: readonly string[] }>;
  /** Names of tasks that there are, but that may end later. */
  laterTasks?: ReadonlySet<string>;
  /** It stands at a `finally` stage or at a task of one, where `run.stage` is the outcome. */
  isFinally: boolean;
}

const OUTCOMES = ["SUCCEEDED", "FAILED", "CANCELED"];
const TRIGGER_MODES = ["MANUAL", "EVENT", "APPROVAL", "SCHEDULE", "PIPELINE"];

/** The type of a variable at this place. */
export function variableType(variable: Variable, scope: ConditionScope): RecordType {
  switch (variable) {
    case "params":
      return { kind: "RECORD", field: (name) => paramType(name, scope) };
    case "envs":
      return { kind: "RECORD", field: (name) => envType(name, scope) };
    case "tasks":
      return { kind: "RECORD", field: (name) => taskType(name, scope) };
    case "run":
      return closedRecord("run", {
        id: TEXT,
        name: TEXT,
        stage: { kind: "TEXT", choices: runStages(scope) },
        labels: { kind: "RECORD", field: () => TEXT, computed: TEXT },
        runBy: TEXT,
        triggerMode: triggerMode("run.triggerMode"),
      });
    case "trigger": {
      const mode = triggerMode("trigger.mode");
      return { kind: "RECORD", field: (name) => (name === "mode" ? mode : TEXT), computed: TEXT };
    }
  }
}

function closedRecord(path: string, fields: Readonly<Record<string, ValueType>>): RecordType {
  return {
    kind: "RECORD",
    field: (name) => {
      const type = Object.hasOwn(fields, name) ? fields[name] : undefined;
      return (
        type ?? { problem: `\`${path}\` has no ${quoted(name)}${nearestRemedy(name, Object.keys(fields))}` }
      );
    },
  };
}

function paramType(name: string, { params, isStage }: ConditionScope): ValueType | { problem: string } {
  if (params === undefined) return isStage ? TEXT : UNKNOWN;
  const param = params.get(name) ?? (isStage ? {} : undefined);
  if (param === undefined) {
    const remedy = nearestRemedy(name, params.keys()) || "; decide by `run.labels` or `envs`";
    return { problem: `no param ${quoted(name)} is declared here${remedy}` };
  }
  if (param.sensitive) {
    return {
      problem: `param ${quoted(name)} is sensitive, and no condition sees it; decide by another param`,
    };
  }
  switch (param.valueType) {
    case "NUMBER":
      return DOUBLE;
    case "BOOLEAN":
      return BOOL;
    default:
      return {
        kind: "TEXT",
        ...(param.options && {
          choices: { values: param.options, what: `param ${quoted(name)}`, strict: false },
        }),
      };
  }
}

function envType(name: string, { env, tasks }: ConditionScope): ValueType | { problem: string } {
  if (!/^[A-Z]/.test(name)) {
    const remedy = "let the task put it out under a name that starts with an upper case letter";
    return { problem: `runtime env ${quoted(name)} is not handed to later tasks; ${remedy}` };
  }
  if (env === undefined) return [...tasks.values()].some(({ isMatrix }) => isMatrix) ? UNKNOWN : TEXT;
  switch (env.call(undefined, name)) {
    case "TEXT":
      return TEXT;
    case "LIST":
      return TEXTS;
    case "UNKNOWN":
      return UNKNOWN;
    case undefined:
      return {
        problem: `no earlier task puts out runtime env ${quoted(name)}; correct the name, or let a task put it out`,
      };
  }
}

function taskType(name: string, { tasks, laterTasks }: ConditionScope): ValueType | { problem: string } {
  const task = tasks.get(name);
  if (task === undefined) {
    if (laterTasks?.has(name)) {
      return {
        problem: `task ${quoted(name)} may not have ended by then; name it in \`needs\`, or use an earlier task`,
      };
    }
    const remedy = nearestRemedy(name, tasks.keys()) || "; no task ends before this place";
    return { problem: `there is no task ${quoted(name)} before this place${remedy}` };
  }
  const what = pathText(["tasks", name]);
  const stages: Choices = { values: task.stages ?? TASK_STAGES, what: `\`${what}.stage\``, strict: true };
  const output = task.isMatrix ? TEXTS : TEXT;
  return closedRecord(what, {
    stage: { kind: "TEXT", choices: stages },
    outputs: { kind: "RECORD", field: () => output, computed: output },
  });
}

function triggerMode(path: string): ValueType {
  return { kind: "TEXT", choices: { values: TRIGGER_MODES, what: `\`${path}\``, strict: true } };
}

function runStages({ isFinally }: ConditionScope): Choices {
  const what = "`run.stage`";
  if (isFinally) return { values: OUTCOMES, what, strict: true };
  return {
    values: ["ACTIVE"],
    what,
    strict: true,
    hint: (other) =>
      OUTCOMES.includes(other)
        ? "the outcome is known in a `finally` stage; here, ask for the stage of a task"
        : undefined,
  };
}

/** What is wrong with comparing something of these choices with another text; nothing when it can be that text. */
export function choiceProblem(choices: Choices, other: string): string | undefined {
  if (!choices.strict || choices.values.includes(other)) return undefined;
  const near = nearest(other, choices.values);
  const remedy = choices.hint?.(other) ?? (near && `did you mean ${quoted(near)}?`);
  const sentence = `${choices.what} is never ${quoted(other)}, it is ${alternatives(choices.values)}`;
  return `${sentence}; ${remedy ?? "write one of them"}`;
}
