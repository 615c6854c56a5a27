// The view of a run on a terminal, as lines that fit in it. Pure: the same run, time and size give the same lines.

import { formatDuration } from "@mflow/core/duration";
import type { JobTaskView } from "@mflow/core/schema/api";
import type { Style, Tone } from "../display/style.ts";
import { cut, displayWidth, fill, plainLine } from "../display/width.ts";
import { fitStages, type StageBlock, type TaskBlock } from "./fit.ts";
import {
  DENY_INSTEAD,
  decideCommand,
  elapsed,
  headOf,
  isEnded,
  nextText,
  openGateOf,
  peopleOf,
  stagesOf,
  untilOf,
  type Watched,
  type WatchedStage,
} from "./watched.ts";

export interface ViewOptions {
  columns: number;
  /** The view takes at most so many lines. */
  rows: number;
  /** Milliseconds since the epoch. */
  now: number;
  style: Style;
  /** How mflow was called, for the commands that the view shows. */
  command: string;
  /** Id of a task whose gate can be decided right here, so that no command needs to say how. */
  decidedHere?: string;
}

const LONGEST_NAME = 32;
const WORD_WIDTH = "SCHEDULING".length;
const TIME_WIDTH = 6;

interface Look {
  tone: Tone;
  symbol: keyof Style["symbols"];
  /** Shown for the stage. */
  word: string;
  /** What gives way last when there is no room for all, from 0. */
  rank: number;
}

const looks: Record<string, Omit<Look, "word">> = {
  FAILED: { tone: "bad", symbol: "failed", rank: 0 },
  WAITING: { tone: "attention", symbol: "waiting", rank: 1 },
  CANCELING: { tone: "busy", symbol: "canceled", rank: 2 },
  ACTIVE: { tone: "busy", symbol: "active", rank: 2 },
  CREATING: { tone: "busy", symbol: "active", rank: 3 },
  SCHEDULING: { tone: "busy", symbol: "scheduling", rank: 4 },
  CANCELED: { tone: "quiet", symbol: "canceled", rank: 5 },
  PENDING: { tone: "quiet", symbol: "pending", rank: 6 },
  SUCCEEDED: { tone: "good", symbol: "succeeded", rank: 7 },
  SKIPPED: { tone: "quiet", symbol: "skipped", rank: 8 },
};

function lookOf(task: JobTaskView): Look {
  const word = openGateOf(task) ? "WAITING" : task.status.stage;
  return { ...(looks[word] as Omit<Look, "word">), word };
}

/** The lines of the view. */
export function runView(watched: Watched, options: ViewOptions): string[] {
  const head = headLine(watched, options);
  const nameWidth = Math.min(
    LONGEST_NAME,
    Math.max(8, ...watched.tasks.map((task) => displayWidth(plainLine(task.name)))),
  );
  const blocks = stagesOf(watched).map((stage) => stageBlock(stage, nameWidth, options));
  const message = messageLine(watched, options);
  const room = options.rows - 1 - message.length;
  return [head, ...fitStages(blocks, room, options.style), ...message];
}

function headLine(watched: Watched, { columns, now, style }: ViewOptions): string {
  const { id, name, stage, ...status } = headOf(watched);
  const took = elapsed(status, now);
  const facts = took === undefined ? stage : `${stage}  ${formatDuration(took)}`;
  const shown = cut(plainLine(name), Math.max(8, columns - displayWidth(facts) - 2));
  const left = displayWidth(shown) + 2 + displayWidth(facts);
  const tone = looks[stage]?.tone ?? "strong";
  const text = `${style.tone("strong", shown)}  ${style.tone(tone, facts)}`;
  const gap = columns - left - id.length;
  return gap >= 2 ? text + " ".repeat(gap) + style.tone("quiet", id) : text;
}

function stageBlock(stage: WatchedStage, nameWidth: number, options: ViewOptions): StageBlock {
  const { style, columns } = options;
  const ended = stage.tasks.filter((task) => isEnded(task.status.stage)).length;
  const good = stage.tasks.every((task) => ["SUCCEEDED", "SKIPPED"].includes(task.status.stage));
  const ahead = stage.tasks.every((task) => lookOf(task).word === "PENDING");
  const count = `${ended}/${stage.tasks.length}`;
  const name = cut(plainLine(stage.name), columns - count.length - 5);
  return {
    // A task that runs alone has no stage, and no line for one.
    header: stage.name
      ? ` ${style.tone("strong", name)}  ${style.tone(good ? "good" : "quiet", count)}`
      : undefined,
    settled: good ? "done" : ahead ? "ahead" : "open",
    tasks: stage.tasks.map((task) => taskBlock(task, nameWidth, options)),
  };
}

function taskBlock(task: JobTaskView, nameWidth: number, options: ViewOptions): TaskBlock {
  const { style, columns, now } = options;
  const look = lookOf(task);
  const waitsSince = task.status.startAt ? undefined : openGateOf(task)?.gate.openedAt;
  const took = elapsed(waitsSince ? { startAt: waitsSince } : task.status, now);
  const time = took === undefined ? "" : formatDuration(took);
  const name = fill(cut(plainLine(task.name), nameWidth), nameWidth);
  const symbol = style.symbols[look.symbol];
  const word = fill(look.word, WORD_WIDTH);
  const left = `  ${symbol} ${name}  ${word} ${time.padStart(TIME_WIDTH)}`;
  const room = columns - displayWidth(left) - 2;
  const note = room < 8 ? "" : cut(noteOf(task), room);
  const noteTone = look.tone === "bad" || look.tone === "attention" ? look.tone : "quiet";
  const line = [
    `  ${style.tone(look.tone, symbol)} ${look.rank > 5 ? style.tone("quiet", name) : name}`,
    `  ${style.tone(look.tone, word)} ${style.tone("quiet", time.padStart(TIME_WIDTH))}`,
    note && `  ${style.tone(noteTone, note)}`,
  ].join("");
  return {
    lines: [line.trimEnd(), ...decideLines(task, options)],
    rank: look.rank,
    word: look.word.toLowerCase(),
  };
}

/** What there is to say of a task in one line. */
function noteOf(task: JobTaskView): string {
  const open = openGateOf(task);
  if (open) {
    const result = task.status.reported ? `${task.status.reported.stage}, ` : "";
    const until = untilOf(open.gate);
    return `${result}${open.kind} by ${peopleOf(open.gate, task)}${until ? `, ${until}` : ""}`;
  }
  if (task.keptFrom) return `kept from ${task.keptFrom.runId}`;
  // That the next ones wait for their turn goes without saying.
  if (task.status.stage === "SUCCEEDED") return task.status.child ? `as ${task.status.child.runId}` : "";
  if (task.status.stage === "PENDING") return "";
  const { reason, message } = task.status;
  return plainLine(task.waitingFor ?? message ?? reason ?? "");
}

function decideLines(task: JobTaskView, { style, columns, command, decidedHere }: ViewOptions): string[] {
  const open = openGateOf(task);
  if (!open || task.id === decidedHere) return [];
  const indent = `    ${style.symbols.bar} `;
  const pass = decideCommand(task, open.kind, command);
  const both = `${pass}  (${DENY_INSTEAD})`;
  const lines = displayWidth(indent + both) <= columns ? [both] : [pass, `  ${DENY_INSTEAD}`];
  return lines.map((line) => style.tone("quiet", indent) + line);
}

/** What the run waits for, or why it failed or is canceled, when it says so. */
function messageLine(watched: Watched, { columns, style }: ViewOptions): string[] {
  const { stage, message, canceledBy } = headOf(watched);
  if (!watched.run) return [];
  const {
    waitingFor,
    status: { next },
  } = watched.run;
  const then = next && `then ${nextText(next)}`;
  const said = [waitingFor, message, canceledBy && `canceled by ${canceledBy}`, then]
    .filter(Boolean)
    .join("; ");
  if (!said) return [];
  return [style.tone(stage === "FAILED" ? "bad" : "quiet", cut(` ${plainLine(said)}`, columns))];
}
