// Rules on listeners: somebody is told, of something that can happen, in words that make sense (semantics, section 6).
// The same for those of tasks, pipelines and run requests.

import type { ErrorDetail } from "../errors.ts";
import { secretsOfListener } from "../listeners/secrets.ts";
import { MASK } from "../mask.ts";
import { matchesScope, type Place } from "../params.ts";
import { below } from "../pointer.ts";
import { quoted } from "../quoted.ts";
import { type Listeners, MAX_LISTENERS } from "../schema/listener.ts";
import type { ParamScope } from "../schema/param.ts";
import type { PipelineSpec } from "../schema/pipeline.ts";
import { error, type Finding } from "./finding.ts";
import { LISTS, levelRules, type Reachable } from "./listener-rules.ts";

interface TaskAt {
  place: Place;
  path: string;
  listeners: Listeners;
}

function tasksOf(spec: PipelineSpec, path: string): TaskAt[] {
  return spec.stages.flatMap((stage, stageIndex) =>
    stage.tasks.map((task, taskIndex) => ({
      place: {
        stageName: stage.name,
        stageNumber: stageIndex + 1,
        taskName: task.name,
        taskNumber: taskIndex + 1,
      },
      path: below(`${below(`${path}/stages`, stageIndex)}/tasks`, taskIndex),
      listeners: task,
    })),
  );
}

function placesOf(tasks: readonly TaskAt[]): Place[] {
  return tasks.map(({ place }) => place);
}

/** What is wrong with the listeners of a pipeline and of its tasks. */
export function* listenerRulesOf(spec: PipelineSpec, path: string, context: Reachable): Generator<Finding> {
  const tasks = tasksOf(spec, path);
  yield* levelRules(spec, path, "pipeline", context, placesOf(tasks));
  for (const task of tasks) yield* levelRules(task.listeners, task.path, "task", context);
  yield* countRules([spec], tasks, path);
}

/** What is wrong with the listeners of a lone task. */
export function* loneListenerRules(
  listeners: Listeners,
  path: string,
  context: Reachable,
): Generator<Finding> {
  yield* levelRules(listeners, path, "task", context);
  const count = countOf(listeners);
  if (count > MAX_LISTENERS)
    yield error(path, `it has ${count} listeners; at most ${MAX_LISTENERS} are allowed`);
}

/** What is wrong with the listeners that a run request adds. Without `spec`, the pipeline that it runs, scopes are not checked. */
export function* requestListenerRules(
  listeners: Listeners,
  path: string,
  context: Reachable,
  spec?: PipelineSpec,
): Generator<Finding> {
  const tasks = spec && tasksOf(spec, "");
  yield* levelRules(listeners, path, "request", context, tasks && placesOf(tasks));
  if (spec && tasks && countOf(listeners) > 0) yield* countRules([spec, listeners], tasks, path);
}

/**
 * Secrets that a run request cannot bring: masked ones, for nothing is stored that they could stand for, and
 * ciphertexts, which somebody copied from where nobody should read.
 */
export function* broughtSecretRules(
  listeners: Listeners,
  path: string,
  isSealed: (text: string) => boolean = () => false,
): Generator<Finding> {
  for (const list of ["imRobots", "webhooks"] as const) {
    for (const [index, listener] of (listeners[list] ?? []).entries()) {
      for (const { key, value } of secretsOfListener(listener)) {
        const at = key.reduce(below, below(`${path}/${list}`, index));
        if (value === MASK) {
          yield error(
            at,
            `\`${MASK}\` stands for a stored secret, and there is none; give the secret itself`,
          );
        } else if (isSealed(value)) yield error(at, "a sealed text cannot be given; give the secret itself");
      }
    }
  }
}

/** Masked secrets of a pipeline and its tasks, which a run brings along. A stored pipeline has none. */
export function* broughtSecretRulesOf(spec: PipelineSpec, path: string): Generator<Finding> {
  yield* broughtSecretRules(spec, path);
  for (const task of tasksOf(spec, path)) yield* broughtSecretRules(task.listeners, task.path);
}

/** Only what keeps something from being run or stored. */
export function errorsAmong(findings: Iterable<Finding>): ErrorDetail[] {
  return [...findings]
    .filter(({ severity }) => severity === "error")
    .map(({ path, message }) => ({ path, message }));
}

function countOf(listeners: Listeners): number {
  return LISTS.reduce((count, list) => count + (listeners[list]?.length ?? 0), 0);
}

/** Listeners of pipeline and request that hear of a task: those whose scope fits, and those of all gates. */
function reaching(listeners: Listeners, place: Place): number {
  return LISTS.flatMap((list): { scope?: ParamScope }[] => listeners[list] ?? []).filter(({ scope }) =>
    matchesScope(scope, place),
  ).length;
}

/** At most so many hear of one task. Told of the first task alone: the others mostly have the same reason. */
function* countRules(
  around: readonly Listeners[],
  tasks: readonly TaskAt[],
  path: string,
): Generator<Finding> {
  for (const { place, path: taskPath, listeners } of tasks) {
    const own = countOf(listeners);
    const others = around.map((level) => reaching(level, place));
    const count = others.reduce((sum, one) => sum + one, own);
    if (count <= MAX_LISTENERS) continue;
    const parts = [`${own} of its own`, `${others[0]} of the pipeline`];
    if (others.length > 1) parts.push(`${others[1]} of the request`);
    const at = own > 0 && around.length === 1 ? taskPath : path;
    const message = `task ${quoted(place.taskName)} has ${count} listeners (${parts.join(", ")})`;
    yield error(
      at,
      `${message}; at most ${MAX_LISTENERS} are allowed, so remove some, or give some a narrower \`scope\``,
    );
    return;
  }
}
