// A limit: how many tasks of a scope or of a type of runner may be under way at once. Set by an admin; what pipelines
// and jobs say for themselves holds besides.

import type { Static } from "typebox";
import { closed, Timestamp, titled } from "./scalars.ts";
import { Type } from "./type.ts";

/**
 * What a limit can be for. `PIPELINE` tasks are not limited: they wait for other runs, whose tasks are. `MANUAL` ones do
 * nothing while they wait; a limit of their own type counts them, and no other does.
 */
export const LIMIT_PATTERN =
  "^(scope/[a-z0-9][a-z0-9_-]{0,62}(/[a-z0-9][a-z0-9_-]{0,62})?|runner/(K8S_JOB|SHELL|FAKE|MANUAL))$";

export const LimitName = Type.String({
  pattern: LIMIT_PATTERN,
  description:
    "`scope/DOMAIN`, `scope/DOMAIN/NAMESPACE`, or `runner/TYPE` with one of `K8S_JOB`, `SHELL`, `FAKE` and `MANUAL`.",
});

export const LimitSpec = closed(
  {
    maxTasks: Type.Integer({
      minimum: 1,
      maximum: 100000,
      description:
        "Tasks under way at once; more wait for their turn. Those of a scope without its `PIPELINE` and `MANUAL` tasks, which do nothing but wait.",
    }),
  },
  { description: "How many." },
);
export type LimitSpec = Static<typeof LimitSpec>;

export const LimitManifest = closed(
  {
    kind: Type.Literal("Limit", { description: "What the document describes." }),
    metadata: closed(
      { name: titled("What is limited.", LimitName) },
      { description: "What names the limit." },
    ),
    spec: LimitSpec,
  },
  { description: "How many tasks of a scope or a type of runner may be under way at once." },
);
export type LimitManifest = Static<typeof LimitManifest>;

/** A stored limit. */
export const Limit = closed(
  {
    name: titled("What is limited.", LimitName),
    spec: LimitSpec,
    createdBy: Type.String({ description: "Who made it." }),
    createdAt: titled("When it was made.", Timestamp),
    updatedAt: titled("When it was last changed.", Timestamp),
    revision: Type.Integer({ description: "Counts the changes; the ETag of the record." }),
  },
  { description: "How many tasks of a scope or a type of runner may be under way at once." },
);
export type Limit = Static<typeof Limit>;

export const PutLimitRequest = closed({ spec: LimitSpec });
export type PutLimitRequest = Static<typeof PutLimitRequest>;

export const LimitPage = closed({
  items: Type.Array(Limit, { description: "By name." }),
});
