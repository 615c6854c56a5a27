// The buttons of a message that asks somebody to decide: links that decide by themselves.

import { GATE_LISTENER } from "@mflow/core/listeners/recipients";
import type { DueDelivery } from "../store/store.ts";
import type { DecisionButton } from "./content.ts";
import type { DecisionLinks } from "./decision-links.ts";

/** How long a button serves when the gate has no end of its own. */
const LINK_LIFE_MS = 7 * 24 * 60 * 60_000;

/** For those who may decide: in a message to them, or in a group, where the page asks who it is. */
export function buttonsOf(
  { id, message, listener, user }: DueDelivery,
  links: DecisionLinks,
  now: number,
): Pick<DecisionButton, "verdict" | "url">[] | undefined {
  const { gate, task } = message;
  if (gate?.stage !== "WAITING" || gate.digest === undefined || !task) return undefined;
  if (user !== undefined && listener !== GATE_LISTENER) return undefined;
  // They may decide after an escalation too. A message of an older server does not say until when that is.
  const ends = gate.endsAt ?? gate.expiresAt;
  const expiresAt = ends === undefined ? now + LINK_LIFE_MS : Date.parse(ends);
  if (expiresAt <= now) return undefined;
  const link = {
    deliveryId: id,
    taskId: task.id,
    attempt: task.attempt,
    gate: gate.kind === "AUDIT" ? ("audit" as const) : ("confirm" as const),
    digest: gate.digest,
    ...(user !== undefined && { user }),
    expiresAt,
  };
  return (["PASS", "DENY"] as const).map((verdict) => ({ verdict, url: links.url(link, verdict) }));
}
