// What a button of an app's card carries, and its callback brings back: which card of which gate, and the verdict. It
// is a name and no proof: who presses is told by the platform's signature, and what was asked by the stored message.

import type { Message } from "@mflow/core/schema/message";

export interface CardValue {
  /** Id of the delivery that brought the card. */
  delivery: string;
  task: string;
  attempt: number;
  gate: "AUDIT" | "CONFIRM";
  /** Digest of what is decided on. */
  digest: string;
}

export interface ButtonValue extends CardValue {
  verdict: "PASS" | "DENY";
}

/** What the card of a delivery is about; nothing when its message asks for no decision. */
export function cardValueOf(deliveryId: string, { task, gate }: Message): CardValue | undefined {
  if (!task || gate?.stage !== "WAITING" || gate.digest === undefined) return undefined;
  const { id, attempt } = task;
  return { delivery: deliveryId, task: id, attempt, gate: gate.kind, digest: gate.digest };
}

/** Whether both name the same card of the same gate and content. */
export function isSameCard(a: CardValue, b: CardValue): boolean {
  return (
    a.delivery === b.delivery &&
    a.task === b.task &&
    a.attempt === b.attempt &&
    a.gate === b.gate &&
    a.digest === b.digest
  );
}

/** A value as a platform brings it back; nothing when it is not one of ours. */
export function readButtonValue(value: unknown): ButtonValue | undefined {
  if (value === null || typeof value !== "object") return undefined;
  const { delivery, task, attempt, gate, digest, verdict } = value as Record<string, unknown>;
  if (typeof delivery !== "string" || typeof task !== "string" || typeof digest !== "string")
    return undefined;
  // Platforms may bring numbers back as text.
  const number = Number(attempt);
  if (!Number.isInteger(number)) return undefined;
  if (gate !== "AUDIT" && gate !== "CONFIRM") return undefined;
  if (verdict !== "PASS" && verdict !== "DENY") return undefined;
  return { delivery, task, attempt: number, gate, digest, verdict };
}
