// What a condition is decided on. Facts are functions, so that nothing is built that the condition does not name: a
// run of ten thousand tasks costs no more than one of ten.

import { booleanOf, numberOf } from "../check-params.ts";
import { quoted } from "../quoted.ts";
import type { EffectiveParam } from "../schema/param.ts";
import { pathText } from "./expression.ts";
import { ConditionFailure, type Value } from "./value.ts";
import type { Variable } from "./variables.ts";

/** Stands for a sealed value: it is there, and no condition sees it. */
export const SENSITIVE: unique symbol = Symbol("sensitive");

/** A value; nothing when there is none. Lists are those of a matrix, in the order of its ways. */
export type Fact = boolean | string | number | readonly string[] | typeof SENSITIVE | undefined;

export interface TaskFacts {
  /** One of the stages of a task; of a matrix, that of all its ways together. */
  stage: string;
  /** A runtime env that the task put out. */
  output(name: string): Fact;
}

/**
 * What the caller knows when a condition is decided. Each function is asked only for what the condition names, when it is
 * needed; it answers at once, and the same while one condition is evaluated.
 */
export interface ConditionFacts {
  /** The effective param of the task; see `paramFact`. */
  param(name: string): Fact;
  /** The runtime env that earlier tasks handed on. */
  env(name: string): Fact;
  /** A task that ended before, by name or by `stage/name`; nothing when no such task is seen from here. */
  task(name: string): TaskFacts | undefined;
  run: {
    id: string;
    name: string;
    /** In a `finally` stage the outcome. */
    stage: string;
    labels?: Readonly<Record<string, string>>;
    runBy: string;
    triggerMode: string;
  };
  /** `mode`, `by`, and what else the trigger tells; nothing when it does not. */
  trigger(name: string): string | undefined;
}

/**
 * The value of a param as conditions see it: a NUMBER as a number, a BOOLEAN as a boolean, everything else as text. `param`
 * holds the sealed value when it is sensitive.
 */
export function paramFact(param: EffectiveParam | undefined): Fact {
  if (param === undefined) return undefined;
  if (param.sensitive) return SENSITIVE;
  if (param.valueType === "NUMBER") return numberOf(param.value) ?? param.value;
  if (param.valueType === "BOOLEAN") return booleanOf(param.value) ?? param.value;
  return param.value;
}

/** Something with named parts while a condition is evaluated. */
export class Group {
  readonly path: readonly string[];
  readonly #get: (name: string) => Fact | Group;
  readonly #missing: (name: string, path: string) => string;

  constructor(
    path: readonly string[],
    get: (name: string) => Fact | Group,
    missing: (name: string, path: string) => string,
  ) {
    this.path = path;
    this.#get = get;
    this.#missing = missing;
  }

  has(name: string): boolean {
    return this.#get(name) !== undefined;
  }

  /** The part of this name. Throws a `ConditionFailure` when there is none, or when it is sensitive. */
  part(name: string): Value | Group {
    const part = this.#get(name);
    if (part === SENSITIVE) {
      const path = pathText([...this.path, name]);
      throw new ConditionFailure(
        `\`${path}\` is sensitive, and no condition sees it; decide by another value`,
      );
    }
    if (part !== undefined) return part;
    throw new ConditionFailure(this.#missing(name, pathText([...this.path, name])));
  }
}

function askFirst(path: string): string {
  return `ask first, as in \`has(${path}) && ...\``;
}

/** A variable of a condition, read from the facts when it is asked for its parts. */
export function variableGroup(variable: Variable, facts: ConditionFacts): Group {
  switch (variable) {
    case "params":
      return new Group(
        ["params"],
        (name) => facts.param(name),
        (name, path) => `param ${quoted(name)} has no value; ${askFirst(path)}`,
      );
    case "envs":
      return new Group(
        ["envs"],
        (name) => facts.env(name),
        (name, path) => `no earlier task handed on runtime env ${quoted(name)}; ${askFirst(path)}`,
      );
    case "tasks":
      return new Group(
        ["tasks"],
        (name) => taskGroup(name, facts.task(name)),
        (name, path) =>
          `there is no task ${quoted(name)} before this place; correct the name, or ${askFirst(path)}`,
      );
    case "run":
      return runGroup(facts.run);
    case "trigger":
      return new Group(
        ["trigger"],
        (name) => facts.trigger(name),
        (name, path) => `the trigger tells no ${quoted(name)}; ${askFirst(path)}`,
      );
  }
}

function taskGroup(name: string, task: TaskFacts | undefined): Group | undefined {
  if (task === undefined) return undefined;
  const path = ["tasks", name];
  const outputs = new Group(
    [...path, "outputs"],
    (output) => task.output(output),
    (output, full) => `task ${quoted(name)} put out no runtime env ${quoted(output)}; ${askFirst(full)}`,
  );
  const parts: Readonly<Record<string, Fact | Group>> = { stage: task.stage, outputs };
  return new Group(path, (part) => own(parts, part), missingPart("a task has `stage` and `outputs`"));
}

function runGroup({ id, name, stage, labels = {}, runBy, triggerMode }: ConditionFacts["run"]): Group {
  const labelGroup = new Group(
    ["run", "labels"],
    (label) => own(labels, label),
    (label, path) => `the run has no label ${quoted(label)}; ${askFirst(path)}`,
  );
  const parts: Readonly<Record<string, Fact | Group>> = {
    id,
    name,
    stage,
    labels: labelGroup,
    runBy,
    triggerMode,
  };
  const has = `a run has ${Object.keys(parts)
    .map((part) => `\`${part}\``)
    .join(", ")}`;
  return new Group(["run"], (part) => own(parts, part), missingPart(has));
}

function missingPart(has: string) {
  return (name: string) => `there is no ${quoted(name)}; ${has}`;
}

function own<T>(parts: Readonly<Record<string, T>>, name: string): T | undefined {
  return Object.hasOwn(parts, name) ? parts[name] : undefined;
}
