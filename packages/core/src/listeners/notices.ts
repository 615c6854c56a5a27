// What a decision tells listeners: one notice per event of its history that somebody hears of. Costs nothing where
// nobody listens, and no more for a wider run: an event is looked at with its own task alone.

import type { Draft } from "../decide/draft.ts";
import type { Notice } from "../notice.ts";
import type { NewHistoryEvent } from "../schema/event.ts";
import type { ListenerEvent } from "../schema/listener.ts";
import { gateKindOf, listenerEventOf } from "./events.ts";
import { messageOf } from "./message-facts.ts";
import { recipientsOf, updatesOf } from "./recipients.ts";

/** The notices of a decision under way, in the order of its history. */
export function noticesOf(draft: Draft): Notice[] {
  return draft.history.flatMap((event) => noticeOf(draft, event) ?? []);
}

function noticeOf(draft: Draft, event: NewHistoryEvent): Notice | undefined {
  const { context, definition } = draft;
  const type = messageTypeOf(draft, event);
  if (type === undefined) return undefined;
  const rows = rowsOf(draft, event);
  const scope = { domain: event.domain, namespace: event.namespace };
  const occasion = { definition, type, scope, task: rows.task, context };
  const recipients = isHeard(event) ? recipientsOf(occasion) : [];
  const kind = gateKindOf(event.type);
  if (kind && !isNews(event)) recipients.unshift(...updatesOf(occasion, kind));
  return recipients.length === 0 ? undefined : { message: messageOf(event, type, rows, context), recipients };
}

/** Events of a gate that leave it waiting: nobody is told, but cards show how it stands now. */
const STEP = /_(DECISION|WITHDRAWN)$/;
/** Events of a gate of which nobody has a card yet, or whose card stays as it is. */
const NEWS = /_(WAITING|REMIND)$/;

function isHeard({ type }: NewHistoryEvent): boolean {
  return !STEP.test(type);
}

function isNews({ type }: NewHistoryEvent): boolean {
  return NEWS.test(type);
}

/** Under which name an event is told; nothing when it is not. */
function messageTypeOf(draft: Draft, event: NewHistoryEvent): ListenerEvent | undefined {
  if (event.type === "STATUS_FORCED" && isFollowedByMove(draft, event)) return undefined;
  const kind = gateKindOf(event.type);
  if (!kind || isHeard(event)) return listenerEventOf(event);
  // What ends the gate is told by the event of its end.
  const gate = draft.rowsOf(event).task?.[kind === "AUDIT" ? "audit" : "confirm"];
  return gate?.stage === "WAITING" ? `${kind}_WAITING` : undefined;
}

/** A forced ending moves the task by the table too, which is an event of its own. */
function isFollowedByMove(draft: Draft, { taskId, stage }: NewHistoryEvent): boolean {
  return draft.history.some(
    (other) => other.type === "TASK_STAGE" && other.taskId === taskId && other.stage === stage,
  );
}

/** A forced stage is recorded before the row shows it. */
function rowsOf(draft: Draft, event: NewHistoryEvent) {
  const rows = draft.rowsOf(event);
  if (event.type !== "STATUS_FORCED" || event.taskId === undefined) return rows;
  return { ...rows, task: draft.task(event.taskId) };
}
