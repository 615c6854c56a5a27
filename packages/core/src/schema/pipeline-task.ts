// A PipelineTask: one run of a pipeline, with a snapshot of its definition (semantics, section 5).

import type { Static } from "typebox";
import { NextRun, originProperties } from "./chain.ts";
import { HeldKey, Priority } from "./concurrency.ts";
import { AddedAuditor } from "./gate.ts";
import { JobSnapshot } from "./job.ts";
import { listenerProperties } from "./listener.ts";
import { ParamValue } from "./param.ts";
import { Paused } from "./pause.ts";
import { PipelineSpec, TaskSpec } from "./pipeline.ts";
import { closed, Labels, oneOf, Timestamp, titled } from "./scalars.ts";
import { Type } from "./type.ts";

export const RUN_STAGES = ["PENDING", "ACTIVE", "CANCELING", "CANCELED", "FAILED", "SUCCEEDED"] as const;
export const RunStage = oneOf(RUN_STAGES, "Where the run stands.");
export type RunStage = Static<typeof RunStage>;

export const TriggerMode = oneOf(
  ["MANUAL", "EVENT", "APPROVAL", "SCHEDULE", "PIPELINE"],
  "What started the run (default `MANUAL`).",
);
export type TriggerMode = Static<typeof TriggerMode>;

export const RunMode = oneOf(
  ["RUN", "ROLLBACK"],
  "`ROLLBACK`: its tasks go back to what they ran with when they last succeeded. Tasks see it as `MFLOW_MODE`.",
);
export type RunMode = Static<typeof RunMode>;

export const RerunMode = oneOf(
  ["ALL", "FAILED", "FROM"],
  "What runs again: `ALL` tasks; those that `FAILED` or did not run; or one task, which `from` names, and all after it.",
);
export type RerunMode = Static<typeof RerunMode>;

/** Of which run another one is the rerun, and how. */
export const RerunOf = closed(
  {
    runId: Type.String({ description: "The run that was run again." }),
    mode: RerunMode,
    from: Type.Optional(Type.String({ description: "With `FROM`: the task." })),
  },
  { description: "Of which run it is the rerun." },
);
export type RerunOf = Static<typeof RerunOf>;

/** How far a run has come; kept on the run so that nobody has to count its tasks. */
export const Progress = closed(
  {
    tasks: Type.Integer({ description: "Its tasks; of a matrix each way." }),
    open: Type.Integer({ description: "Tasks whose turn has come and that have not ended." }),
    ended: Type.Integer({ description: "Tasks that have ended, SKIPPED ones included." }),
  },
  { description: "How far a run has come." },
);
export type Progress = Static<typeof Progress>;

/** With `holdLock: false`: the lock is not held now. */
export const LetGoLock = closed(
  {
    state: oneOf(
      ["LET_GO", "WANTED"],
      "`LET_GO` while the run waits for people alone; `WANTED` once something is to start, and waits for the lock.",
    ),
    since: titled("Since when.", Timestamp),
  },
  { description: "The run has let its sequence lock go, and takes it again before anything of it starts." },
);

export const PipelineTaskStatus = closed(
  {
    stage: RunStage,
    failing: Type.Optional(Type.Boolean({ description: "A task failed: nothing more starts." })),
    windingUp: Type.Optional(
      oneOf(
        ["FAIL", "CANCEL", "FINALLY"],
        "What had not started when it failed or was canceled has been ended; `FINALLY`: its `finally` stages too.",
      ),
    ),
    reason: Type.Optional(Type.String({ description: "Why it is in this stage, as a code." })),
    message: Type.Optional(Type.String({ description: "The same as a sentence." })),
    canceledBy: Type.Optional(Type.String({ description: "Who canceled it." })),
    paused: Type.Optional(titled("Since when nothing new of it starts, and who said so.", Paused)),
    lock: Type.Optional(LetGoLock),
    isForced: Type.Optional(
      Type.Boolean({ description: "It is canceled at once: what runs has no time to end by itself." }),
    ),
    startAt: Type.Optional(titled("When it began.", Timestamp)),
    endAt: Type.Optional(titled("When it ended.", Timestamp)),
    next: Type.Optional(NextRun),
    outcome: Type.Optional(
      oneOf(
        ["SUCCEEDED", "FAILED", "CANCELED"],
        "How its stages ended: from now on its `finally` stages run.",
      ),
    ),
    progress: Progress,
    wantedStages: Type.Optional(
      Type.Array(Type.Integer(), {
        description: "Numbers of the stages whose `when` was true at their turn; it is not asked again.",
      }),
    ),
    expiredStages: Type.Optional(
      Type.Array(Type.Integer(), { description: "Numbers of the stages whose `timeout` is over." }),
    ),
  },
  { description: "Where a run stands." },
);
export type PipelineTaskStatus = Static<typeof PipelineTaskStatus>;

export const PipelineTask = closed(
  {
    id: Type.String({ description: "`run-` and 26 characters, sortable by time." }),
    domain: Type.String({ description: "Domain that it belongs to." }),
    namespace: Type.String({ description: "Namespace in the domain." }),
    name: Type.String({ description: "The pipeline's name." }),
    pipelineId: Type.Optional(Type.String({ description: "The stored pipeline, when there is one." })),
    labels: Type.Optional(titled("Those of the request, laid over those of the pipeline.", Labels)),
    triggerMode: TriggerMode,
    runBy: Type.String({ description: "Who started it." }),
    mode: Type.Optional(RunMode),
    rerunOf: Type.Optional(RerunOf),
    rollbackOf: Type.Optional(Type.String({ description: "The run that it rolls back." })),
    priority: Type.Optional(titled("Of the run and its tasks; 0 is left out.", Priority)),
    group: Type.Optional(
      Type.String({ description: "The concurrency group that it is of, values filled in." }),
    ),
    needs: Type.Optional(
      Type.Array(HeldKey, { description: "What it must hold to begin, and holds until it ends." }),
    ),
    lockKey: Type.Optional(
      Type.String({ description: "The sequence lock that the run holds until it ends." }),
    ),
    ...originProperties,
    status: PipelineTaskStatus,
    wakeAt: Type.Optional(
      titled("When the server looks at it again: its timeout or that of a stage.", Timestamp),
    ),
    deadlines: Type.Optional(
      closed(
        {
          run: Type.Optional(titled("When the run's `timeout` is over.", Timestamp)),
          stages: Type.Optional(
            Type.Record(Type.String(), Timestamp, { description: "By number of the stage, from 1." }),
          ),
        },
        { description: "When timeouts of the run and of stages under way are over." },
      ),
    ),
    createdAt: titled("When it was made.", Timestamp),
    updatedAt: titled("When it, or one of its tasks, was last changed.", Timestamp),
    revision: Type.Integer({ description: "Counts the changes; the ETag of the record." }),
  },
  { description: "One run of a pipeline." },
);
export type PipelineTask = Static<typeof PipelineTask>;

/**
 * What a run or a lone task was asked to do. Written once, never changed: the jobs by id, the pipeline
 * (or the one task of a lone run), and the values of the run request. Its tasks say where in it they stand.
 */
export const RunDefinition = closed(
  {
    jobs: Type.Record(Type.String(), JobSnapshot, { description: "The jobs of its tasks, by id." }),
    pipeline: Type.Optional(titled("The pipeline as it was; none for a lone task.", PipelineSpec)),
    task: Type.Optional(titled("The one task of a lone run.", TaskSpec)),
    runParams: Type.Array(ParamValue, { description: "The values of the run request." }),
    mode: Type.Optional(RunMode),
    auditors: Type.Optional(Type.Array(AddedAuditor, { description: "Added by the run request." })),
    listeners: Type.Optional(closed(listenerProperties, { description: "Added by the run request." })),
    documents: Type.Optional(
      Type.String({
        description: "The documents of the request, sealed, for the runs that this one starts.",
      }),
    ),
  },
  { description: "What a run or a lone task was asked to do: the snapshot of its definition." },
);
export type RunDefinition = Static<typeof RunDefinition>;
