// What listeners hear of: which events of the history they are told, and under which name.

import type { EventType, NewHistoryEvent } from "../schema/event.ts";
import { LISTENER_EVENTS, type ListenerEvent } from "../schema/listener.ts";

/** All events that listeners can ask for. */
export const LISTENER_EVENT_NAMES = Object.keys(LISTENER_EVENTS) as ListenerEvent[];

/** The events that a run itself has; the others are those of its tasks. */
export const RUN_EVENTS: ReadonlySet<string> = new Set<ListenerEvent>([
  "ACTIVE",
  "CANCELING",
  "CANCELED",
  "FAILED",
  "SUCCEEDED",
]);

/** Events about a gate, of either kind. */
export const GATE_EVENTS: ReadonlySet<string> = new Set(
  LISTENER_EVENT_NAMES.filter((name) => name.startsWith("AUDIT_") || name.startsWith("CONFIRM_")),
);

/** Which gate an event is about, by the first word of its name. */
export function gateKindOf(type: EventType | ListenerEvent): "AUDIT" | "CONFIRM" | undefined {
  if (type.startsWith("AUDIT_")) return "AUDIT";
  return type.startsWith("CONFIRM_") ? "CONFIRM" : undefined;
}

/**
 * The name under which listeners hear of what is in the history: a stage's own, or that of the gate's event. Nothing
 * for what nobody is told, such as PENDING or an output.
 */
export function listenerEventOf({ type, stage = "" }: NewHistoryEvent): ListenerEvent | undefined {
  const isStage = type === "TASK_STAGE" || type === "RUN_STAGE" || type === "STATUS_FORCED";
  const name = isStage ? stage : type;
  return Object.hasOwn(LISTENER_EVENTS, name) ? (name as ListenerEvent) : undefined;
}

/** Whether somebody with this list of events hears of one; without a list, of all. Case is ignored. */
export function hearsOf(events: readonly string[] | undefined, type: ListenerEvent): boolean {
  if (!events || events.length === 0) return true;
  return events.some((name) => name.trim().toUpperCase() === type);
}
