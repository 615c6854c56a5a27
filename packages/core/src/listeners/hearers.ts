// Which listeners hear of an event: those of the task, of its pipeline and of the run request, each by its events and
// its scope (semantics, section 6).

import { placeOf, type TaskPlace, taskSpecOf } from "../decide/freeze.ts";
import { matchesScope } from "../params.ts";
import type { JobTask } from "../schema/job-task.ts";
import type { ImRobot, ListenerEvent, Listeners, MentionUser, Webhook } from "../schema/listener.ts";
import type { RunDefinition } from "../schema/pipeline-task.ts";
import { GATE_EVENTS, hearsOf } from "./events.ts";

/** Listeners by kind, each with its place in the definition, e.g. `pipeline/webhooks/0`. */
export interface Hearers {
  mentionUsers: Hearer<MentionUser>[];
  imRobots: Hearer<ImRobot>[];
  webhooks: Hearer<Webhook>[];
}

export interface Hearer<L> {
  path: string;
  listener: L;
}

/** Where listeners stand in a definition, in the order in which they are told. */
type Level = "task" | "pipeline" | "request";

type Filter = Pick<Webhook, "events" | "scope">;

/** Whether a listener of a pipeline or request hears of a task's event, or of the run's own. */
function isMeant(
  { scope }: Filter,
  level: Level,
  type: ListenerEvent,
  definition: RunDefinition,
  task: JobTask | undefined,
): boolean {
  if (level === "task") return true;
  if (!task) return scope === undefined;
  return scope === undefined ? GATE_EVENTS.has(type) : matchesScope(scope, placeOf(definition, task));
}

/** The listeners of a level, when it has any. */
function listenersAt(definition: RunDefinition, level: Level, task: TaskPlace | undefined): Listeners {
  if (level === "pipeline") return definition.pipeline ?? {};
  if (level === "request") return definition.listeners ?? {};
  return task ? taskSpecOf(definition, task) : {};
}

/** Who hears of an event of a task, or of the run itself when there is no task. Reads nothing but the definition. */
export function hearersOf(
  definition: RunDefinition,
  type: ListenerEvent,
  task: JobTask | undefined,
): Hearers {
  const hearers: Hearers = { mentionUsers: [], imRobots: [], webhooks: [] };
  for (const level of ["task", "pipeline", "request"] as const) {
    const given = listenersAt(definition, level, task);
    const heard = <L extends Filter>(list: L[] | undefined, name: keyof Listeners): Hearer<L>[] =>
      (list ?? []).flatMap((listener, index) =>
        hearsOf(listener.events, type) && isMeant(listener, level, type, definition, task)
          ? [{ path: `${level}/${name}/${index}`, listener }]
          : [],
      );
    hearers.mentionUsers.push(...heard(given.mentionUsers, "mentionUsers"));
    hearers.imRobots.push(...heard(given.imRobots, "imRobots"));
    hearers.webhooks.push(...heard(given.webhooks, "webhooks"));
  }
  return hearers;
}

/** A listener as a path names it, with the list that it stands in. */
export type FoundListener =
  | { list: "mentionUsers"; listener: MentionUser }
  | { list: "imRobots"; listener: ImRobot }
  | { list: "webhooks"; listener: Webhook };

/**
 * The listener of a `Recipient.listener` path, secrets sealed as they are stored. `task`: the one that the message is
 * about. Nothing for `gate`, and for a path that the definition does not have.
 */
export function findListener(
  definition: RunDefinition,
  task: TaskPlace | undefined,
  path: string,
): FoundListener | undefined {
  const [, level, list, index] = /^(task|pipeline|request)\/(\w+)\/(\d+)$/.exec(path) ?? [];
  if (level === undefined) return undefined;
  const given = listenersAt(definition, level as Level, task);
  const at = Number(index);
  switch (list) {
    case "mentionUsers":
      return found(list, given.mentionUsers?.[at]);
    case "imRobots":
      return found(list, given.imRobots?.[at]);
    case "webhooks":
      return found(list, given.webhooks?.[at]);
  }
  return undefined;
}

function found<N extends FoundListener["list"], L>(list: N, listener: L | undefined) {
  return listener === undefined ? undefined : { list, listener };
}
