// The decision record: every decision, withdrawal, expiry and refused attempt, append-only, each row bound to the one
// before it by a hash, so that it can be proven later who decided what on which content (semantics, section 4).

import type { Static } from "typebox";
import { GateVerdict } from "./gate.ts";
import { closed, oneOf, Timestamp, titled } from "./scalars.ts";
import { Type } from "./type.ts";

/** From where somebody decided. */
export const DecisionSource = closed(
  {
    via: oneOf(
      ["API", "CLI", "WEB", "LINK", "FEISHU_APP", "DINGTALK_APP", "SLACK_APP"],
      "`LINK`: a link in a message. `..._APP`: a button of a card.",
    ),
    address: Type.Optional(Type.String({ description: "Network address of the caller." })),
    userAgent: Type.Optional(Type.String({ maxLength: 512, description: "What the caller calls itself." })),
    link: Type.Optional(Type.String({ description: "Id of the link or card that was used." })),
  },
  { description: "From where somebody decided." },
);
export type DecisionSource = Static<typeof DecisionSource>;

const record = {
  at: titled("When it happened.", Timestamp),
  domain: Type.String({ description: "Domain of the task." }),
  namespace: Type.String({ description: "Namespace of the task." }),
  pipelineTaskId: Type.Optional(Type.String({ description: "The run." })),
  taskId: Type.Optional(Type.String({ description: "The task." })),
  taskName: Type.Optional(Type.String({ description: "Name of the task." })),
  attempt: Type.Optional(Type.Integer({ description: "Attempt of the task." })),
  gate: Type.Optional(oneOf(["AUDIT", "CONFIRM"], "Which gate.")),
  act: oneOf(
    ["OPEN", "DECIDE", "WITHDRAW", "ESCALATE", "EXPIRE", "REFUSE"],
    "`REFUSE`: somebody tried what a rule forbids; nothing changed.",
  ),
  user: Type.Optional(Type.String({ description: "Who; none for timers, and callers who are not known." })),
  onBehalfOf: Type.Optional(Type.String({ description: "For whom they stood in." })),
  verdict: Type.Optional(GateVerdict),
  pushBackTo: Type.Optional(Type.String({ description: "The task that a PUSH_BACK lets run again." })),
  comment: Type.Optional(Type.String({ description: "Why." })),
  rule: Type.String({ description: "The rule by which they could, or that they broke, as a sentence." }),
  code: Type.Optional(Type.String({ description: "Of a refusal: its code in the error catalogue." })),
  digest: Type.Optional(Type.String({ description: "Digest of the content that it was about." })),
  source: Type.Optional(DecisionSource),
};

/** A record before the store chained it. */
export const NewDecisionRecord = closed(record);
export type NewDecisionRecord = Static<typeof NewDecisionRecord>;

export const DecisionRecord = closed(
  {
    seq: Type.Integer({ description: "Place in the record, from 1 without gaps." }),
    ...record,
    previous: Type.String({ description: "`hash` of the row before; 64 zeros in the first." }),
    hash: Type.String({ description: "SHA-256 of the canonical JSON of all other fields, in hex." }),
  },
  { description: "A row of the decision record." },
);
export type DecisionRecord = Static<typeof DecisionRecord>;
