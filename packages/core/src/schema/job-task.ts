// A JobTask: one run of one task, in a pipeline or alone (semantics, section 3).

import type { Static } from "typebox";
import { ChildRun } from "./chain.ts";
import { Priority } from "./concurrency.ts";
import { Gate } from "./gate.ts";
import { Way } from "./matrix.ts";
import { EffectiveParam } from "./param.ts";
import { closed, Extension, Labels, oneOf, Timestamp, titled } from "./scalars.ts";
import { Type } from "./type.ts";

export const TASK_STAGES = [
  "PENDING",
  "SCHEDULING",
  "CREATING",
  "ACTIVE",
  "CANCELING",
  "CANCELED",
  "FAILED",
  "SUCCEEDED",
  "SKIPPED",
] as const;
export const TaskStage = oneOf(TASK_STAGES, "Where the task stands.");
export type TaskStage = Static<typeof TaskStage>;

/** How one step of a task went. */
export const StepStatus = closed(
  {
    name: Type.String({ description: "Name of the step." }),
    startAt: Type.Optional(titled("When it began.", Timestamp)),
    endAt: Type.Optional(titled("When it ended.", Timestamp)),
    durationMs: Type.Optional(Type.Number({ description: "How long it took, milliseconds." })),
    exitCode: Type.Optional(Type.Integer({ description: "Exit code of its first process." })),
    signal: Type.Optional(Type.String({ description: "The signal that ended it, e.g. `SIGKILL`." })),
    timedOut: Type.Optional(Type.Boolean({ description: "It was stopped for its timeout." })),
    peakMemoryBytes: Type.Optional(
      Type.Number({ description: "The most memory that its processes used together, bytes." }),
    ),
    peakMemorySource: Type.Optional(
      oneOf(
        ["CGROUP", "SAMPLED"],
        "`CGROUP`: the kernel counted. `SAMPLED`: looked at now and then, so that a short peak may be missed.",
      ),
    ),
  },
  { description: "How one step of a task went." },
);
export type StepStatus = Static<typeof StepStatus>;

/** The runner's result of an attempt, before a person confirmed it. */
export const Reported = closed(
  {
    stage: oneOf(["SUCCEEDED", "FAILED"], "What the work says of itself."),
    reason: Type.Optional(Type.String({ description: "Why, as a code." })),
    message: Type.Optional(Type.String({ description: "Why, as a sentence." })),
    at: titled("When it ended.", Timestamp),
  },
  { description: "The result of an attempt that waits for its confirm." },
);
export type Reported = Static<typeof Reported>;

export const JobTaskStatus = closed(
  {
    stage: TaskStage,
    reason: Type.Optional(
      Type.String({ description: "Why it is in this stage, as a code such as `EXIT_CODE`." }),
    ),
    message: Type.Optional(Type.String({ description: "The same as a sentence." })),
    detail: Type.Optional(Type.String({ description: "More, as the status call said it." })),
    extension: Type.Optional(titled("As the status calls said it.", Extension)),
    reported: Type.Optional(Reported),
    stopping: Type.Optional(oneOf(["TIMEOUT", "CANCEL"], "Why the runner was asked to stop it.")),
    dueAt: Type.Optional(titled("While it is stopped for its timeout: when its time was over.", Timestamp)),
    canceledBy: Type.Optional(
      Type.String({ description: "Who asked to cancel it; `failFast` for a sibling's failure." }),
    ),
    workGoneAt: Type.Optional(
      titled("With `manualUpdateStatus`: when the work ended; its status call is awaited.", Timestamp),
    ),
    child: Type.Optional(ChildRun),
    waitingSince: Type.Optional(
      titled("While it is SCHEDULING: since when it waits for its turn among others.", Timestamp),
    ),
    isForced: Type.Optional(
      Type.Boolean({ description: "It is stopped at once, without time to end by itself." }),
    ),
    retryAt: Type.Optional(titled("It waits until then to be tried again.", Timestamp)),
    startAt: Type.Optional(titled("When the work began.", Timestamp)),
    endAt: Type.Optional(titled("When the work ended.", Timestamp)),
    steps: Type.Optional(Type.Array(StepStatus, { description: "The steps that began, in their order." })),
    runtimeEnvs: Type.Optional(
      Type.Record(Type.String(), Type.String(), {
        description: "What the task put out; sensitive values are `***`.",
      }),
    ),
    markdownOutput: Type.Optional(Type.String({ description: "The markdown that the task put out." })),
  },
  { description: "Where an attempt stands, and how it got there." },
);
export type JobTaskStatus = Static<typeof JobTaskStatus>;

/** An attempt that ended and was followed by another. */
export const PastAttempt = closed(
  {
    attempt: Type.Integer({ description: "From 1." }),
    isRetried: Type.Optional(
      Type.Boolean({ description: "The next attempt followed by itself, as `retry` says." }),
    ),
    status: JobTaskStatus,
    audit: Type.Optional(Gate),
    confirm: Type.Optional(Gate),
  },
  { description: "An attempt that ended and was followed by another." },
);
export type PastAttempt = Static<typeof PastAttempt>;

/** The work of another run that a task stands for. */
export const TaskOrigin = closed(
  {
    runId: Type.String({ description: "The run in which the work was done." }),
    taskId: Type.String({ description: "The task that did it; its logs are there." }),
  },
  { description: "A task of another run." },
);
export type TaskOrigin = Static<typeof TaskOrigin>;

/** What a task of a run in mode ROLLBACK goes back to, or why it does not. */
export const TaskRollback = closed(
  {
    lastSuccess: Type.Optional(titled("The success that it goes back to.", TaskOrigin)),
    params: Type.Optional(
      Type.Array(EffectiveParam, {
        description: "What that success ran with; fills params of the same name.",
      }),
    ),
    skip: Type.Optional(
      closed(
        {
          reason: Type.String({ description: "Why it is skipped, as a code such as `NO_ROLLBACK`." }),
          message: Type.String({ description: "The same as a sentence." }),
        },
        { description: "Why it is not rolled back." },
      ),
    ),
  },
  { description: "What a task goes back to, or why it does not." },
);
export type TaskRollback = Static<typeof TaskRollback>;

export const JobTask = closed(
  {
    id: Type.String({ description: "`task-` and 26 characters, sortable by time." }),
    domain: Type.String({ description: "Domain that it belongs to." }),
    namespace: Type.String({ description: "Namespace in the domain." }),
    name: Type.String({ description: "Name of the task." }),
    pipelineTaskId: Type.Optional(
      Type.String({ description: "The run that it belongs to; none when it runs alone." }),
    ),
    stageName: Type.Optional(Type.String({ description: "Name of its stage." })),
    stageNumber: Type.Optional(Type.Integer({ description: "Number of its stage, from 1." })),
    taskNumber: Type.Optional(Type.Integer({ description: "From 1, within the stage." })),
    way: Type.Optional(Way),
    keptFrom: Type.Optional(
      titled("It did not run here: its work was done in that task, which a rerun kept.", TaskOrigin),
    ),
    rollback: Type.Optional(titled("In a run of mode ROLLBACK.", TaskRollback)),
    open: Type.Optional(Type.Boolean({ description: "Its turn in the run has come, and it has not ended." })),
    job: closed(
      {
        id: Type.String({ description: "Id of the job." }),
        name: Type.String({ description: "Name of the job." }),
        version: Type.String({ description: "Version of the job." }),
      },
      { description: "The job that it runs." },
    ),
    runnerType: Type.String({ description: "The runner that executes it." }),
    attempt: Type.Integer({ description: "Number of the present attempt, from 1; 0 until its turn comes." }),
    manualUpdateStatus: Type.Optional(
      Type.Boolean({ description: "Its stage comes from the status call alone." }),
    ),
    ignoreFailed: Type.Optional(Type.Boolean({ description: "The pipeline goes on when it FAILED." })),
    priority: Type.Optional(titled("Higher starts first; 0 is left out.", Priority)),
    group: Type.Optional(
      Type.String({ description: "The concurrency group that it is of, values filled in." }),
    ),
    timeoutMs: Type.Optional(Type.Number({ description: "How long it may take, milliseconds." })),
    labels: Type.Optional(titled("Those of job and task, and its search labels.", Labels)),
    params: Type.Optional(
      Type.Array(EffectiveParam, { description: "What it runs with; fixed when its turn comes." }),
    ),
    audit: Type.Optional(Gate),
    confirm: Type.Optional(Gate),
    status: JobTaskStatus,
    pastAttempts: Type.Optional(Type.Array(PastAttempt, { description: "Attempts before the present one." })),
    wakeAt: Type.Optional(titled("When the server looks at it again: its timeout or its grace.", Timestamp)),
    feedback: Type.Optional(
      Type.String({
        description: "Why a person pushed back to it; its attempt gets it as `MFLOW_FEEDBACK`.",
      }),
    ),
    pushBacks: Type.Optional(Type.Integer({ description: "How often its result was pushed back." })),
    fanIn: Type.Optional(
      Type.Record(Type.String(), Type.String(), {
        description:
          "Of the last way of a matrix that ended: the runtime envs of all ways, each as a list in JSON.",
      }),
    ),
    exportedAt: Type.Optional(
      Type.Integer({
        description:
          "Revision of the run at which its runtime envs were handed to later tasks; below 0: by a task that a rerun kept.",
      }),
    ),
    startedBy: Type.String({
      description: "Who started the run; for a task that was run again, who did that.",
    }),
    createdAt: titled("When it was made.", Timestamp),
    updatedAt: titled("When it was last changed.", Timestamp),
    revision: Type.Integer({ description: "Counts the changes; the ETag of the record." }),
  },
  { description: "One run of one task, in a pipeline or alone." },
);
export type JobTask = Static<typeof JobTask>;
