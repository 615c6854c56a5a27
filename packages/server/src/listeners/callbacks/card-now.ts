// The card of a gate as it is after somebody pressed a button: what its message said, with how the gate stands now, and
// without buttons.

import { passesOf } from "@mflow/core/gate";
import type { JobTask } from "@mflow/core/schema/job-task";
import type { ListenerEvent } from "@mflow/core/schema/listener";
import type { Message, MessageGate } from "@mflow/core/schema/message";
import { undecidedNames } from "@mflow/core/waiting";

/** The message with what is true now; `task` is absent when it was deleted. */
export function messageNow(message: Message, task: JobTask | undefined): Message {
  const { gate } = message;
  if (!gate) return message;
  const now = gateNow(message, gate, task);
  return { ...message, type: typeOf(now), gate: now };
}

/** An attempt that is over, or another content, means that what the card asks is closed. */
function gateNow(message: Message, gate: MessageGate, task: JobTask | undefined): MessageGate {
  const current = task?.[gate.kind === "AUDIT" ? "audit" : "confirm"];
  if (!task || !current || task.attempt !== message.task?.attempt || current.digest !== gate.digest) {
    return { ...gate, stage: "CLOSED" };
  }
  // Comments may hold what must be masked; the update that follows every decision brings them.
  const decisions = current.decisions.map(({ comment: _comment, ...decision }) => decision);
  const open = new Set(undecidedNames(current, task.startedBy));
  const waitsFor = gate.waitsFor?.filter((name) => open.has(name));
  return {
    ...gate,
    stage: current.stage,
    passes: passesOf(current),
    decisions,
    ...(waitsFor && { waitsFor }),
  };
}

function typeOf({ kind, stage, decisions }: MessageGate): ListenerEvent {
  if (kind === "CONFIRM" && decisions.at(-1)?.verdict === "PUSH_BACK") return "CONFIRM_PUSH_BACK";
  return stage === "PENDING" ? `${kind}_WAITING` : `${kind}_${stage}`;
}
