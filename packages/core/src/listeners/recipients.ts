// Who gets the message of an event, in the order in which they are told: people, robots, webhooks. Nobody gets the same
// message twice by the same way.

import type { Context } from "../change.ts";
import type { Recipient, RecipientPlace } from "../notice.ts";
import type { Gate } from "../schema/gate.ts";
import type { JobTask } from "../schema/job-task.ts";
import type { ImRobot, ListenerEvent, MentionUser, MentionWay, Webhook } from "../schema/listener.ts";
import type { RunDefinition } from "../schema/pipeline-task.ts";
import type { Scope } from "../schema/scalars.ts";
import { gateKindOf } from "./events.ts";
import { askedPeople, decidedPeople, listedPeople, usersOf } from "./gate-people.ts";
import { type Hearer, hearersOf } from "./hearers.ts";
import { robotKindOf } from "./robot-kind.ts";

/** How people are told who say nothing else. */
const DEFAULT_WAYS: readonly MentionWay[] = ["MAIL", "IM"];

/** The `Recipient.listener` of those who are told because they decide. */
export const GATE_LISTENER = "gate";

/** What happened where. */
export interface Occasion {
  definition: RunDefinition;
  type: ListenerEvent;
  scope: Scope;
  /** As it was then; absent when it happened to the run itself. */
  task?: JobTask;
  context: Pick<Context, "groupMembers" | "standInOf">;
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
  return peopleToldOf(waiting, mentionUsers)
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

/** People by user and way: those who decide first, for their message has the buttons. */
function peopleToldOf(occasion: Occasion, mentionUsers: readonly Hearer<MentionUser>[]): Recipient[] {
  const { type, scope, task, context } = occasion;
  const kind = gateKindOf(type);
  const gate = kind && task?.[kind === "AUDIT" ? "audit" : "confirm"];
  const told = new Map<string, Recipient>();
  const tell = (listener: string, user: string, ways: readonly MentionWay[]) => {
    for (const way of ways) {
      const key = `${user} ${way}`;
      if (!told.has(key)) told.set(key, send(listener, { kind: "USER", user, way }));
    }
  };
  if (gate && task) {
    for (const user of decidersToldOf(type, gate, task, context)) tell(GATE_LISTENER, user, DEFAULT_WAYS);
  }
  const isDone = gate && isReminder(type) ? decidedPeople(gate) : new Set<string>();
  for (const { path, listener } of mentionUsers) {
    for (const user of usersOf(listener.users, scope, context)) {
      if (!isDone.has(user)) tell(path, user, listener.ways ?? DEFAULT_WAYS);
    }
  }
  return [...told.values()];
}

function isReminder(type: ListenerEvent): boolean {
  return type === "AUDIT_REMIND" || type === "CONFIRM_REMIND";
}

/** Those who are told of the event because they are asked to decide. */
function decidersToldOf(
  type: ListenerEvent,
  gate: Gate,
  task: JobTask,
  context: Occasion["context"],
): ReadonlySet<string> {
  if (type === "AUDIT_WAITING" || type === "CONFIRM_WAITING") {
    return askedPeople(listedPeople(gate), gate, task, context);
  }
  if (isReminder(type)) return askedPeople(listedPeople(gate), gate, task, context, decidedPeople(gate));
  const isEscalated = type === "AUDIT_ESCALATED" || type === "CONFIRM_ESCALATED";
  return isEscalated ? askedPeople(gate.escalateTo ?? [], gate, task, context) : new Set();
}
