// What a step leaves running. Its processes are found by their process group, by a variable in their
// environment that nothing else has (they keep it also when they leave the group), and by the cgroup where
// the step has one.
//
// Looking through all processes costs milliseconds. Numbers of processes are given out in order, so for a
// short step it is enough to look at those that came after its start.

import { Buffer } from "node:buffer";
import { existsSync, openSync, readdirSync, readFileSync, readlinkSync, readSync } from "node:fs";
import { isPopulated, killGroup } from "./cgroup.ts";

/** Name of the variable; its value is the mark of the step. */
export const MARK_VARIABLE = "MFLOW_STEP_MARK";

/** More numbers than this are not worth looking at one by one. */
const FEW = 512;
/** Processes may start others while they are killed; after so many rounds it is given up. */
const ROUNDS = 50;

/** The mark of a step: no other step has it. */
export function markOf(key: string, step: number): string {
  return `${key}.${step}`;
}

export interface StepTrace {
  mark: string;
  /** The launcher, which leads the process group; undefined when it is not known. */
  leader: number | undefined;
  /** The number of the last process that was started before the step; undefined: look at all. */
  after: number | undefined;
  /** Launchers, which are never part of a step. */
  others: ReadonlySet<number>;
  /** Its cgroup. */
  group: string | undefined;
  /** The pipes that it writes into. */
  pipes: string[];
}

/**
 * Whether anything of a step whose first process has ended still runs, or holds its pipes (which it can after
 * it has left the group and thrown the mark away). Where there is no /proc to look into, this says yes.
 */
export function hasLeftovers(trace: StepTrace): boolean {
  if (trace.group !== undefined && isPopulated(trace.group)) return true;
  return candidates(trace)?.some((pid) => isPart(pid, trace)) ?? true;
}

function isPart(pid: number, { mark, leader, pipes }: StepTrace): boolean {
  const found = markIn(pid);
  return found === undefined ? isInGroup(pid, leader) || holds(pid, pipes) : found === mark;
}

/** Asks all of a step to end. */
export function terminate(trace: StepTrace): void {
  if (trace.leader !== undefined) kill(-trace.leader, "SIGTERM");
  for (const pid of findMarked(trace)) {
    // Those of the group have it already; a second one would be taken for impatience.
    if (!isInGroup(pid, trace.leader)) kill(pid, "SIGTERM");
  }
}

/** Kills all that a step left running, its launcher too; resolves when it is gone. */
export async function killLeftovers(trace: StepTrace): Promise<void> {
  // Numbers may come round while it is killed.
  const everywhere: StepTrace = { ...trace, after: undefined, pipes: [] };
  for (let round = 0; round < ROUNDS; round++) {
    // The launcher first: it must not write down that the step died of a signal by itself.
    if (trace.leader !== undefined) kill(-trace.leader);
    if (trace.group !== undefined) killGroup(trace.group);
    const found = (candidates(everywhere) ?? []).filter((pid) => isPart(pid, everywhere));
    for (const pid of found) kill(pid);
    if (found.length === 0 && !(trace.group !== undefined && isPopulated(trace.group))) return;
    await new Promise((resolve) => setTimeout(resolve, round));
  }
}

/** Processes by the mark in their environment, all that have one. */
export function allMarked(): Map<string, number[]> {
  const marked = new Map<string, number[]>();
  for (const pid of allProcesses() ?? []) {
    const mark = markIn(pid);
    if (mark !== undefined) marked.set(mark, [...(marked.get(mark) ?? []), pid]);
  }
  return marked;
}

/** Kills a process, or with a negative number a process group; nothing happens when there is none. */
function kill(pid: number, signal: NodeJS.Signals = "SIGKILL"): void {
  if (pid === 0) return; // That would be ourselves.
  try {
    process.kill(pid, signal);
  } catch {
    // It is gone.
  }
}

function findMarked(trace: StepTrace): number[] {
  return (candidates(trace) ?? []).filter((pid) => markIn(pid) === trace.mark);
}

function candidates({ after, others }: StepTrace): number[] | undefined {
  const found = (after !== undefined && since(after)) || allProcesses();
  return found?.filter((candidate) => !others.has(candidate));
}

/** Processes that started after one did; undefined when that cannot be told, or they are many. */
function since(after: number): number[] | undefined {
  const last = lastNumber();
  if (last === undefined || last < after || last - after > FEW) return undefined;
  const found: number[] = [];
  for (let candidate = after + 1; candidate <= last; candidate++) {
    if (existsSync(`/proc/${candidate}`)) found.push(candidate);
  }
  return found;
}

let loadavg: number | undefined;
const line = Buffer.alloc(128);

/** The number that was given out last: the fifth field of /proc/loadavg (proc(5)). */
export function lastNumber(): number | undefined {
  try {
    loadavg ??= openSync("/proc/loadavg", "r");
    const length = readSync(loadavg, line, 0, line.length, 0);
    return Number(line.toString("latin1", 0, length).trim().split(" ")[4]);
  } catch {
    return undefined;
  }
}

function allProcesses(): number[] | undefined {
  try {
    return readdirSync("/proc")
      .map(Number)
      .filter((pid) => pid > 0 && pid !== process.pid);
  } catch {
    return undefined;
  }
}

/** Whether a process has one of the pipes as its output. */
function holds(pid: number, pipes: string[]): boolean {
  return [1, 2].some((fd) => {
    try {
      return pipes.includes(readlinkSync(`/proc/${pid}/fd/${fd}`));
    } catch {
      return false;
    }
  });
}

/**
 * Whether a process belongs to the group and runs: where nobody collects orphans, dead ones stay as zombies.
 * Fields 3 and 5 of /proc/PID/stat are the state and the process group (proc(5)).
 */
function isInGroup(pid: number, group: number | undefined): boolean {
  if (group === undefined) return false;
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
    const [state, , processGroup] = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return processGroup === String(group) && state !== "Z" && state !== "X";
  } catch {
    return false;
  }
}

function markIn(pid: number): string | undefined {
  let environment: string;
  try {
    environment = readFileSync(`/proc/${pid}/environ`, "latin1");
  } catch {
    return undefined;
  }
  const start = environment.indexOf(`${MARK_VARIABLE}=`);
  if (start === -1 || (start > 0 && environment[start - 1] !== "\0")) return undefined;
  const end = environment.indexOf("\0", start);
  return environment.slice(start + MARK_VARIABLE.length + 1, end === -1 ? undefined : end);
}
