// How the API refuses.

import type { Static } from "typebox";
import { closed, oneOf } from "./scalars.ts";
import { Type } from "./type.ts";

export const ErrorDetailBody = closed({
  path: Type.String({ description: "JSON pointer into the document or body." }),
  message: Type.String({ description: "What is wrong there, and what to do." }),
  file: Type.Optional(Type.String({ description: "As the request named it." })),
  line: Type.Optional(Type.Integer({ description: "From 1." })),
  column: Type.Optional(Type.Integer({ description: "From 1." })),
  severity: Type.Optional(oneOf(["error", "warning"], "Left out it is an error.")),
});
export type ErrorDetailBody = Static<typeof ErrorDetailBody>;

/** Every refusal of the API. */
export const ErrorBody = closed({
  code: Type.String({ description: "A code of the catalogue; programs decide by it." }),
  message: Type.String({ description: "What is wrong with this request." }),
  remedy: Type.String({ description: "What to do next." }),
  details: Type.Array(ErrorDetailBody, { description: "Every place that is wrong." }),
  requestId: Type.String({ description: "Names the request in the server's log." }),
});
export type ErrorBody = Static<typeof ErrorBody>;
