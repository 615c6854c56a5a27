// How long ended runs are kept: what a pipeline says of its own, and what people are told of runs that go.

import type { Static } from "typebox";
import { closed, Duration, Name, oneOf, Timestamp, titled } from "./scalars.ts";
import { Type } from "./type.ts";

const MAX_RETAINED_RUNS = 1_000_000;

const ruleProperties = {
  maxAge: Type.Optional(titled("Runs that ended longer ago are deleted.", Duration)),
  maxRuns: Type.Optional(
    Type.Integer({
      minimum: 1,
      maximum: MAX_RETAINED_RUNS,
      description: "Only so many are kept, those that ended last.",
    }),
  ),
};

export const RetentionRule = closed(ruleProperties, {
  description: "Which ended runs go; with neither `maxAge` nor `maxRuns` all stay.",
});
export type RetentionRule = Static<typeof RetentionRule>;

export const Retention = closed(
  {
    ...ruleProperties,
    failed: Type.Optional(
      titled(
        "Instead of the above, for runs that FAILED or were CANCELED; they are counted by themselves.",
        RetentionRule,
      ),
    ),
  },
  {
    description:
      "Which ended runs are deleted, with their tasks, logs and messages (default: as the server says). An empty one keeps all.",
  },
);
export type Retention = Static<typeof Retention>;

export const CleanupRequest = closed(
  {
    pipeline: Type.Optional(titled("Only runs of this pipeline.", Name)),
    job: Type.Optional(titled("Only tasks of this job that ran alone.", Name)),
    retention: Type.Optional(titled("Instead of what the pipelines and the server say.", Retention)),
    dryRun: Type.Optional(Type.Boolean({ description: "Says which runs would go; deletes nothing." })),
  },
  { description: "Which runs are looked at; left out: all of the scope." },
);
export type CleanupRequest = Static<typeof CleanupRequest>;

/** A run, or a task that ran alone, that retention lets go. */
export const SurplusRun = closed(
  {
    id: Type.String({ description: "Of the run or task." }),
    kind: oneOf(["RUN", "TASK"], "A run of a pipeline, or a task that ran alone."),
    domain: Type.String({ description: "Domain that it belongs to." }),
    namespace: Type.String({ description: "Namespace in the domain." }),
    name: Type.String({ description: "The pipeline of the run, or the job of the task." }),
    succeeded: Type.Boolean({ description: "Whether it SUCCEEDED." }),
    endedAt: titled("When it ended.", Timestamp),
    because: Type.String({ description: "The rule that lets it go, e.g. `maxRuns: 20`." }),
  },
  { description: "An ended run that its rule lets go." },
);
export type SurplusRun = Static<typeof SurplusRun>;

export const CleanupResult = closed({
  items: Type.Array(SurplusRun, {
    description: "The runs that went, or would go in a dry run: the oldest of each pipeline first.",
  }),
  hasMore: Type.Boolean({
    description: "There are more than one answer names: ask again once these are gone.",
  }),
});
export type CleanupResult = Static<typeof CleanupResult>;
