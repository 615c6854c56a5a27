// Audit and confirm: one gate in two places (semantics, section 4).

import type { Static } from "typebox";
import { ParamScope } from "./param.ts";
import { closed, Duration, oneOf, Timestamp, titled } from "./scalars.ts";
import { Type } from "./type.ts";

const People = Type.Array(Type.String({ pattern: "^@?[a-z0-9][a-z0-9._-]*$", maxLength: 64 }), {
  maxItems: 64,
  description: "User names and `@group` names; `@everyone` is everybody who may act in the scope.",
});

const rules = {
  enable: Type.Optional(
    Type.Boolean({ description: "A gate that is not enabled is passed (default true)." }),
  ),
  required: Type.Optional(
    Type.Integer({
      minimum: 1,
      maximum: 64,
      description: "How many different people must pass (default 1).",
    }),
  ),
  allowSelf: Type.Optional(
    Type.Boolean({ description: "Who started the run may decide too (default false)." }),
  ),
  expiresIn: Type.Optional(titled("How long it waits for decisions (default: for ever).", Duration)),
  onExpire: Type.Optional(
    oneOf(
      ["DENY", "ESCALATE"],
      "Then: `DENY` (default) fails the task; `ESCALATE` asks `escalateTo` too, for as long again.",
    ),
  ),
  escalateTo: Type.Optional(titled("Who may decide too once it was escalated.", People)),
  remindEvery: Type.Optional(titled("Reminds those who have not decided (default: never).", Duration)),
};

/** People who must pass a task before it may run. */
export const AuditSpec = closed(
  {
    ...rules,
    auditors: Type.Optional(titled("Who may decide; without anybody the audit is passed.", People)),
  },
  { description: "People who must pass a task before it may run." },
);
export type AuditSpec = Static<typeof AuditSpec>;

/** People who must accept a task's result before the pipeline goes on. */
export const ConfirmSpec = closed(
  {
    ...rules,
    checkers: Type.Optional(titled("Who may decide; without anybody the confirm is passed.", People)),
    maxPushBacks: Type.Optional(
      Type.Integer({
        minimum: 0,
        maximum: 100,
        description: "How often a result may be pushed back to an earlier task (default 3).",
      }),
    ),
  },
  { description: "People who must accept a task's result before the pipeline goes on." },
);
export type ConfirmSpec = Static<typeof ConfirmSpec>;

/** An auditor whom a run request adds to the audits that its scope matches. */
export const AddedAuditor = closed(
  {
    name: Type.String({
      pattern: "^@?[a-z0-9][a-z0-9._-]*$",
      maxLength: 64,
      description: "Name of a user, or `@group`.",
    }),
    scope: Type.Optional(titled("The stages and tasks whose audit they join (default: all).", ParamScope)),
  },
  { description: "An auditor whom a run request adds to audits." },
);
export type AddedAuditor = Static<typeof AddedAuditor>;

export const GateStage = oneOf(
  ["PENDING", "WAITING", "PASS", "DENY", "EXPIRED", "CLOSED"],
  "`PENDING` until it opens, `WAITING` while people decide, `PASS` or `DENY` once they have; `CLOSED`: the task " +
    "ended before its decision; `EXPIRED`: nobody decided in time.",
);
export type GateStage = Static<typeof GateStage>;

export const GateVerdict = oneOf(
  ["PASS", "DENY", "PUSH_BACK"],
  "What a person decides. `PUSH_BACK`, of a confirm alone, lets an earlier task run again with feedback.",
);
export type GateVerdict = Static<typeof GateVerdict>;

export const GateDecision = closed(
  {
    user: Type.String({ description: "Who decided." }),
    onBehalfOf: Type.Optional(Type.String({ description: "For whom they stood in, who was away." })),
    verdict: GateVerdict,
    comment: Type.Optional(Type.String({ description: "Why." })),
    at: titled("When they decided.", Timestamp),
    digest: Type.String({ description: "Digest of the content that was decided on." }),
    pushBackTo: Type.Optional(Type.String({ description: "The task that a PUSH_BACK lets run again." })),
    withdrawnAt: Type.Optional(titled("When they took it back; it counts no more.", Timestamp)),
  },
  { description: "The decision of one person." },
);
export type GateDecision = Static<typeof GateDecision>;

/** A gate of a task: its rules as they apply to this run, and where it stands. */
export const Gate = closed(
  {
    people: Type.Array(Type.String(), { description: "Who is listed: user names and `@group` names." }),
    required: Type.Integer({ description: "How many different people must pass." }),
    allowSelf: Type.Boolean({ description: "Who started the run may decide too." }),
    expiresInMs: Type.Optional(
      Type.Number({ description: "How long it waits for decisions, milliseconds." }),
    ),
    escalateTo: Type.Optional(
      Type.Array(Type.String(), { description: "Who is asked too when nobody decides in time." }),
    ),
    remindEveryMs: Type.Optional(
      Type.Number({ description: "How often people are reminded, milliseconds." }),
    ),
    maxPushBacks: Type.Optional(Type.Integer({ description: "How often a result may be pushed back." })),
    stage: GateStage,
    digest: Type.Optional(
      Type.String({ description: "SHA-256 of what is being decided on, set when it opens." }),
    ),
    openedAt: Type.Optional(titled("When it began to wait.", Timestamp)),
    expiresAt: Type.Optional(titled("When it ends, or is escalated, undecided.", Timestamp)),
    remindAt: Type.Optional(titled("When people are reminded next.", Timestamp)),
    escalatedAt: Type.Optional(titled("When `escalateTo` was asked too.", Timestamp)),
    closedAt: Type.Optional(titled("When it was decided or closed.", Timestamp)),
    decisions: Type.Array(GateDecision, { description: "In the order in which they were made." }),
  },
  { description: "An audit or a confirm of a task: its rules, and where it stands." },
);
export type Gate = Static<typeof Gate>;
