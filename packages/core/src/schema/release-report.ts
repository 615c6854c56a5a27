// The decision record as the API shows it: its rows, the proof that none was changed, and the release report of a run,
// which says who released what.

import type { Static } from "typebox";
import { DEFAULT_PAGE_SIZE, MAX_PAGE_SIZE, ScopeQuery } from "./api.ts";
import { DecisionRecord } from "./decision-record.ts";
import { GateName } from "./evidence.ts";
import { GateStage } from "./gate.ts";
import { Reported, TaskStage } from "./job-task.ts";
import { EffectiveParam, ParamValue } from "./param.ts";
import { RunStage, TriggerMode } from "./pipeline-task.ts";
import { closed, Labels, oneOf, Timestamp, titled } from "./scalars.ts";
import { Type } from "./type.ts";

const Hash = Type.String({ pattern: "^[0-9a-f]{64}$", description: "SHA-256 in hex." });

export const RecordListQuery = closed({
  ...ScopeQuery.properties,
  pipelineTaskId: Type.Optional(Type.String({ maxLength: 64, description: "Rows of this run." })),
  taskId: Type.Optional(Type.String({ maxLength: 64, description: "Rows of this task." })),
  after: Type.Optional(Type.Integer({ minimum: 0, description: "Rows after this place (default 0)." })),
  limit: Type.Optional(
    Type.Integer({ minimum: 1, maximum: MAX_PAGE_SIZE, description: `Default ${DEFAULT_PAGE_SIZE}.` }),
  ),
});
export type RecordListQuery = Static<typeof RecordListQuery>;

export const DecisionRecordPage = closed({
  items: Type.Array(DecisionRecord, { description: "Oldest first." }),
  nextAfter: Type.Optional(
    Type.Integer({ description: "Give it as `after` for the next page; absent on the last one." }),
  ),
});
export type DecisionRecordPage = Static<typeof DecisionRecordPage>;

/** A row that was noted elsewhere: rows up to it cannot have been made anew. */
export const VerifyQuery = closed({
  seq: Type.Optional(
    Type.Integer({ minimum: 1, description: "Place of a row whose hash you noted; needs `hash`." }),
  ),
  hash: Type.Optional(titled("The hash that the row must have; needs `seq`.", Hash)),
});
export type VerifyQuery = Static<typeof VerifyQuery>;

export const ChainVerdict = closed(
  {
    ok: Type.Boolean({ description: "Every row is bound to the one before it, and none was changed." }),
    rows: Type.Integer({ description: "How many rows were checked." }),
    lastSeq: Type.Integer({ description: "Place of the last row that is good; 0 when there is none." }),
    lastHash: titled("Hash of that row: note it elsewhere, and verify against it later.", Hash),
    bad: Type.Optional(
      closed(
        {
          seq: Type.Integer({ description: "Its place." }),
          reason: Type.String({ description: "What is wrong with it." }),
        },
        { description: "The first row that is wrong." },
      ),
    ),
  },
  { description: "Whether the decision record is whole." },
);
export type ChainVerdict = Static<typeof ChainVerdict>;

export const ReportFormat = oneOf(["json", "md"], "`md`: markdown.");
export type ReportFormat = Static<typeof ReportFormat>;

export const ReportQuery = closed({
  format: Type.Optional(
    titled("Default `json`, or markdown for who sends `Accept: text/markdown`.", ReportFormat),
  ),
});
export type ReportQuery = Static<typeof ReportQuery>;

/** A gate as it went, with every row that the record has of it. */
export const ReportedGate = closed(
  {
    gate: GateName,
    attempt: Type.Integer({ description: "Attempt of the task." }),
    stage: GateStage,
    people: Type.Array(Type.String(), { description: "Who was listed: user names and `@group` names." }),
    required: Type.Integer({ description: "How many different people had to pass." }),
    allowSelf: Type.Boolean({ description: "Who started the run could decide too." }),
    digest: Type.Optional(Type.String({ description: "Digest of what was decided on." })),
    openedAt: Type.Optional(titled("When it began to wait.", Timestamp)),
    closedAt: Type.Optional(titled("When it was decided or closed.", Timestamp)),
    records: Type.Array(DecisionRecord, { description: "Its rows of the decision record, refusals too." }),
  },
  { description: "A gate as it went." },
);
export type ReportedGate = Static<typeof ReportedGate>;

export const ReportedTask = closed(
  {
    id: Type.String({ description: "Id of the task." }),
    name: Type.String({ description: "Name of the task." }),
    stageName: Type.Optional(Type.String({ description: "Name of its stage." })),
    job: Type.String({ description: "The job, `name:version`." }),
    stage: TaskStage,
    attempt: Type.Integer({ description: "Number of its last attempt." }),
    reason: Type.Optional(Type.String({ description: "Why it is in this stage, as a code." })),
    message: Type.Optional(Type.String({ description: "The same as a sentence." })),
    reported: Type.Optional(Reported),
    startAt: Type.Optional(titled("When its work began.", Timestamp)),
    endAt: Type.Optional(titled("When its work ended.", Timestamp)),
    params: Type.Array(EffectiveParam, { description: "What it ran with; sensitive values are `***`." }),
    gates: Type.Array(ReportedGate, { description: "Of all attempts, in order." }),
  },
  { description: "A task of the run." },
);
export type ReportedTask = Static<typeof ReportedTask>;

export const ReleaseReport = closed(
  {
    run: closed(
      {
        id: Type.String({ description: "Id of the run." }),
        pipeline: Type.String({ description: "Name of the pipeline." }),
        domain: Type.String({ description: "Domain of the run." }),
        namespace: Type.String({ description: "Namespace of the run." }),
        stage: RunStage,
        reason: Type.Optional(Type.String({ description: "Why it is in this stage, as a code." })),
        message: Type.Optional(Type.String({ description: "The same as a sentence." })),
        runBy: Type.String({ description: "Who started it." }),
        triggerMode: TriggerMode,
        labels: Type.Optional(Labels),
        createdAt: titled("When it was started.", Timestamp),
        startAt: Type.Optional(titled("When it began.", Timestamp)),
        endAt: Type.Optional(titled("When it ended.", Timestamp)),
        params: Type.Array(ParamValue, { description: "Values of the run; sensitive ones are `***`." }),
      },
      { description: "The run." },
    ),
    tasks: Type.Array(ReportedTask, { description: "In the pipeline's order." }),
    otherRecords: Type.Array(DecisionRecord, {
      description: "Rows of the run that belong to none of the gates above.",
    }),
    proof: Type.Optional(
      closed(
        {
          firstSeq: Type.Integer({ description: "Place of the run's first row." }),
          previous: titled("Hash of the row before that.", Hash),
          lastSeq: Type.Integer({ description: "Place of the run's last row." }),
          hash: titled("Hash of that row.", Hash),
          ok: Type.Boolean({
            description: "All rows from the first to the last, of other runs too, are whole.",
          }),
          reason: Type.Optional(Type.String({ description: "What is wrong, when they are not." })),
        },
        { description: "The part of the chain that holds the run's rows; absent when it has none." },
      ),
    ),
    madeAt: titled("When the report was made.", Timestamp),
  },
  { description: "Who released what: a run with its tasks, decisions, and the proof of its record." },
);
export type ReleaseReport = Static<typeof ReleaseReport>;
