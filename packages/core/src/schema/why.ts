// Why a run or a task waits: the causes, each as a sentence and as facts.

import type { Static } from "typebox";
import { TaskStage } from "./job-task.ts";
import { closed, oneOf, Timestamp, titled } from "./scalars.ts";
import { Type } from "./type.ts";

/** Lists of tasks in a cause hold at most so many. */
export const MAX_LISTED = 10;

export const WHY_KINDS = [
  "IN_LINE",
  "AUDIT",
  "CONFIRM",
  "RETRY",
  "CREATING",
  "STATUS_CALL",
  "STOPPING",
  "CHILD_RUN",
  "FILES",
  "RUNS",
  "MATRIX_WIDTH",
  "STAGE_WIDTH",
  "TASKS",
  "STAGES",
  "TURN",
] as const;
export const WhyKind = oneOf(
  WHY_KINDS,
  "`IN_LINE`: a lock, a limit, a task slot or a pause is in the way. `AUDIT`, `CONFIRM`: people decide. `RETRY`: it is " +
    "tried again later. `CREATING`: its runner prepares it. `STATUS_CALL`: its work has ended and says how, or somebody outside does. `CHILD_RUN`: its work is another run. `FILES`: the store of its artifacts is away. `STOPPING`: it " +
    "is being stopped. `RUNS`: it waits for nothing. `MATRIX_WIDTH`, `STAGE_WIDTH`: `maxParallel` is reached. `TASKS`: it " +
    "comes after other tasks. `STAGES`: its stage comes after others. `TURN`: its turn has come just now.",
);
export type WhyKind = Static<typeof WhyKind>;

export const WhyTask = closed(
  {
    id: Type.String({ description: "Id of the task." }),
    name: Type.String({ description: "Name of the task." }),
    stageName: Type.Optional(Type.String({ description: "Name of its stage." })),
    stage: TaskStage,
  },
  { description: "A task and where it stands." },
);
export type WhyTask = Static<typeof WhyTask>;

export const WhyCause = closed(
  {
    kind: WhyKind,
    sentence: Type.String({ description: "The cause as a sentence, without its subject." }),
    tasks: Type.Optional(
      Type.Array(WhyTask, {
        description: `What is waited for; of a run what waits or runs. At most ${MAX_LISTED}.`,
      }),
    ),
    count: Type.Optional(Type.Integer({ description: "How many tasks those are altogether." })),
    stages: Type.Optional(
      Type.Array(Type.String(), { description: "Names of the stages that have to end before." }),
    ),
    key: Type.Optional(
      Type.String({ description: "What is in the way, such as `slots`, `group/...` or `sequence/...`." }),
    ),
    limit: Type.Optional(Type.Integer({ description: "How many may go on at once." })),
    held: Type.Optional(Type.Integer({ description: "How many go on now." })),
    holders: Type.Optional(
      Type.Array(Type.String(), { description: "Ids of runs and tasks that go on, the first of them." }),
    ),
    runId: Type.Optional(Type.String({ description: "The run that is its work." })),
    place: Type.Optional(Type.Integer({ description: "How many wait before it." })),
    people: Type.Optional(
      Type.Array(Type.String(), { description: "Who can decide, as far as names tell; `@group`s too." }),
    ),
    passed: Type.Optional(Type.Integer({ description: "How many have passed the gate." })),
    required: Type.Optional(Type.Integer({ description: "How many have to." })),
    attempt: Type.Optional(Type.Integer({ description: "The attempt that comes next." })),
    stopping: Type.Optional(oneOf(["TIMEOUT", "CANCEL"], "Why it is being stopped.")),
    reason: Type.Optional(Type.String({ description: "Why, as a code." })),
    message: Type.Optional(Type.String({ description: "Why, as somebody or the runner said it." })),
    by: Type.Optional(Type.String({ description: "Who paused or canceled it." })),
    since: Type.Optional(titled("Since when.", Timestamp)),
    until: Type.Optional(titled("Until when at the latest.", Timestamp)),
  },
  { description: "One cause, as a sentence and as facts." },
);
export type WhyCause = Static<typeof WhyCause>;

/** Why a run or task waits. */
export const Why = closed(
  {
    id: Type.String({ description: "Id of the run or task." }),
    name: Type.String({ description: "Its name." }),
    stage: Type.String({ description: "Where it stands." }),
    causes: Type.Array(WhyCause, { description: "What keeps it from its end now; none once it has ended." }),
  },
  { description: "Why a run or a task waits." },
);
export type Why = Static<typeof Why>;
