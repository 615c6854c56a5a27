// What `why` says, as lines. Pure.

import type { Why, WhyCause, WhyTask } from "@mflow/core/schema/why";
import type { Style } from "../display/style.ts";
import { plainLine, wrap } from "../display/width.ts";
import { isRunId } from "../watch/follow-run.ts";

export interface WhyOptions {
  style: Style;
  columns: number;
}

export function whyLines(why: Why, options: WhyOptions): string[] {
  const { id, name, stage, causes } = why;
  const head = `${isRunId(id) ? "run" : "task"} ${name} (${id}) ${stage}`;
  const lines = wrap(plainLine(head), options.columns).map((line) => options.style.tone("strong", line));
  if (causes.length === 0) return [...lines, "It has ended and waits for nothing."];
  return [...lines, ...causes.flatMap((cause) => causeLines(cause, options))];
}

/** The sentence, and below it the tasks that it is about, when it does not name all that are known. */
function causeLines(cause: WhyCause, { style, columns }: WhyOptions): string[] {
  const [first = "", ...rest] = wrap(plainLine(cause.sentence), columns - 2);
  const tasks = cause.tasks ?? [];
  const left = (cause.count ?? tasks.length) - tasks.length;
  return [
    `- ${first}`,
    ...rest.map((line) => `  ${line}`),
    ...tasks.flatMap((task) =>
      wrap(plainLine(taskText(task)), columns - 4).map((line) => `    ${style.tone("quiet", line)}`),
    ),
    ...(left > 0 ? [`    ${style.tone("quiet", `and ${left} more`)}`] : []),
  ];
}

function taskText({ id, name, stageName, stage }: WhyTask): string {
  return `${stageName === undefined ? name : `${stageName}/${name}`} ${stage} ${id}`;
}
