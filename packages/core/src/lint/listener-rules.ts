// Rules on each listener of a task, a pipeline or a run request: it hears of something that can happen, tells somebody
// who exists, and in words that make sense.

import { GATE_EVENTS, LISTENER_EVENT_NAMES, RUN_EVENTS } from "../listeners/events.ts";
import { didYouMean } from "../nearest.ts";
import { matchesScope, type Place } from "../params.ts";
import { below } from "../pointer.ts";
import { quoted } from "../quoted.ts";
import type { ImRobot, Listeners, MentionUser, MessageTemplate, Webhook } from "../schema/listener.ts";
import type { ParamScope } from "../schema/param.ts";
import type { LintContext } from "./context.ts";
import { error, type Finding, warning } from "./finding.ts";
import { robotRules, webhookRules } from "./listener-targets.ts";
import type { TemplateProblem } from "./message-templates.ts";
import { unknownPerson } from "./people.ts";

/** What listeners belong to: a task, or the whole run, by its pipeline or its request. */
export type Level = "task" | "pipeline" | "request";

/** What listeners are checked against; what is left out is not checked. */
export interface Reachable extends Pick<LintContext, "people" | "channels" | "allowsTarget"> {
  /** Handed in, for it loads the library of templates: a server that starts needs none. */
  templateProblems?(template: string): TemplateProblem[];
}

/** In the order in which they are told. */
export const LISTS = ["mentionUsers", "imRobots", "webhooks"] as const;

/** What is wrong with each listener of a level. `places`: the tasks of the run, where they are known. */
export function* levelRules(
  listeners: Listeners,
  path: string,
  level: Level,
  context: Reachable,
  places?: readonly Place[],
): Generator<Finding> {
  for (const list of LISTS) {
    const seen = new Map<string, number>();
    for (const [index, listener] of (listeners[list] ?? []).entries()) {
      const at = below(`${path}/${list}`, index);
      yield* filterRules(listener, at, level, places);
      if (list === "mentionUsers") yield* mentionRules(listener as MentionUser, at, context);
      else if (list === "imRobots") yield* robotRules(listener as ImRobot, at, context);
      else yield* webhookRules(listener as Webhook, at, context);
      if (list !== "webhooks")
        yield* templateRules((listener as ImRobot).template, `${at}/template`, context);
      const key = sameness(listener);
      const first = seen.get(key);
      if (first === undefined) seen.set(key, index);
      else
        yield warning(
          at,
          `item ${first + 1} of \`${list}\` tells the same place of the same events; remove one of them`,
        );
    }
  }
}

/** Equal for listeners of one list that would be told the same twice. */
function sameness(listener: Partial<MentionUser & ImRobot & Webhook>): string {
  const { url, channel, users = [], ways = [], events = [], scope } = listener;
  const names = [...new Set(events.map((name) => name.trim().toUpperCase()))].sort();
  return JSON.stringify([url, channel, [...users].sort(), [...ways].sort(), names, scope]);
}

function* filterRules(
  { events = [], scope }: Pick<Webhook, "events" | "scope">,
  path: string,
  level: Level,
  places: readonly Place[] | undefined,
): Generator<Finding> {
  for (const [index, given] of events.entries()) {
    const name = given.trim().toUpperCase();
    const at = below(`${path}/events`, index);
    if (!LISTENER_EVENT_NAMES.some((known) => known === name)) {
      const remedy =
        didYouMean(name, LISTENER_EVENT_NAMES) ||
        `; known are ${LISTENER_EVENT_NAMES.map(quoted).join(", ")}`;
      yield error(at, `there is no event ${quoted(given)}${remedy}`);
    } else if (level !== "task" && scope === undefined && !RUN_EVENTS.has(name) && !GATE_EVENTS.has(name)) {
      const message = `a run itself never becomes ${quoted(name)}, so nobody hears of it`;
      yield warning(at, `${message}; add \`scope\` (\`"*"\` for all) to hear of its tasks`);
    }
  }
  if (scope === undefined) return;
  if (level === "task") {
    const message = "`scope` has no effect here: a task's listener hears of that task; remove it";
    yield { ...warning(`${path}/scope`, message), atKey: true };
  } else if (places && !places.some((place) => matchesScope(scope, place))) {
    const message = `the scope matches no task of the pipeline, so nobody is told${scopeHint(scope, places)}`;
    yield error(`${path}/scope`, message);
  }
}

function scopeHint(scope: ParamScope, places: readonly Place[]): string {
  if (scope === "*") return "";
  const stages = new Set(places.flatMap(({ stageName }) => stageName ?? []));
  const names = new Set(places.map(({ taskName }) => taskName));
  if (typeof scope.stage === "string" && !stages.has(scope.stage)) {
    return didYouMean(scope.stage, stages) || "; correct the name of the stage";
  }
  if (typeof scope.task === "string" && !names.has(scope.task)) {
    return didYouMean(scope.task, names) || "; correct the name of the task";
  }
  return "; correct it";
}

function* mentionRules(
  { users, ways = [] }: MentionUser,
  path: string,
  context: Reachable,
): Generator<Finding> {
  for (const [index, name] of users.entries()) {
    const unknown = unknownPerson(name, context.people);
    if (unknown !== undefined) yield error(below(`${path}/users`, index), unknown);
  }
  for (const [index, way] of ways.entries()) {
    if (way !== "SMS" && way !== "VOICE") continue;
    const message = `\`${way}\` is not supported: nobody is told by it, which is recorded; use \`MAIL\` or \`IM\``;
    yield warning(below(`${path}/ways`, index), message);
  }
}

function* templateRules(
  template: MessageTemplate | undefined,
  path: string,
  { templateProblems }: Reachable,
): Generator<Finding> {
  for (const part of ["title", "text"] as const) {
    for (const { line, column, message } of templateProblems?.(template?.[part] ?? "") ?? []) {
      yield error(`${path}/${part}`, `line ${line}, column ${column} of the template: ${message}`);
    }
  }
}
