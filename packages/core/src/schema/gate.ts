// Audit and confirm: one gate in two places (semantics, section 4).

import type { Static } from "typebox";
import { ParamScope } from "./param.ts";
import { closed, oneOf, Timestamp, titled } from "./scalars.ts";
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
    "ended before its decision. `EXPIRED` is kept for deadlines, which this version does not have.",
);
export type GateStage = Static<typeof GateStage>;

export const GateVerdict = oneOf(["PASS", "DENY"], "What a person decides.");
export type GateVerdict = Static<typeof GateVerdict>;

export const GateDecision = closed(
  {
    user: Type.String({ description: "Who decided." }),
    verdict: GateVerdict,
    comment: Type.Optional(Type.String({ description: "Why." })),
    at: titled("When they decided.", Timestamp),
    digest: Type.String({ description: "Digest of the content that was decided on." }),
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
    stage: GateStage,
    digest: Type.Optional(
      Type.String({ description: "SHA-256 of what is being decided on, set when it opens." }),
    ),
    openedAt: Type.Optional(titled("When it began to wait.", Timestamp)),
    closedAt: Type.Optional(titled("When it was decided or closed.", Timestamp)),
    decisions: Type.Array(GateDecision, { description: "In the order in which they were made." }),
  },
  { description: "An audit or a confirm of a task: its rules, and where it stands." },
);
export type Gate = Static<typeof Gate>;
