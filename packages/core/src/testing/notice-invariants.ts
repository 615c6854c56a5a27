// What must hold of the notices of every decision, where a webhook hears of all tasks.

import { explain } from "../explain.ts";
import { listenerEventOf } from "../listeners/events.ts";
import { Message } from "../schema/message.ts";
import type { SchemaNode } from "../schema-node.ts";
import type { Decision } from "../state.ts";

/** Which rule a decision's notices break, as a sentence; nothing when they keep them all. `watcher`: path of the webhook. */
export function noticeBreach({ notices, history }: Decision, watcher: string): string | undefined {
  for (const { message, recipients } of notices) {
    const [wrong] = explain(Message as SchemaNode, message, "");
    if (wrong) return `the message ${message.type} is no message: ${wrong.path} ${wrong.message}`;
    const places = recipients.map(({ action, place }) => JSON.stringify([action, place]));
    if (new Set(places).size < places.length) return `${message.type} is told twice by one way: ${places}`;
  }
  const heard = notices.filter(({ recipients }) => recipients.some(({ listener }) => listener === watcher));
  const told = heard.map(({ message }) => `${message.task?.name} ${message.type}`);
  const happened = history.flatMap((event) => {
    // A forced stage is told once, by its own event or by the move that it makes.
    const isMoved = history.some(
      ({ type, taskId, stage }) => type === "TASK_STAGE" && taskId === event.taskId && stage === event.stage,
    );
    if (event.taskId === undefined || (event.type === "STATUS_FORCED" && isMoved)) return [];
    const type = listenerEventOf(event);
    return type === undefined ? [] : [`${event.name} ${type}`];
  });
  return told.join() === happened.join() ? undefined : `told is [${told}], what happened is [${happened}]`;
}
