// Who gets the message of an event, in the order in which they are told: people, robots, webhooks. Nobody gets the same
// message twice by the same way.

import type { People } from "../deciders.ts";
import { resolvePeople } from "../gate.ts";
import type { Recipient, RecipientPlace } from "../notice.ts";
import type { Gate } from "../schema/gate.ts";
import type { JobTask } from "../schema/job-task.ts";
import type { ImRobot, ListenerEvent, MentionUser, MentionWay, Webhook } from "../schema/listener.ts";
import type { RunDefinition } from "../schema/pipeline-task.ts";
import type { Scope } from "../schema/scalars.ts";
import { gateKindOf } from "./events.ts";
import { askedPeople, decidedPeople } from "./gate-people.ts";
import { type Hearer, hearersOf } from "./hearers.ts";
import { robotKindOf } from "./robot-kind.ts";

/** The `Recipient.listener` of those who are told because they decide. */
export const GATE_LISTENER = "gate";

/** What happened where. */
export interface Occasion {
  definition: RunDefinition;
  type: ListenerEvent;
  scope: Scope;
  /** As it was then; absent when it happened to the run itself. */
  task?: JobTask;
  context: People;
}

/** Those who get the message. */
export function recipientsOf(occasion: Occasion): Recipient[] {
  const hearers = hearersOf(occasion.definition, occasion.type, occasion.task);
  return [
    ...peopleToldOf(occasion, hearers.mentionUsers),
    ...hearers.imRobots.map(({ path, listener }) => send(path, robotPlace(listener))),
    ...hearers.webhooks.map(({ path, listener }) => send(path, webhookPlace(listener))),
  ];
}

/**
 * Those whose card says that a gate waits, told again so that it shows what is true now: everybody who was told by IM.
 * Who that was is found as it was then; where no card was delivered nothing is updated.
 */
export function updatesOf(occasion: Omit<Occasion, "type">, kind: "AUDIT" | "CONFIRM"): Recipient[] {
  const waiting: Occasion = { ...occasion, type: `${kind}_WAITING` };
  const { mentionUsers } = hearersOf(waiting.definition, waiting.type, waiting.task);
  return peopleToldOf(waiting, mentionUsers, true)
    .filter(({ place }) => place.kind === "USER" && place.way === "IM")
    .map((recipient) => ({ ...recipient, action: "UPDATE" }));
}

function send(listener: string, place: RecipientPlace): Recipient {
  return { listener, action: "SEND", place };
}

function robotPlace({ url, channel, kind }: ImRobot): RecipientPlace {
  const robot = robotKindOf({ url, kind });
  return { kind: "ROBOT", ...addressOf({ url, channel }), ...(robot && { robot }) };
}

function webhookPlace({ url, channel }: Webhook): RecipientPlace {
  return { kind: "WEBHOOK", ...addressOf({ url, channel }) };
}

function addressOf({ url, channel }: { url?: string; channel?: string }) {
  return { ...(url !== undefined && { url }), ...(channel !== undefined && { channel }) };
}

/** People by user and way: those who decide first, for their message has the buttons. `all`: also who has decided. */
function peopleToldOf(
  { type, scope, task, context }: Occasion,
  mentionUsers: readonly Hearer<MentionUser>[],
  all = false,
): Recipient[] {
  const told = new Map<string, Recipient>();
  const tell = (listener: string, user: string, ways: readonly MentionWay[] = ["MAIL", "IM"]) => {
    for (const way of ways) {
      const key = `${user} ${way}`;
      if (!told.has(key)) told.set(key, send(listener, { kind: "USER", user, way }));
    }
  };
  const kind = gateKindOf(type);
  const gate = kind && task?.[kind === "AUDIT" ? "audit" : "confirm"];
  const done = gate && !all ? decidedPeople(gate) : new Set<string>();
  if (gate && task) {
    for (const user of askedPeople(namesToldOf(type, gate), gate, task, context, done)) {
      tell(GATE_LISTENER, user);
    }
  }
  const isReminder = type === "AUDIT_REMIND" || type === "CONFIRM_REMIND";
  for (const { path, listener } of mentionUsers) {
    for (const user of resolvePeople(listener.users, scope, context)) {
      if (!isReminder || !done.has(user)) tell(path, user, listener.ways);
    }
  }
  return [...told.values()];
}

/** Whom an event of the gate asks to decide, as they are listed. */
function namesToldOf(type: ListenerEvent, { people }: Gate): readonly string[] {
  switch (type) {
    case "AUDIT_WAITING":
    case "AUDIT_REMIND":
    case "CONFIRM_WAITING":
    case "CONFIRM_REMIND":
    // Those whom it is escalated to are among its people by then; those listed first may still decide, until later now.
    case "AUDIT_ESCALATED":
    case "CONFIRM_ESCALATED":
      return people;
    default:
      return [];
  }
}
