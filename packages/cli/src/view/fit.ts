// Makes a run's view fit the terminal's height: first what is done closes up, then what is still ahead, then
// the least interesting tasks, at last whole stages. What is left out is counted, never silently dropped.

import type { Style } from "../display/style.ts";

export interface TaskBlock {
  lines: string[];
  /** Those with the lowest rank stay longest. */
  rank: number;
  /** Its stage in a word, for counting what is left out. */
  word: string;
}

export interface StageBlock {
  /** Absent: the tasks stand alone. */
  header: string | undefined;
  settled: "done" | "open" | "ahead";
  tasks: TaskBlock[];
}

/** The lines of the stages in at most `room` lines (at least one). */
export function fitStages(stages: readonly StageBlock[], room: number, style: Style): string[] {
  const closed = new Set<StageBlock>();
  let height = stages.reduce((sum, stage) => sum + headerHeight(stage) + tasksHeight(stage), 0);
  const closeUp = (stage: StageBlock) => {
    if (height <= room || stage.header === undefined) return;
    closed.add(stage);
    height -= tasksHeight(stage);
  };
  for (const stage of stages) if (stage.settled === "done") closeUp(stage);
  for (const stage of stages.toReversed()) if (stage.settled === "ahead") closeUp(stage);
  if (height <= room) return stages.flatMap((stage) => stageLines(stage, closed.has(stage)));

  const open = stages.filter((stage) => !closed.has(stage));
  const headers = stages.reduce((sum, stage) => sum + headerHeight(stage), 0);
  // One line of each open stage counts what it leaves out.
  const forTasks = room - headers - open.length;
  if (forTasks < open.length && stages.length > 1) return fitFew(stages, room, style);
  const kept = mostInteresting(open, forTasks);
  return stages.flatMap((stage) => {
    if (closed.has(stage)) return stageLines(stage, true);
    const left = stage.tasks.filter((task) => !kept.has(task));
    const lines = stage.tasks.filter((task) => kept.has(task)).flatMap((task) => task.lines);
    return [...headerOf(stage), ...lines, ...leftOut(left, style)];
  });
}

function headerOf(stage: StageBlock): string[] {
  return stage.header === undefined ? [] : [stage.header];
}

function headerHeight(stage: StageBlock): number {
  return stage.header === undefined ? 0 : 1;
}

function tasksHeight(stage: StageBlock): number {
  return stage.tasks.reduce((sum, task) => sum + task.lines.length, 0);
}

function stageLines(stage: StageBlock, isClosed: boolean): string[] {
  return isClosed ? headerOf(stage) : [...headerOf(stage), ...stage.tasks.flatMap((task) => task.lines)];
}

function mostInteresting(stages: readonly StageBlock[], room: number): Set<TaskBlock> {
  const kept = new Set<TaskBlock>();
  let free = room;
  for (const task of stages.flatMap((stage) => stage.tasks).sort((a, b) => a.rank - b.rank)) {
    if (task.lines.length > free) break;
    kept.add(task);
    free -= task.lines.length;
  }
  return kept;
}

function leftOut(tasks: readonly TaskBlock[], style: Style): string[] {
  if (tasks.length === 0) return [];
  const counts = new Map<string, number>();
  for (const { word } of tasks) counts.set(word, (counts.get(word) ?? 0) + 1);
  const text = [...counts].map(([word, count]) => `${count} ${word}`).join(", ");
  return [style.tone("quiet", `  ${style.symbols.more} ${tasks.length} more: ${text}`)];
}

/** So little room that not even every stage gets a line: the stages under way, and counts. */
function fitFew(stages: readonly StageBlock[], room: number, style: Style): string[] {
  const interesting = stages.filter((stage) => stage.settled === "open");
  const shown = interesting.slice(0, Math.max(0, room - 1));
  const lines = shown.flatMap(headerOf);
  const tasks = mostInteresting(shown, room - 1 - lines.length);
  const withTasks = shown.flatMap((stage) => [
    ...headerOf(stage),
    ...stage.tasks.filter((task) => tasks.has(task)).flatMap((task) => task.lines),
  ]);
  const count = (settled: StageBlock["settled"]) =>
    stages.filter((stage) => stage.settled === settled).length;
  const rest = [
    [count("done"), "done"],
    [interesting.length - shown.length, "under way"],
    [count("ahead"), "ahead"],
  ] as const;
  const text = rest
    .filter(([number]) => number > 0)
    .map(([number, word]) => `${number} ${word}`)
    .join(", ");
  return [...withTasks, style.tone("quiet", ` ${style.symbols.more} ${text}`)];
}
