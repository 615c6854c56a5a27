// A notice: a message and those who get it, as a decision makes it. It is written in the decision's transaction, as
// one delivery per recipient, and sent by workers later.

import type { MentionWay, RobotKind } from "./schema/listener.ts";
import type { Message } from "./schema/message.ts";

/** Where a recipient hears it: a service, or a person by one of the ways. */
export type RecipientPlace =
  | { kind: "WEBHOOK"; url?: string; channel?: string }
  | { kind: "ROBOT"; url?: string; channel?: string; robot?: RobotKind }
  | { kind: "USER"; user: string; way: MentionWay };

export interface Recipient {
  /**
   * The listener, by its place in the run's definition: `task`, `pipeline` or `request`, then the list and the number in
   * it, e.g. `pipeline/webhooks/0` or `task/mentionUsers/1`. `gate`: those who decide.
   */
  listener: string;
  /** `UPDATE`: the card that told of the waiting gate is to show what is true now; nothing where there is none. */
  action: "SEND" | "UPDATE";
  place: RecipientPlace;
}

export interface Notice {
  message: Message;
  /** In the order in which they are told: mention users, robots, webhooks. */
  recipients: Recipient[];
}
