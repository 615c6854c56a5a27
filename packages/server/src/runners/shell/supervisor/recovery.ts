// What became of the attempts of a supervisor that was killed. Its steps went on: one that has ended has left
// its exit status. An attempt whose last step has ended so gets its true result; any other cannot go on, for
// its scripts and secrets were nowhere but in the memory of the dead: what still runs of it is killed, and
// it is LOST.
//
// What steps put out is never lost in silence: what is there and cannot be read, or is not there any more,
// makes the attempt FAILED.

import { readFileSync } from "node:fs";
import { exitFailure, type Failure, outputFailure, unreadableFailure } from "./failure.ts";
import { type Folders, isThere, outputPath } from "./folders.ts";
import type { JournalEvent, PlannedStep } from "./journal.ts";
import { parseExits } from "./launch.ts";
import { allMarked, killLeftovers, markOf } from "./leftovers.ts";
import { readRuntimeEnvs } from "./outputs.ts";
import { bootId, isAlive, type ProcessIdentity } from "./process-identity.ts";
import { keyOf, type Limits, type Ref, type Result, type StepResult } from "./protocol.ts";
import { packArtifacts } from "./task-files.ts";

/** An attempt as the journal tells it. */
export interface JournalledAttempt {
  ref: Ref;
  key: string;
  start: Extract<JournalEvent, { e: "start" }>;
  /** Results of the steps that ended while it was watched. The next one, if there is one, was about to begin. */
  steps: StepResult[];
  /** Leads the process group of that next step. */
  leader: ProcessIdentity;
  /** The cgroup of that step. */
  group?: string;
  stopping: boolean;
  result?: Result;
  /** Indexes of the steps whose runtime envs must be among its files. */
  outputs: number[];
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
      attempts.set(key, { ref, key, start: event, steps: [], leader, stopping: false, outputs: [] });
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
      attempt.outputs = event.outputs ?? [];
      attempt.log = event.log;
    } else attempts.delete(key);
  }
  return [...attempts.values()];
}

/** What is known of an attempt now. `note`: for its log; absent when it had ended before. */
export interface Recovered {
  result: Result;
  /** Indexes of the steps whose runtime envs are among its files. */
  outputs: number[];
  note?: string;
}

const NOTE = "the supervisor was killed while this task ran; output may be missing here";

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
    const result = attempt.result ?? (await findEnd(attempt, marked, foldersOf(attempt)));
    const found: Recovered = { result, outputs: addRuntimeEnvs(attempt, result) };
    if (!attempt.result) found.note = NOTE;
    recovered.set(attempt.key, found);
  }
  return recovered;
}

async function findEnd(
  attempt: JournalledAttempt,
  marked: Map<string, number[]>,
  folders: Folders,
): Promise<Result> {
  const { start, stopping } = attempt;
  const steps = [...attempt.steps];
  const result: Result = { stage: "SUCCEEDED", at: new Date().toISOString(), startAt: start.startAt, steps };
  let failure: Failure | undefined;
  // The journal names the step that ran last, unless it could not be written any more: then there is another.
  for (const [index, step] of start.steps.entries()) {
    if (index < attempt.steps.length) continue;
    const { exitCode, began } = await endOf(attempt, index, marked);
    if (exitCode === undefined) {
      failure = lost(attempt, index, began);
      break;
    }
    steps.push({ name: step.name, exitCode });
    const problem = takeOutput(attempt, folders, index);
    failure = (step.continueOnError ? undefined : exitFailure(step.name, exitCode, undefined)) ?? problem;
    if (failure) break;
  }
  if (stopping) result.stage = "CANCELED";
  else {
    const hasLost = failure?.reason === "LOST";
    if (!hasLost) failure = (await packAgain(attempt, failure === undefined, result)) ?? failure;
    if (failure) fail(result, failure);
  }
  return result;
}

/** Packs what the attempt keeps, which may have been done in part. Answers the failure that this is, if any. */
async function packAgain(
  { start }: JournalledAttempt,
  succeeded: boolean,
  result: Result,
): Promise<Failure | undefined> {
  const { keep, files, owner } = start;
  if (!keep) return undefined;
  const artifacts = keep.artifacts.filter(({ always }) => always || succeeded);
  const { signal } = new AbortController();
  const packing = { workspace: keep.workspace, limit: keep.limit, owner, signal };
  const { kept, failure } = await packArtifacts(artifacts, files, packing, () => {});
  result.kept = { artifacts: kept, caches: [] };
  return succeeded ? failure : undefined;
}

function fail(result: Result, { reason, message }: Failure): void {
  result.stage = "FAILED";
  result.reason = reason;
  result.message = message;
}

/**
 * How the first process of a step ended; no exit code when it did not end by itself, or never began. Nothing of the
 * step runs any more then, but for what it keeps.
 */
async function endOf(
  attempt: JournalledAttempt,
  index: number,
  marked: Map<string, number[]>,
): Promise<{ exitCode: number | undefined; began: boolean }> {
  const { key, start, steps } = attempt;
  const mark = markOf(key, index);
  const isNamed = index === steps.length;
  const exitCode = readExits(start.exits).get(mark);
  if (exitCode === undefined || !start.steps[index]?.keepProcesses) {
    await killStep(attempt, mark, marked, isNamed);
  }
  const began = isNamed || marked.has(mark);
  // It may have ended while we looked; what is killed by now writes nothing more. The launcher of a step that the
  // journal does not name is not known, lives on, and may say that the step was killed.
  return { exitCode: exitCode ?? (isNamed ? readExits(start.exits).get(mark) : undefined), began };
}

function lost({ start, leader }: JournalledAttempt, index: number, began: boolean): Failure {
  const step = start.steps[index]?.name;
  const message =
    leader.boot !== bootId()
      ? `the machine was restarted while step \`${step}\` ran`
      : began
        ? `the supervisor was killed while step \`${step}\` ran; the step was stopped`
        : `the supervisor was killed before step \`${step}\` could begin`;
  return { reason: "LOST", message };
}

/** Kills what runs of a step. Its group only if its leader is known to be the very process. */
async function killStep(
  { leader, group }: JournalledAttempt,
  mark: string,
  marked: Map<string, number[]>,
  isNamed: boolean,
): Promise<void> {
  const leads = isNamed && isAlive(leader);
  const ownGroup = isNamed ? group : undefined;
  if (!leads && ownGroup === undefined && !marked.has(mark)) return;
  await killLeftovers({
    mark,
    leader: leads ? leader.pid : undefined,
    after: undefined,
    others: new Set(),
    group: ownGroup,
    pipes: [],
  });
}

/** Takes what a step put out that nobody watched. Its markdown stays behind: it cannot be masked any more. */
function takeOutput({ start }: JournalledAttempt, folders: Folders, index: number): Failure | undefined {
  const { name } = start.steps[index] as PlannedStep;
  const path = outputPath(start.files, index);
  try {
    // It may have been taken before the supervisor was killed.
    if (!isThere(path)) folders.keepOutput({ path: start.folder }, start.files, index);
    const problem = readRuntimeEnvs(path, {}, NO_LIMITS, start.owner);
    return problem && outputFailure(name, problem);
  } catch (error) {
    return unreadableFailure(name, error);
  }
}

/**
 * The runtime envs of a result are in no file of ours: the steps' own files still have them. Answers the indexes of
 * those steps.
 */
function addRuntimeEnvs({ start, outputs }: JournalledAttempt, result: Result): number[] {
  const envs: Record<string, string> = {};
  const found: number[] = [];
  for (const [index, { name }] of start.steps.entries()) {
    const path = outputPath(start.files, index);
    try {
      if (isThere(path)) found.push(index);
      else if (outputs.includes(index)) throw new Error(`${path} is gone`);
      // What is wrong with it is said by the result already.
      readRuntimeEnvs(path, envs, NO_LIMITS, start.owner);
    } catch (error) {
      if (result.stage === "SUCCEEDED") fail(result, unreadableFailure(name, error));
    }
  }
  if (Object.keys(envs).length > 0) result.runtimeEnvs = envs;
  return found;
}

function readExits(path: string): Map<string, number> {
  try {
    return parseExits(readFileSync(path, "utf8"));
  } catch {
    // Without it the attempt is LOST, which everybody sees.
    return new Map();
  }
}
