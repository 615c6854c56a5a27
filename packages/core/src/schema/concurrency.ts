// How many at once, who goes first and who waits: groups, queues and priorities of pipelines, tasks and requests.

import type { Static } from "typebox";
import { closed } from "./scalars.ts";
import { Type } from "./type.ts";

/** Runs that may wait for one sequence lock unless the pipeline says otherwise. */
export const DEFAULT_QUEUE_LENGTH = 100;

const GROUP_PATTERN = "^[A-Za-z0-9._${}-]+$";
/** What a group's name is once its values are filled in. */
export const GROUP_NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/;

export const Concurrency = closed(
  {
    group: Type.String({
      pattern: GROUP_PATTERN,
      minLength: 1,
      maxLength: 128,
      description:
        "Name of the group in the namespace; letters, digits, `.`, `_` and `-`, and `${NAME}` for a value of the run: " +
        "a way of the task's matrix, a run param, a value of the pipeline's `with`, or a label.",
    }),
    limit: Type.Optional(
      Type.Integer({
        minimum: 1,
        maximum: 10000,
        description:
          "How many of the group may be under way while this one is (default 1). Of different limits the least of those under way counts.",
      }),
    ),
    cancelInProgress: Type.Optional(
      Type.Boolean({
        description: "A new one cancels all older ones of the group that have not ended, then starts.",
      }),
    ),
  },
  { description: "A group of which only so many are under way at once; more wait for their turn." },
);
export type Concurrency = Static<typeof Concurrency>;

export const Queue = closed(
  {
    maxLength: Type.Optional(
      Type.Integer({
        minimum: 1,
        maximum: 100000,
        description: `Runs that may wait for one sequence lock, or, with \`isParallel: true\`, for their turn in the pipeline (default ${DEFAULT_QUEUE_LENGTH}).`,
      }),
    ),
  },
  {
    description:
      "A run that comes while another one holds the sequence lock, or while there are `maxRuns`, waits in line, unless its request says `queue: false`.",
  },
);
export type Queue = Static<typeof Queue>;

const MAX_PRIORITY = 1000;

export const Priority = Type.Integer({
  minimum: -MAX_PRIORITY,
  maximum: MAX_PRIORITY,
  description: `Higher goes first among those who wait; ${-MAX_PRIORITY} to ${MAX_PRIORITY}.`,
});

/** A key of what a run must hold, as its row keeps it. */
export const HeldKey = closed(
  {
    key: Type.String({ description: "What is held, e.g. `group/default/default/deploy`." }),
    limit: Type.Optional(
      Type.Integer({ description: "How many may hold it while this run does; left out: it sets no limit." }),
    ),
  },
  { description: "A key that a run must hold to go on." },
);
export type HeldKey = Static<typeof HeldKey>;
