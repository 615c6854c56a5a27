// Everything that can happen to a run or a lone task, and what `decide` needs to know besides the state.

import type { AdmissionView } from "./admission.ts";
import type { RunOrigin } from "./schema/chain.ts";
import type { DecisionSource } from "./schema/decision-record.ts";
import type { JobSnapshot } from "./schema/job.ts";
import type { JobTask, StepStatus } from "./schema/job-task.ts";
import type { PauseRequest } from "./schema/pause.ts";
import type { PipelineSpec } from "./schema/pipeline.ts";
import type { PipelineTask, RunDefinition } from "./schema/pipeline-task.ts";
import type {
  CancelRequest,
  DecideRequest,
  RerunRequest,
  RollbackRequest,
  RunJobRequest,
  RunPipelineRequest,
  UpdateOutputRequest,
  UpdateStatusRequest,
  WithdrawRequest,
} from "./schema/request.ts";
import type { Labels, Scope } from "./schema/scalars.ts";

/** Who acts. `operator`: has the role operator in the scope of what is changed. */
export interface Actor {
  name: string;
  operator: boolean;
  /** From where they act; kept in the decision record. */
  source?: DecisionSource;
}

/** What a runner says of an attempt. */
export interface Report {
  taskId: string;
  /** From 1. */
  attempt: number;
  stage: "CREATING" | "ACTIVE" | "SUCCEEDED" | "FAILED" | "CANCELED";
  /** A code: `EXIT_CODE`, `SIGNAL`, `STEP_TIMEOUT`, `LOST`, ... */
  reason?: string;
  message?: string;
  /** RFC 3339. */
  at: string;
  startAt?: string;
  /** Of `CANCELED`: who canceled the work, when the runner knows. */
  canceledBy?: string;
  steps?: StepStatus[];
  runtimeEnvs?: Record<string, string>;
  /** Runtime envs whose values are sealed already: those of a run that was the work. */
  sealedEnvs?: Record<string, string>;
  markdownOutput?: string;
}

/** The pipeline that a run request names, as it is stored or given. */
export interface PipelineToRun {
  /** Absent when it is not stored. */
  id?: string;
  /** Absent for a nameless spec, which no sequence lock guards. */
  name?: string;
  labels?: Labels;
  spec: PipelineSpec;
}

/** A run as it is stored. */
export interface RunRecord {
  run: PipelineTask;
  definition: RunDefinition;
  tasks: readonly JobTask[];
}

/** The success of a task to which a rollback goes back. */
export interface LastSuccess {
  task: JobTask;
  /** The job as that run had it. */
  job: JobSnapshot;
  /** Of a success that a rerun kept: the run in which the work was done is deleted. */
  isOriginGone?: boolean;
}

/** What a new run is made of when it is made of another one. */
export type MadeOf =
  | { how: "RERUN"; old: RunRecord; request: RerunRequest }
  | {
      how: "ROLLBACK";
      old: RunRecord;
      request: RollbackRequest;
      /** By id of the task that is rolled back; those that never succeeded before are not there. */
      lastSuccesses: ReadonlyMap<string, LastSuccess>;
    };

export interface RunPipelineChange {
  type: "runPipeline";
  /** Id of the new run. */
  id: string;
  request: RunPipelineRequest;
  scope: Scope;
  pipeline: PipelineToRun;
  /** The jobs that its tasks name, by reference as written. */
  jobs: ReadonlyMap<string, JobSnapshot>;
  /** A rerun or a rollback: the definition and the tasks come from that run. */
  madeOf?: MadeOf;
  /** Of a run that another one starts. */
  origin?: RunOrigin;
}

export interface RunJobChange {
  type: "runJob";
  request: RunJobRequest;
  scope: Scope;
  /** Absent when an existing task runs again. */
  job?: JobSnapshot;
}

interface Conditional {
  /** Revisions of the task or run that the change was made for; it is refused on any other. */
  ifRevision?: readonly number[];
}

export type Change =
  | RunPipelineChange
  | RunJobChange
  | { type: "report"; report: Report }
  | ({ type: "updateStatus"; taskId: string; request: UpdateStatusRequest } & Conditional)
  | ({ type: "updateOutput"; taskId: string; request: UpdateOutputRequest } & Conditional)
  | ({ type: "audit"; taskId: string; request: DecideRequest } & Conditional)
  | ({ type: "confirm"; taskId: string; request: DecideRequest } & Conditional)
  | ({ type: "withdraw"; gate: "audit" | "confirm"; taskId: string; request: WithdrawRequest } & Conditional)
  | ({ type: "cancelTask"; taskId: string; request: CancelRequest } & Conditional)
  /** `onlyWaiting`: one whose turn has come meanwhile goes on. */
  | ({ type: "cancelRun"; request: CancelRequest; onlyWaiting?: boolean } & Conditional)
  | ({ type: "cancelStage"; stage: string; request: CancelRequest } & Conditional)
  | ({ type: "pauseRun"; request: PauseRequest } & Conditional)
  | ({ type: "resumeRun" } & Conditional)
  /** A newer run, or a task of one, of the same group has come: this one gives way (`cancelInProgress`). */
  | { type: "giveWay"; taskId?: string; to: string; group: string }
  /** It is the run's turn: to begin, or to have its lock back. */
  | { type: "runTurn" }
  /** It is the task's turn to start: all that it needs, a slot among it, is kept for it. */
  | { type: "taskTurn"; taskId: string }
  /** The run, or the task of it, seems to wait in a circle that nobody else can open. */
  | { type: "giveUp"; taskId?: string }
  /** The task's `wakeAt` has come. */
  | { type: "wake"; taskId: string }
  /** The run's `wakeAt` has come. */
  | { type: "wakeRun" }
  /** The runner refused to start the attempt for good. */
  | { type: "startFailed"; taskId: string; attempt: number; message: string }
  /** The runner answered a stop: nothing of the attempt runs or ever will. */
  | { type: "stopped"; taskId: string; attempt: number }
  /** What became of the pipeline that follows the run. */
  | { type: "nextRun"; outcome: { runId: string } | { code: string; message: string } };

/** What a pure function cannot know by itself. */
export interface Context {
  /** RFC 3339, UTC, milliseconds. */
  now: string;
  /** The same in milliseconds since the epoch. */
  nowMs: number;
  /** Absent for runners, timers, and callers that have a task's update token alone. */
  actor?: Actor;
  /** Who holds what, and what may be taken. */
  admission: AdmissionView;
  /** How long a task with `manualUpdateStatus` may stay without a status once its work is gone, milliseconds. */
  statusGraceMs: number;
  newId(prefix: string): string;
  /** A number from 0 to below 1, another each time. */
  random(): number;
  /** Members of a group in a scope. */
  groupMembers(group: string, scope: Scope): readonly string[];
  /** Who stands in now for a user who is away. */
  standInOf(user: string): string | undefined;
  /**
   * Why a user cannot decide gates in a scope, whoever lists them: `no such user`, `is disabled` or that they may not see
   * its tasks; nothing when they can.
   */
  cannotDecide(user: string, scope: Scope): string | undefined;
  verifyUpdateToken(token: string, taskId: string, attempt: number): boolean;
  seal(plain: string): string;
  unseal(sealed: string): string;
  isSealed(text: string): boolean;
  /** HMAC of a sensitive value, for digests. */
  fingerprint(plain: string): string;
}
