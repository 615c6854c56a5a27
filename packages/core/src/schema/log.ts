// The log of a task: its lines, what of it is wanted, and what the API answers.

import type { Static } from "typebox";
import { TaskOrigin } from "./job-task.ts";
import { closed, oneOf, titled } from "./scalars.ts";
import { Type } from "./type.ts";

export const LogLineBody = closed({
  line: Type.Integer({ description: "From 1, without gaps." }),
  time: Type.Integer({ description: "Milliseconds since the epoch." }),
  stream: oneOf(["stdout", "stderr", "mflow"], "`mflow`: a note of mflow itself, e.g. that output was cut."),
  step: Type.String({ description: "The step that wrote it." }),
  text: Type.String({ description: "Without its line break; masked." }),
});
export type LogLineBody = Static<typeof LogLineBody>;

export const DEFAULT_LOG_LINES = 1000;
export const MAX_LOG_LINES = 10_000;

const attemptQuery = Type.Optional(
  Type.Integer({ minimum: 1, description: "Default: the newest that has a log." }),
);

export const LogQuery = closed({
  attempt: attemptQuery,
  from: Type.Optional(Type.Integer({ minimum: 1, description: "First line, from 1." })),
  tail: Type.Optional(
    Type.Integer({ minimum: 1, maximum: MAX_LOG_LINES, description: "The last so many lines instead." }),
  ),
  limit: Type.Optional(
    Type.Integer({ minimum: 1, maximum: MAX_LOG_LINES, description: `Default ${DEFAULT_LOG_LINES}.` }),
  ),
  search: Type.Optional(
    Type.String({ minLength: 1, maxLength: 1024, description: "Only lines with this text." }),
  ),
  caseSensitive: Type.Optional(
    Type.Boolean({ description: "Case counts in `search` (default: it does not)." }),
  ),
});
export type LogQuery = Static<typeof LogQuery>;

export const LogPage = closed({
  keptFrom: Type.Optional(titled("The log is that of the task whose work a rerun kept.", TaskOrigin)),
  attempt: Type.Integer({ description: "0 when there is no log yet." }),
  attempts: Type.Array(Type.Integer(), { description: "Attempts that have a log." }),
  lines: Type.Array(LogLineBody, { description: "In their order." }),
  nextFrom: Type.Optional(
    Type.Integer({ description: "Give it as `from` to go on; absent when there is no more now." }),
  ),
});
export type LogPage = Static<typeof LogPage>;

/** Of the stream: events `line` (data: a LogLine, id: its number) and, when no more come, `end`. */
export const LogStreamQuery = closed({
  attempt: attemptQuery,
  from: Type.Optional(
    Type.Integer({ minimum: 1, description: "First line; `Last-Event-ID`, the last one had, wins." }),
  ),
  tail: Type.Optional(
    Type.Integer({ minimum: 0, maximum: MAX_LOG_LINES, description: "Begin with the last so many lines." }),
  ),
});
export type LogStreamQuery = Static<typeof LogStreamQuery>;

export const LogTextQuery = closed({ attempt: attemptQuery });
export type LogTextQuery = Static<typeof LogTextQuery>;
