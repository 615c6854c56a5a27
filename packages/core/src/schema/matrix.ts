// The ways in which one task runs several times, each with other values (semantics, section 5).

import type { Static } from "typebox";
import { closed, mapOf, ParamName, titled } from "./scalars.ts";
import { Type } from "./type.ts";

/** A matrix makes at most so many ways of one task. */
export const MAX_WAYS = 256;

export const Combination = mapOf(
  ParamName,
  Type.Union([Type.String({ maxLength: 1024 }), Type.Number(), Type.Boolean()]),
  { maxProperties: 16, description: "Values by the name of the param that takes them." },
);
export type Combination = Static<typeof Combination>;

export const MatrixSpec = closed(
  {
    params: Type.Optional(
      mapOf(
        ParamName,
        Type.Array(Type.Union([Type.String({ maxLength: 1024 }), Type.Number(), Type.Boolean()]), {
          minItems: 1,
          maxItems: MAX_WAYS,
          description: "The values that the param takes in turn.",
        }),
        { maxProperties: 16, description: "Every value of each is combined with every value of the others." },
      ),
    ),
    include: Type.Optional(
      Type.Array(Combination, { maxItems: MAX_WAYS, description: "Combinations that are added." }),
    ),
    exclude: Type.Optional(
      Type.Array(Combination, {
        maxItems: MAX_WAYS,
        description: "Combinations of `params` that are left out: those that hold all of these values.",
      }),
    ),
    fromEnv: Type.Optional(
      titled(
        "The runtime env of an earlier task that holds the combinations as JSON, instead of `params`: a list of values (of the param of the same name), a list of objects, or an object of lists.",
        ParamName,
      ),
    ),
    maxParallel: Type.Optional(
      Type.Integer({ minimum: 1, maximum: MAX_WAYS, description: "At most so many of them at once." }),
    ),
  },
  { description: `The task runs once for each combination of values, at most ${MAX_WAYS} times.` },
);
export type MatrixSpec = Static<typeof MatrixSpec>;

/** Which of the ways of its matrix a task is. */
export const Way = closed(
  {
    number: Type.Integer({ description: "From 1, in the order of the matrix." }),
    values: titled("Its values.", Combination),
  },
  { description: "Which combination of its matrix the task runs." },
);
export type Way = Static<typeof Way>;
