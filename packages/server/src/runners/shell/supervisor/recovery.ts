// What became of the attempts of a supervisor that was killed. Its steps went on: one that has ended has left
// its exit status. An attempt whose last step has ended so gets its true result; any other cannot go on, for
// its scripts and secrets were nowhere but in the memory of the dead: what still runs of it is killed, and
// it is LOST.

import { readFileSync } from "node:fs";
import { exitFailure, type Failure, outputFailure } from "./failure.ts";
import { type Folders, outputPath } from "./folders.ts";
import type { JournalEvent, PlannedStep } from "./journal.ts";
import { parseExits } from "./launch.ts";
import { allMarked, kill, killLeftovers, markOf } from "./leftovers.ts";
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
  /** The first process of the step that ran last. */
  process?: { identity: ProcessIdentity; step: number; group?: string };
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
      attempts.set(key, { ref: event.ref, key, start: event, steps: [], stopping: false });
      continue;
    }
    if (!attempt) continue;
    if (event.e === "process") {
      attempt.process = { identity: event.process, step: event.step, group: event.group };
    } else if (event.e === "step") attempt.steps.push(event.result);
    else if (event.e === "stop") attempt.stopping = true;
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
  const { key, start, stopping } = attempt;
  const steps = [...attempt.steps];
  const at = new Date().toISOString();
  const exits = readExits(start.exits);
  const watched = steps.length;
  let failure: Failure | undefined;
  while (steps.length < start.steps.length && !failure) {
    const index = steps.length;
    const step = start.steps[index] as PlannedStep;
    const exitCode = exits.get(markOf(key, index));
    if (exitCode === undefined) break;
    steps.push({ name: step.name, exitCode });
    if (!step.keepProcesses) await killStep(attempt, index, marked);
    const problem = takeOutput(attempt, folders, index);
    failure = (step.continueOnError ? undefined : exitFailure(step.name, exitCode, undefined)) ?? problem;
  }
  const result: Result = { stage: "SUCCEEDED", at, startAt: start.startAt, steps };
  const note = "the supervisor was killed while this task ran; output may be missing here";
  if (failure) Object.assign(result, { stage: "FAILED", ...failure });
  else if (steps.length < start.steps.length) {
    await killStep(attempt, steps.length, marked);
    Object.assign(result, stopping ? { stage: "CANCELED" } : lost(attempt, steps.length, watched));
  }
  return { result, note };
}

function lost({ start, process }: JournalledAttempt, ended: number, watched: number): Partial<Result> {
  const step = start.steps[ended]?.name;
  const rebooted = process !== undefined && process.identity.boot !== bootId();
  const message = rebooted
    ? `the machine was restarted while step \`${step}\` ran`
    : ended === watched
      ? `the supervisor was killed while step \`${step}\` ran; the step was stopped`
      : `the supervisor was killed before step \`${step}\` could begin`;
  return { stage: "FAILED", reason: "LOST", message };
}

/** Kills what runs of a step. Its process group only if its leader is known to be the very process. */
async function killStep(
  attempt: JournalledAttempt,
  step: number,
  marked: Map<string, number[]>,
): Promise<void> {
  const mark = markOf(attempt.key, step);
  const process = attempt.process?.step === step ? attempt.process : undefined;
  const leads = process !== undefined && isAlive(process.identity);
  const pids = marked.get(mark) ?? [];
  if (!leads && pids.length === 0 && process?.group === undefined) return;
  for (const pid of pids) kill(pid);
  await killLeftovers({
    mark,
    leader: leads ? process.identity.pid : undefined,
    after: undefined,
    others: new Set(),
    group: process?.group,
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
