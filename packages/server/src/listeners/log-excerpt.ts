// The few lines of a log that show why a task failed, for messages. Only the end of a log is read, a page at a time: it
// may be tens of megabytes, and messages are many.

import { stripVTControlCharacters } from "node:util";
import type { LogLine, LogRef, LogStore } from "../logs/log-store.ts";
import { cutText } from "./cut-text.ts";
import { oneLine } from "./plain-line.ts";

const MAX_LINES = 10;
/** UTF-16 units; of longer lines only so much more is looked at that colours are no matter. */
const MAX_LENGTH = 300;
const MAX_LOOKED_AT = 2000;
const PAGE = 200;
/** Nothing farther from the end is looked at. */
const MAX_READ_LINES = 2000;
/** Nor more than so much text, UTF-16 units; checked after each page. */
const MAX_READ_TEXT = 1024 * 1024;

/** What failures are called by the usual tools. */
const LOOKS_FAILED =
  /\b(error|errors|err!|fatal|panic|panicked|exception|traceback|failed|failure|failing|cannot|denied|refused|not found|no such|undefined reference|segmentation fault|killed|aborted|out of memory)\b|(Error|Exception)\b/i;
/** What counts or names failures without one. */
const LOOKS_FINE = /\b(0|no) (errors?|failed|failures?|failing)\b|\b(errors?|failures?|failed): 0\b/i;

/**
 * At most ten lines of the last step that ran: from the first that looks like an error on; else the last of what it
 * wrote to stderr; else its last lines. Each is one line of at most 300 characters, without colours. Lines are masked
 * as they are stored.
 */
export async function failingLines(
  logs: Pick<LogStore, "length" | "read">,
  taskId: string,
  attempt: number,
): Promise<string[]> {
  const lines = await endOfLastStep(logs, { taskId, attempt });
  const shown = lines
    .map((line) => ({
      stream: line.stream,
      text: oneLine(stripVTControlCharacters(line.text.slice(0, MAX_LOOKED_AT))),
    }))
    .filter(({ text }) => text !== "");
  const first = shown.findIndex(({ text }) => LOOKS_FAILED.test(text) && !LOOKS_FINE.test(text));
  const errors = shown.filter(({ stream }) => stream === "stderr");
  const chosen =
    first >= 0
      ? shown.slice(first, first + MAX_LINES)
      : (errors.length > 0 ? errors : shown).slice(-MAX_LINES);
  return chosen.map(({ text }) => cutText(text, MAX_LENGTH));
}

/** The lines of the step that wrote last, back to its beginning or as far as is looked; without the notes of mflow. */
async function endOfLastStep(logs: Pick<LogStore, "length" | "read">, ref: LogRef): Promise<LogLine[]> {
  const length = await logs.length(ref);
  const pages: LogLine[][] = [];
  let step: string | undefined;
  let size = 0;
  for (let end = length; end > 0 && length - end < MAX_READ_LINES && size < MAX_READ_TEXT; end -= PAGE) {
    const from = Math.max(1, end - PAGE + 1);
    const written = (await logs.read(ref, from, end - from + 1)).filter(({ stream }) => stream !== "mflow");
    step ??= written.at(-1)?.step;
    const ofStep = written.filter((line) => line.step === step);
    pages.unshift(ofStep);
    if (ofStep.length < written.length) break;
    for (const { text } of written) size += text.length;
  }
  return pages.flat();
}
