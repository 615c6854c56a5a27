// The contract of a runner: what executes the attempts of tasks. runner.conformance.ts tests each sentence here.
//
// - `start` is idempotent: an attempt that exists already is returned, never created twice.
// - `stop` of an attempt that the runner does not know leaves a durable tombstone that makes a later
//   `start` of that attempt a no-op answered with `STOPPED`.
// - A later `stop` with a shorter grace shortens the grace that runs; any other changes nothing. A grace of 0 ends the
//   work at once, whatever it does with signals and however long its own grace is.
// - The engine never calls `start` and `stop` of one attempt at the same time.
// - Reports may come twice, late, out of order, and before `start` returned; the engine copes. A runner
//   repeats a final report until the engine has accepted it, also after a restart.
// - After a restart `list` names every attempt that the runner still knows, running or ended with a result
//   that was not accepted yet. What the engine expects and `list` lacks is LOST.
// - A runner whose attempts are told by the engine's rows alone keeps nothing and has `resume`; then, instead of the
//   sentences on what is kept above: `list` names nothing; the rows are the tombstone, so that `start` of an attempt that
//   the engine does not want any more (`RunnerHost.isWanted`) is answered with `STOPPED`; `start` again of one that is
//   under way does nothing twice; and after a restart the engine hands each attempt under way to `resume` instead of
//   asking `list`, so that none is LOST unless the runner reports it so. keeps-nothing.conformance.ts tests these.
// - Calls under way when the runner is closed end soon, with an error where they cannot be answered any more.
// - Errors: throw `RetryableStartError` when another try may help; any other error of `start` fails the attempt.

import type { Report } from "@mflow/core/change";
import type { Keep } from "@mflow/core/keep";
import type { LogAppender } from "../logs/log-store.ts";
import type { WorkFiles } from "./work-files.ts";

export interface AttemptRef {
  taskId: string;
  /** From 1. */
  attempt: number;
}

/** Everything a runner needs to execute one attempt. Holds secrets: never stored, never logged. */
export interface StartRequest extends AttemptRef {
  /** The task's name, for people. */
  name: string;
  domain: string;
  namespace: string;
  pipelineTaskId?: string;
  /** The rendered runner spec. */
  spec: Record<string, unknown>;
  /** Name of the job. */
  job: string;
  /** How long the task may take, milliseconds; the engine stops it then. */
  timeoutMs?: number;
  /** ENV params and system variables. */
  env: Record<string, string>;
  /** Names in `env` whose values are secret. */
  secretEnv: string[];
  /** RUNNER params by name. */
  runnerParams: Record<string, string>;
  /** Sensitive values that must not reach a log. */
  secrets: string[];
  labels: Record<string, string>;
  manualUpdateStatus: boolean;
  /** What it does with files before and after its work; absent: nothing. */
  keep?: Keep;
}

export type StartResult = { state: "STARTED" } | { state: "EXISTS" } | { state: "STOPPED" };

export interface StopOptions {
  /** Time between SIGTERM and SIGKILL, milliseconds; a pod's own `terminationGracePeriodSeconds` wins over one above 0. */
  graceMs: number;
}

/** `GONE`: nothing of the attempt runs or ever will, and no report follows. `STOPPING`: a final report follows. */
export type StopResult = "GONE" | "STOPPING";

/** What a runner says of an attempt; `at` is when it happened, not when it was noticed. */
export type RunnerReport = Report;

/** What the engine gives to a runner when it opens it. */
export interface RunnerHost {
  /** Resolves when the report is committed or was recognised as late; rejects when it must be repeated. */
  report(report: RunnerReport): Promise<void>;
  logs: LogAppender;
  /** The store of artifacts and caches; absent: the server has none, and nothing can be kept. */
  files?: WorkFiles;
  /**
   * Whether the attempt is under way by what is stored: `OVER` when it has ended or another one has begun, `UNKNOWN` when
   * there is no such task.
   */
  standing(ref: AttemptRef): Promise<"AT_WORK" | "OVER" | "UNKNOWN">;
  /** Whether the attempt is still to be worked on by what is stored: it is under way, and nobody has told it to stop. */
  isWanted(ref: AttemptRef): Promise<boolean>;
  /** Whether the attempt is under way by what is stored, and was told to stop: it is canceled or out of time. */
  isStopping(ref: AttemptRef): Promise<boolean>;
  /** What `start` was given for an attempt, made anew; undefined when it is not to be started any more. */
  startRequest(ref: AttemptRef): Promise<StartRequest | undefined>;
}

/** How a terminal is opened in the work of an attempt. */
export interface TerminalRequest {
  /** The container; default: the first one. */
  container?: string;
  /** Program and arguments; default: a shell. */
  command?: string[];
  columns: number;
  rows: number;
  /** What the program prints, never two at once: no more comes before the answer has resolved. Does not reject. */
  output(data: Uint8Array): Promise<void>;
  /** Aborted when nobody waits for the terminal any more: what was made for it is removed. */
  signal?: AbortSignal;
}

export interface TerminalEnd {
  /** Absent when the session ended otherwise. */
  exitCode?: number;
  /** A sentence, when it was not the program that ended. */
  reason?: string;
}

/** A session of a person in the work of an attempt. */
export interface Terminal {
  container: string;
  /** The work has ended: this is a copy of it, made for the session and removed with it. */
  isCopy: boolean;
  /** Keys for the program; resolves when it has room for more, also once the session has ended. Does not reject. */
  write(data: Uint8Array): Promise<void>;
  resize(columns: number, rows: number): void;
  /** Ends the session; `ended` follows, with this reason. */
  close(reason: string): void;
  /** Resolves once nothing of the session is left, or its removal takes too long and goes on alone; never rejects. */
  ended: Promise<TerminalEnd>;
}

/** `start` failed in a way that may pass: the task stays CREATING and the engine tries again with backoff. */
export class RetryableStartError extends Error {
  override readonly name = "RetryableStartError";
}

export interface Runner {
  readonly type: string;
  /** Connects to what runs the work and begins to report. Called once, before anything else. */
  open(host: RunnerHost): Promise<void>;
  start(request: StartRequest): Promise<StartResult>;
  stop(ref: AttemptRef, options: StopOptions): Promise<StopResult>;
  list(): Promise<AttemptRef[]>;
  /**
   * Takes up an attempt that is under way by the rows, after a restart and once all runners are open. Only of a runner
   * that keeps nothing itself; see above. Reports what has become of it where that is not under way in another way.
   */
  resume?(ref: AttemptRef): Promise<void>;
  /** The run or lone task has ended: what it kept for its tasks (workspaces) may go. */
  release(aggregateId: string): Promise<void>;
  /**
   * One sentence that says what an attempt waits for that was started: its work is not there yet, or the store of its files
   * is away. Nothing of one that runs. Of one that is stopped, why its work does not end, when that is known.
   */
  waitingFor?(ref: AttemptRef): string | undefined;
  /**
   * Opens a terminal in the work of an attempt, which may have ended. Absent where nobody can be let in. Rejects with an
   * MflowError: CONFLICT when nothing of the work runs yet, or nothing is left of it; NOT_FOUND for a container that is
   * not there.
   */
  openTerminal?(ref: AttemptRef, request: TerminalRequest): Promise<Terminal>;
  /**
   * Asks where the work would run whether it would be taken there, and makes nothing. Answers with what would be made, for
   * people; rejects with an MflowError that says why not.
   */
  tryOut?(request: StartRequest): Promise<Record<string, unknown> | undefined>;
  /**
   * The task is deleted: what is kept of its ended attempts goes now, also when what runs the work is away at the moment.
   * Durable when it resolves.
   */
  discard?(taskId: string): Promise<void>;
  /**
   * Stops reporting; leaves running work alone. Calls under way end soon: those that cannot be answered any more reject,
   * and what they were to do is asked for again after the restart.
   */
  close(): Promise<void>;
}
