// Evidence: what somebody who decides a gate has to see. What it is about, what changed since it last went well, what
// earlier tasks said, how the work ended, who may decide and who has (semantics, section 4).

import type { Static } from "typebox";
import { LogLineBody } from "./api.ts";
import { Gate, GateDecision } from "./gate.ts";
import { Reported, StepStatus, TaskStage } from "./job-task.ts";
import { EffectiveParam } from "./param.ts";
import { closed, oneOf, Timestamp, titled } from "./scalars.ts";
import { Type } from "./type.ts";

export const GateName = oneOf(
  ["AUDIT", "CONFIRM"],
  "`AUDIT`: before the task runs. `CONFIRM`: of its result.",
);
export type GateName = Static<typeof GateName>;

export const EvidenceQuery = closed({
  gate: Type.Optional(
    titled("Which gate (default: the one that waits, else the one that was decided last).", GateName),
  ),
});
export type EvidenceQuery = Static<typeof EvidenceQuery>;

/** Somebody who may still decide. */
export const Decider = closed(
  {
    user: Type.String({ description: "Who is listed, by name or in a group." }),
    standIn: Type.Optional(
      Type.String({ description: "Who decides on their behalf now, for they are away." }),
    ),
  },
  { description: "Somebody who may still decide." },
);
export type Decider = Static<typeof Decider>;

/** The gate, and who may decide it now. */
export const EvidenceGate = closed(
  {
    kind: GateName,
    ...Gate.properties,
    mayDecide: Type.Array(Decider, {
      description:
        "Who may still decide: all who are listed, groups resolved, but for those who have or must not.",
    }),
  },
  { description: "The gate, and who may decide it now." },
);
export type EvidenceGate = Static<typeof EvidenceGate>;

export const ParamChange = closed(
  {
    name: Type.String({ description: "Name of the param." }),
    change: oneOf(
      ["ADDED", "CHANGED", "REMOVED", "UNKNOWN"],
      "What became of it; `UNKNOWN`: a sensitive one whose earlier value was sealed with a key that is gone.",
    ),
    before: Type.Optional(Type.String({ description: "`***` when it is sensitive." })),
    after: Type.Optional(Type.String({ description: "`***` when it is sensitive." })),
    sensitive: Type.Optional(
      Type.Boolean({ description: "Only that it changed is told, by comparing fingerprints." }),
    ),
  },
  { description: "A param that is not what it was." },
);
export type ParamChange = Static<typeof ParamChange>;

export const CommitChange = closed(
  {
    before: Type.String({ description: "Commit of the last success." }),
    after: Type.String({ description: "Commit of this run." }),
    url: Type.Optional(
      Type.String({
        description: "Page that compares the two, when `GIT_HTTP_URL` is of GitLab, GitHub or Gitea.",
      }),
    ),
  },
  { description: "The commits between, when both runs say theirs in `GIT_COMMIT_ID`." },
);
export type CommitChange = Static<typeof CommitChange>;

/** What is different from the last time that this task SUCCEEDED. */
export const SinceSuccess = closed(
  {
    taskId: Type.String({ description: "The task that SUCCEEDED last." }),
    pipelineTaskId: Type.Optional(Type.String({ description: "Its run." })),
    endAt: Type.Optional(titled("When it ended.", Timestamp)),
    startedBy: Type.String({ description: "Who started it." }),
    job: Type.Optional(
      closed(
        { before: Type.String({ description: "Then." }), after: Type.String({ description: "Now." }) },
        { description: "Version of the job, when it is another." },
      ),
    ),
    params: Type.Array(ParamChange, { description: "Params that are not what they were, by name." }),
    commits: Type.Optional(CommitChange),
  },
  { description: "What is different from the last time that this task SUCCEEDED." },
);
export type SinceSuccess = Static<typeof SinceSuccess>;

/** What people decided on the same gate before. */
export const EarlierDecision = closed(
  {
    taskId: Type.String({ description: "The task: this one, or the one that SUCCEEDED last." }),
    attempt: Type.Integer({ description: "Its attempt." }),
    ...GateDecision.properties,
  },
  { description: "A decision on the same gate in an earlier attempt, or when it last SUCCEEDED." },
);
export type EarlierDecision = Static<typeof EarlierDecision>;

/** What a task that ran before put out. */
export const EarlierTask = closed(
  {
    taskId: Type.String({ description: "Id of the task." }),
    name: Type.String({ description: "Name of the task." }),
    stageName: Type.Optional(Type.String({ description: "Name of its stage." })),
    stage: TaskStage,
    runtimeEnvs: Type.Optional(
      Type.Record(Type.String(), Type.String(), { description: "Sensitive values are `***`." }),
    ),
    markdownOutput: Type.Optional(Type.String({ description: "Cut at 8,192 characters." })),
  },
  { description: "What a task of the run that ended before put out." },
);
export type EarlierTask = Static<typeof EarlierTask>;

export const EvidenceLink = closed(
  {
    label: Type.String({ description: "What is there." }),
    url: Type.String({ description: "An http or https address." }),
  },
  { description: "Where there is more." },
);
export type EvidenceLink = Static<typeof EvidenceLink>;

export const Evidence = closed(
  {
    taskId: Type.String({ description: "Id of the task." }),
    name: Type.String({ description: "Name of the task." }),
    stageName: Type.Optional(Type.String({ description: "Name of its stage." })),
    attempt: Type.Integer({ description: "Attempt of the task." }),
    stage: TaskStage,
    domain: Type.String({ description: "Domain of the task." }),
    namespace: Type.String({ description: "Namespace of the task." }),
    startedBy: Type.String({ description: "Who started the run." }),
    run: Type.Optional(
      closed(
        {
          id: Type.String({ description: "Id of the run." }),
          name: Type.String({ description: "Name of the pipeline." }),
        },
        { description: "The run; none for a task that runs alone." },
      ),
    ),
    gate: Type.Optional(EvidenceGate),
    content: closed(
      {
        job: closed(
          {
            name: Type.String({ description: "Name of the job." }),
            version: Type.String({ description: "Version of the job." }),
          },
          { description: "The job that it runs." },
        ),
        params: Type.Array(EffectiveParam, { description: "What it runs with; none before its turn." }),
        spec: Type.Optional(
          Type.Record(Type.String(), Type.Unknown(), { description: "The rendered runner spec, masked." }),
        ),
      },
      { description: "What is decided on; the gate's `digest` stands for all of it." },
    ),
    result: Type.Optional(
      closed(
        {
          reported: Reported,
          durationMs: Type.Optional(Type.Number({ description: "How long it took, milliseconds." })),
          steps: Type.Optional(Type.Array(StepStatus, { description: "How its steps went." })),
          runtimeEnvs: Type.Optional(
            Type.Record(Type.String(), Type.String(), { description: "Sensitive values are `***`." }),
          ),
          markdownOutput: Type.Optional(Type.String({ description: "Cut at 8,192 characters." })),
        },
        { description: "Of a confirm: how the work ended; the digest stands for it too." },
      ),
    ),
    feedback: Type.Optional(
      Type.String({ description: "Why a person pushed back to this task, when somebody did." }),
    ),
    sinceSuccess: Type.Optional(SinceSuccess),
    earlierDecisions: Type.Array(EarlierDecision, {
      description: "Of earlier attempts, the newest first; then of the last success.",
    }),
    earlierTasks: Type.Array(EarlierTask, {
      description:
        "Tasks of the run that ended before and put something out, in the pipeline's order; at most 100.",
    }),
    log: Type.Optional(
      Type.Array(LogLineBody, { description: "Of a confirm: the last lines of the task's log." }),
    ),
    links: Type.Array(EvidenceLink, { description: "Where there is more." }),
  },
  { description: "What somebody who decides a gate has to see." },
);
export type Evidence = Static<typeof Evidence>;
