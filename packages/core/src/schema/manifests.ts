// What goes with manifests over the API: apply with prune, diff, lint.

import type { Static } from "typebox";
import { ErrorDetailBody } from "./error-body.ts";
import { closed, FreeKey, mapOf, Name, oneOf, titled } from "./scalars.ts";
import { Type } from "./type.ts";

/** Manifests as YAML text, or as parsed documents. */
const manifestsInput = {
  manifests: Type.Optional(Type.String({ description: "YAML text of one or more documents." })),
  documents: Type.Optional(Type.Array(Type.Unknown(), { maxItems: 1024, description: "Parsed documents." })),
  file: Type.Optional(Type.String({ maxLength: 1024, description: "Named in problems." })),
  domain: Type.Optional(titled("For documents that name none.", Name)),
  namespace: Type.Optional(titled("For documents that name none.", Name)),
};

const manifestsRule =
  "`manifests` or `documents`; `domain` and `namespace` are for documents that name none.";

export const LintRequest = closed(manifestsInput, { description: manifestsRule });
export type LintRequest = Static<typeof LintRequest>;

export const LintResult = closed({
  problems: Type.Array(ErrorDetailBody, {
    description: "Errors and warnings, in the order of the documents.",
  }),
});
export type LintResult = Static<typeof LintResult>;

export const ApplyRequest = closed(
  {
    ...manifestsInput,
    dryRun: Type.Optional(Type.Boolean({ description: "Says what would happen; stores nothing." })),
    prune: Type.Optional(
      closed(
        {
          labels: mapOf(FreeKey, Type.String({ maxLength: 512 }), {
            maxProperties: 16,
            description: "All of them; at least one.",
          }),
        },
        {
          description:
            "Deletes jobs, pipelines and schedules of `domain` and `namespace` that have these labels and that no document is about, together with the apply. What cannot be deleted is kept. Needs admin.",
        },
      ),
    ),
  },
  { description: manifestsRule },
);
export type ApplyRequest = Static<typeof ApplyRequest>;

export const ApplyAction = oneOf(["CREATED", "UPDATED", "UNCHANGED"], "What became of a document.");
export type ApplyAction = Static<typeof ApplyAction>;

export const AppliedDocument = closed({
  kind: oneOf(["Job", "Pipeline", "Schedule", "Cluster", "Limit"], "What it describes."),
  id: Type.String({ description: "Of a dry run's new record it is empty; of a cluster or limit its name." }),
  domain: Type.Optional(Type.String({ description: "Domain of the record; a cluster or limit has none." })),
  namespace: Type.Optional(
    Type.String({ description: "Namespace of the record; a cluster or limit has none." }),
  ),
  name: Type.String({ description: "Name of the record." }),
  version: Type.Optional(Type.String({ description: "Of a job." })),
  stage: Type.Optional(Type.String({ description: "Of a job." })),
  action: ApplyAction,
});
export type AppliedDocument = Static<typeof AppliedDocument>;

export const PrunedRecord = closed({
  kind: oneOf(["Job", "Pipeline", "Schedule"], "What it is."),
  id: Type.String({ description: "Id of the record." }),
  domain: Type.String({ description: "Domain of the record." }),
  namespace: Type.String({ description: "Namespace of the record." }),
  name: Type.String({ description: "Name of the record." }),
  version: Type.Optional(Type.String({ description: "Of a job." })),
  stage: Type.Optional(Type.String({ description: "Of a job." })),
  action: oneOf(["DELETED", "KEPT"], "`KEPT`: it cannot be deleted."),
  reason: Type.Optional(Type.String({ description: "Why it is kept." })),
});
export type PrunedRecord = Static<typeof PrunedRecord>;

export const ApplyResult = closed({
  documents: Type.Array(AppliedDocument, { description: "In the order of the request." }),
  pruned: Type.Optional(
    Type.Array(PrunedRecord, {
      description: "With `prune`: what no document is about, and what became of it.",
    }),
  ),
  warnings: Type.Array(ErrorDetailBody, { description: "What may do something else than was meant." }),
});
export type ApplyResult = Static<typeof ApplyResult>;

export const DiffRequest = closed(manifestsInput, { description: manifestsRule });
export type DiffRequest = Static<typeof DiffRequest>;

export const FieldChangeBody = closed({
  op: oneOf(["ADDED", "REMOVED", "CHANGED"], "What an apply would do to the field."),
  path: Type.String({
    description:
      "The field, e.g. `spec.stages.build.tasks.test.timeout`; stages, tasks and params by their names. Of a list whose order alone differs ` (order)` follows.",
  }),
  before: Type.Optional(Type.Unknown({ description: "As it is stored; a secret is `***`." })),
  after: Type.Optional(Type.Unknown({ description: "As the document says; a secret is `***`." })),
});
export type FieldChangeBody = Static<typeof FieldChangeBody>;

export const DiffedDocument = closed({
  kind: oneOf(["Job", "Pipeline", "Schedule", "Cluster", "Limit"], "What it describes."),
  domain: Type.Optional(Type.String({ description: "Domain of the record; a cluster or limit has none." })),
  namespace: Type.Optional(
    Type.String({ description: "Namespace of the record; a cluster or limit has none." }),
  ),
  name: Type.String({ description: "Name of the record." }),
  version: Type.Optional(Type.String({ description: "Of a job." })),
  action: oneOf(["CREATED", "CHANGED", "UNCHANGED"], "What an apply would do."),
  changes: Type.Array(FieldChangeBody, { description: "Of a new record none: all of it is new." }),
  refusal: Type.Optional(Type.String({ description: "Why an apply would be refused, e.g. a frozen spec." })),
});
export type DiffedDocument = Static<typeof DiffedDocument>;

export const DiffResult = closed({
  documents: Type.Array(DiffedDocument, { description: "In the order of the request." }),
  warnings: Type.Array(ErrorDetailBody, { description: "What may do something else than was meant." }),
});
export type DiffResult = Static<typeof DiffResult>;
