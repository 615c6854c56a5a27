// The terminal of a task over a WebSocket: how it is asked for, and the text frames that go beside the bytes. Binary
// frames are what is typed and what the program prints, as they are.

import type { Static } from "typebox";
import { ErrorBody } from "./api.ts";
import { closed } from "./scalars.ts";
import { Type } from "./type.ts";

const Columns = Type.Integer({
  minimum: 1,
  maximum: 1000,
  description: "Width of the terminal, characters.",
});
const Rows = Type.Integer({ minimum: 1, maximum: 1000, description: "Height of the terminal, lines." });

export const TerminalQuery = closed({
  container: Type.Optional(
    Type.String({ minLength: 1, maxLength: 63, description: "The container (default: the first one)." }),
  ),
  command: Type.Optional(
    Type.Array(Type.String({ maxLength: 4096 }), {
      minItems: 1,
      maxItems: 64,
      description:
        "Program and arguments, one `command` each (default: a shell). Not for secrets: it is in the URL.",
    }),
  ),
  columns: Type.Optional(Columns),
  rows: Type.Optional(Rows),
});
export type TerminalQuery = Static<typeof TerminalQuery>;

/** What the client says as text. */
export const TerminalCommand = Type.Union([
  closed({
    type: Type.Literal("resize", { description: "The window has another size." }),
    columns: Columns,
    rows: Rows,
  }),
  closed({ type: Type.Literal("close", { description: "End the session; `ended` follows." }) }),
]);
export type TerminalCommand = Static<typeof TerminalCommand>;

/** What the server says as text. After `refused` and `ended` it closes with code 1000. */
export const TerminalNotice = Type.Union([
  closed({
    type: Type.Literal("opened", { description: "The program runs." }),
    container: Type.String({ description: "Where." }),
    isCopy: Type.Boolean({
      description: "The work has ended: this is a copy of its pod, which goes with the session.",
    }),
  }),
  closed({
    type: Type.Literal("refused", { description: "The terminal could not be opened." }),
    status: Type.Integer({ description: "As of an HTTP answer." }),
    error: ErrorBody,
  }),
  closed({
    type: Type.Literal("ended", { description: "The session is over, and nothing of it is left." }),
    exitCode: Type.Optional(
      Type.Integer({ description: "Of the program; absent when the session ended otherwise." }),
    ),
    reason: Type.Optional(Type.String({ description: "Why, when it was not the program that ended." })),
  }),
]);
export type TerminalNotice = Static<typeof TerminalNotice>;
