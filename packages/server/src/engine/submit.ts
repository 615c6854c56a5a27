// What the rest of the server asks of the engine: one method per verb. Each answers after its commit and
// rejects with an `MflowError` of the catalogue; then nothing has changed.

import type { AgainTask } from "@mflow/core/again";
import type { Actor } from "@mflow/core/change";
import type { RenderedTask } from "@mflow/core/dry-run";
import type { StatusCall } from "@mflow/core/schema/chain";
import type { HistoryEvent } from "@mflow/core/schema/event";
import type { JobTask } from "@mflow/core/schema/job-task";
import type { Pause, PauseRequest } from "@mflow/core/schema/pause";
import type { PipelineTask } from "@mflow/core/schema/pipeline-task";
import type {
  CancelRequest,
  CancelRunRequest,
  DecideRequest,
  RerunRequest,
  RollbackRequest,
  RunJobRequest,
  RunPipelineRequest,
  UpdateOutputRequest,
  UpdateStatusRequest,
  WithdrawRequest,
} from "@mflow/core/schema/request";
import type { Scope } from "@mflow/core/schema/scalars";
import type { Why } from "@mflow/core/schema/why";
import type { WaitFacts } from "@mflow/core/wait-sentence";
import type { Terminal, TerminalRequest } from "../runners/runner.ts";
import type { Pausable } from "./turns.ts";

export type { Actor, Pausable, RenderedTask, Terminal, TerminalRequest };

interface RunInput<T> {
  request: T;
  scope: Scope;
  actor: Actor;
  idempotencyKey?: string;
}

export type RunPipelineInput = RunInput<RunPipelineRequest>;
export type RunJobInput = RunInput<RunJobRequest>;

/** `runId`: the run that the new one is made of. */
type RunOfInput<T> = Omit<RunInput<T>, "scope"> & { runId: string };
export type RerunInput = RunOfInput<RerunRequest>;
export type RollbackInput = RunOfInput<RollbackRequest>;

export interface RunPipelineResult {
  run: PipelineTask;
  tasks: JobTask[];
  /** Only of a dry run, which stores nothing. */
  rendered?: RenderedTask[];
  /** Of a rerun or rollback: what becomes of each task, and why. */
  again?: AgainTask[];
  /** Run params that no task declares, a sentence each. */
  warnings?: string[];
  /** The Idempotency-Key was used before for the same request; this is its run. */
  repeated?: boolean;
}

export interface RunJobResult {
  task: JobTask;
  rendered?: RenderedTask;
  repeated?: boolean;
}

/** Revisions of the record that a change was made for; on any other it is refused with STALE_REVISION. */
export type Revisions = readonly number[];

export interface Engine {
  runPipeline(input: RunPipelineInput): Promise<RunPipelineResult>;
  /** A new run of what a run that ended was asked to do, without what is kept. */
  rerun(input: RerunInput): Promise<RunPipelineResult>;
  /** A new run in mode ROLLBACK: the tasks of a run that ended go back to their last success before it. */
  rollback(input: RollbackInput): Promise<RunPipelineResult>;
  /** With the id of a task that ended: a new attempt of it. */
  runJob(input: RunJobInput): Promise<RunJobResult>;
  /** `actor` is absent when the task's own update token is all that the caller has. */
  updateStatus(id: string, request: UpdateStatusRequest, actor?: Actor, onlyAt?: Revisions): Promise<JobTask>;
  updateOutput(id: string, request: UpdateOutputRequest, actor?: Actor, onlyAt?: Revisions): Promise<JobTask>;
  audit(id: string, request: DecideRequest, actor: Actor, onlyAt?: Revisions): Promise<JobTask>;
  confirm(id: string, request: DecideRequest, actor: Actor, onlyAt?: Revisions): Promise<JobTask>;
  /** Takes back the actor's own pass. */
  withdraw(
    id: string,
    gate: "audit" | "confirm",
    request: WithdrawRequest,
    actor: Actor,
    onlyAt?: Revisions,
  ): Promise<JobTask>;
  /** What somebody outside needs to end a task that waits for a status call; the history says who got it. */
  statusCall(id: string, actor: Actor): Promise<StatusCall>;
  cancelTask(id: string, request: CancelRequest, actor: Actor, onlyAt?: Revisions): Promise<JobTask>;
  /** Cancels the run, or the tasks of the stage that the request names. */
  cancelRun(id: string, request: CancelRunRequest, actor: Actor, onlyAt?: Revisions): Promise<PipelineTask>;
  /** Cancels all runs of a pipeline that wait in line; answers with them, in their order. */
  cancelQueue(scope: Scope, pipeline: string, request: CancelRequest, actor: Actor): Promise<PipelineTask[]>;
  /** Nothing new of the run starts until it is resumed. */
  pauseRun(id: string, request: PauseRequest, actor: Actor, onlyAt?: Revisions): Promise<PipelineTask>;
  resumeRun(id: string, actor: Actor, onlyAt?: Revisions): Promise<PipelineTask>;
  /** Nothing new of the pipeline, or of anything, starts until it is resumed. The first pause stands. */
  pause(what: Pausable, request: PauseRequest, actor: Actor): Promise<Pause>;
  /** Whether it was paused. */
  resume(what: Pausable, actor: Actor): Promise<boolean>;
  pauseOf(what: Pausable): Pause | undefined;
  /** An admin's limit (its name as in `Limit`) is another one now; undefined: there is none. */
  setLimit(name: string, maxTasks: number | undefined): void;
  /**
   * Deletes an ended run or lone task with all that it owns. `because`: the rule of retention that lets it go; then nobody did
   * it, unless `actor` asked for it.
   */
  remove(aggregateId: string, actor?: Actor, because?: string): Promise<void>;
  /** Throws what speaks against a terminal in the task, as far as it is known without asking its runner. */
  checkTerminal(task: JobTask): void;
  /**
   * Opens a terminal in the work of a task, or in a copy of it when it has ended. The history says who, where, and how
   * it ended. Its `ended` resolves once that is written.
   */
  openTerminal(taskId: string, request: TerminalRequest, actor: Actor): Promise<Terminal>;
  /** One sentence that says what an unfinished task waits for, or nothing when it does not wait. */
  waitingFor(task: JobTask): string | undefined;
  /** The same of an unfinished run that waits in line, for its lock, or is paused. */
  runWaitsFor(run: PipelineTask): string | undefined;
  /** Why a run or task waits; NOT_FOUND when there is none. */
  why(id: string): Promise<Why>;
  waitOf(id: string): WaitFacts | undefined;
  /** Calls back for every committed event, in order; the answer unsubscribes. */
  subscribe(listener: (event: HistoryEvent) => void): () => void;
  /**
   * Unfinished runs and lone tasks (gates included), what is still to follow a run, and open terminals, for a server that
   * ends when idle.
   */
  busy(): boolean;
}
