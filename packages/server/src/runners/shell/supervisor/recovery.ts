// What became of the attempts of a supervisor that was killed. Its steps went on: one that has ended has left
// its exit status. An attempt whose last step has ended so gets its true result; any other cannot go on, for
// its scripts and secrets were nowhere but in the memory of the dead: what still runs of it is killed, and
// it is LOST.

import { readFileSync } from "node:fs";
import { exitFailure, type Failure, outputFailure } from "./failure.ts";
import { type Folders, outputPath } from "./folders.ts";
import type { JournalEvent } from "./journal.ts";
import { parseExits } from "./launch.ts";
import { allMarked, killLeftovers, markOf } from "./leftovers.ts";
import { readRuntimeEnvs } from "./outputs.ts";
import { bootId, isAlive, type ProcessIdentity } from "./process-identity.ts";
import { keyOf, type Limits, type Ref, type Result, type StepResult } from "./protocol.ts";

/** An attempt as the journal tells it. */
export interface JournalledAttempt {
  ref: Ref;
  key: string;
  start: Extract<JournalEvent, { e: "start" }>;
  /** Results of the steps that ended while it was watched. */
  steps: StepResult[];
  /** Leads the process group of the step that ran last. */
  leader: ProcessIdentity;
  /** The cgroup of that step. */
  group?: string;
  stopping: boolean;
  result?: Result;
  /** Its log, when that is in no spool. */
  log?: string;
}

/** The attempts that are not forgotten yet. */
export function replay(events: JournalEvent[]): JournalledAttempt[] {
  const attempts = new Map<string, JournalledAttempt>();
  for (const event of events) {
    const key = keyOf(event.ref);
    const attempt = attempts.get(key);
    if (event.e === "start") {
      const { ref, leader } = event;
      attempts.set(key, { ref, key, start: event, steps: [], leader, stopping: false });
      continue;
    }
    if (!attempt) continue;
    if (event.e === "group") attempt.group = event.group;
    else if (event.e === "step") {
      attempt.steps.push(event.result);
      attempt.leader = event.leader;
      attempt.group = undefined;
    } else if (event.e === "stop") attempt.stopping = true;
    else if (event.e === "end") {
      attempt.result = event.result;
      attempt.log = event.log;
    } else attempts.delete(key);
  }
  return [...attempts.values()];
}

/** What is known of an attempt now. `note`: for its log; absent when it had ended before. */
export interface Recovered {
  result: Result;
  note?: string;
}

const NO_LIMITS: Limits = {
  bytesPerTask: Number.POSITIVE_INFINITY,
  bytesPerSecond: Number.POSITIVE_INFINITY,
  runtimeEnvs: Number.POSITIVE_INFINITY,
  runtimeEnvBytes: Number.POSITIVE_INFINITY,
  markdownBytes: 256 * 1024,
};

/** Says how each attempt ended, and kills what still runs of those that cannot go on. */
export async function recover(
  attempts: JournalledAttempt[],
  foldersOf: (attempt: JournalledAttempt) => Folders,
): Promise<Map<string, Recovered>> {
  const recovered = new Map<string, Recovered>();
  const unfinished = attempts.filter(({ result }) => !result);
  const marked = unfinished.length > 0 ? allMarked() : new Map<string, number[]>();
  for (const attempt of attempts) {
    const found = attempt.result
      ? { result: attempt.result }
      : await findEnd(attempt, marked, foldersOf(attempt));
    readOutputs(attempt, found.result);
    recovered.set(attempt.key, found);
  }
  return recovered;
}

async function findEnd(
  attempt: JournalledAttempt,
  marked: Map<string, number[]>,
  folders: Folders,
): Promise<Recovered> {
  const { start, stopping } = attempt;
  const steps = [...attempt.steps];
  const result: Result = { stage: "SUCCEEDED", at: new Date().toISOString(), startAt: start.startAt, steps };
  const step = start.steps[steps.length];
  const exitCode = step && (await exitOf(attempt, marked));
  let failure: Failure | undefined;
  if (step && exitCode !== undefined) {
    steps.push({ name: step.name, exitCode });
    const problem = takeOutput(attempt, folders, steps.length - 1);
    failure = (step.continueOnError ? undefined : exitFailure(step.name, exitCode, undefined)) ?? problem;
  }
  if (failure) {
    result.stage = "FAILED";
    result.reason = failure.reason;
    result.message = failure.message;
  } else if (steps.length < start.steps.length) {
    Object.assign(result, stopping ? { stage: "CANCELED" } : lost(attempt, steps.length));
  }
  return { result, note: "the supervisor was killed while this task ran; output may be missing here" };
}

/**
 * How the first process of the step that ran last ended; undefined when it did not end by itself. Nothing of
 * the step runs any more then, but for what it keeps.
 */
async function exitOf(
  attempt: JournalledAttempt,
  marked: Map<string, number[]>,
): Promise<number | undefined> {
  const { key, start } = attempt;
  const index = attempt.steps.length;
  const mark = markOf(key, index);
  const exitCode = readExits(start.exits).get(mark);
  if (exitCode === undefined || !start.steps[index]?.keepProcesses) await killStep(attempt, mark, marked);
  // It may have ended while we looked; what is killed by now writes nothing more.
  return exitCode ?? readExits(start.exits).get(mark);
}

function lost({ start, leader, steps }: JournalledAttempt, ended: number): Partial<Result> {
  const step = start.steps[ended]?.name;
  const message =
    leader.boot !== bootId()
      ? `the machine was restarted while step \`${step}\` ran`
      : ended === steps.length
        ? `the supervisor was killed while step \`${step}\` ran; the step was stopped`
        : `the supervisor was killed before step \`${step}\` could begin`;
  return { stage: "FAILED", reason: "LOST", message };
}

/** Kills what runs of the step that ran last. Its group only if its leader is known to be the very process. */
async function killStep(
  { leader, group }: JournalledAttempt,
  mark: string,
  marked: Map<string, number[]>,
): Promise<void> {
  const leads = isAlive(leader);
  if (!leads && group === undefined && !marked.has(mark)) return;
  await killLeftovers({
    mark,
    leader: leads ? leader.pid : undefined,
    after: undefined,
    others: new Set(),
    group,
    pipes: [],
  });
}

/** Takes what a step put out that nobody watched. Its markdown stays behind: it cannot be masked any more. */
function takeOutput({ start }: JournalledAttempt, folders: Folders, step: number): Failure | undefined {
  try {
    folders.keepOutput({ path: start.folder }, start.files, step);
  } catch {
    return undefined; // It had no chance to put anything out.
  }
  const problem = readRuntimeEnvs(outputPath(start.files, step), {}, NO_LIMITS, start.owner);
  return problem && outputFailure(start.steps[step]?.name ?? "", problem);
}

/** The runtime envs of a result are in no file of ours: the steps' own files still have them. */
function readOutputs({ start }: JournalledAttempt, result: Result): void {
  const envs: Record<string, string> = {};
  for (let step = 0; step < start.steps.length; step++) {
    readRuntimeEnvs(outputPath(start.files, step), envs, NO_LIMITS, start.owner);
  }
  if (Object.keys(envs).length > 0) result.runtimeEnvs = envs;
}

function readExits(path: string): Map<string, number> {
  try {
    return parseExits(readFileSync(path, "utf8"));
  } catch {
    return new Map();
  }
}
