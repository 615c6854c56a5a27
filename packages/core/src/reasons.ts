// The codes in `status.reason`: why a task or a run is in its stage. Programs decide by them; the docs print
// them. A runner may add codes of its own, and a FAKE job gives whatever its spec says.

/** What each code means. */
export const REASONS = {
  AUDIT_DENIED: "The audit was denied; the task never ran.",
  AUDIT_EXPIRED: "Nobody decided the audit in time; the task never ran.",
  CONFIRM_DENIED: "The work ended, and its confirm was denied.",
  CONFIRM_EXPIRED: "The work ended, and nobody decided its confirm in time.",
  EXIT_CODE: "A step ended with an exit code other than 0.",
  FORCED: "An operator set the stage with `forceUpdateStatus`.",
  LOST: "The runner does not know the attempt any more; whether its work was done is unknown.",
  NO_STATUS:
    "The work of a task with `manualUpdateStatus` is gone, and no status call came within the grace.",
  OUTPUT_INVALID:
    "A step wrote something into `$MFLOW_OUTPUT` that is neither `NAME=value` nor `NAME<<WORD`.",
  OUTPUT_REFUSED: "The task put out a value that looks like a secret sealed by mflow.",
  OUTPUT_TOO_LARGE: "The task put out more runtime envs than a task may have.",
  PUSHED_BACK: "Of an attempt before the present one: a person pushed a result back before it had ended.",
  REPORTED: "The task's status call said FAILED.",
  RUNNER_ERROR: "The runner failed while it ran the task.",
  RUN_CANCELED: "The run was canceled before the task's turn.",
  RUN_FAILED: "The run failed before the task's turn; the task is SKIPPED.",
  SIGNAL: "A signal ended a step.",
  SPAWN_ERROR: "A step could not be started, e.g. because its shell or folder does not exist.",
  START_ERROR: "The task could not be started: its params are not complete, or the runner refused it.",
  STEP_TIMEOUT: "A step took longer than its `timeout`.",
  TASK_FAILED: "Of a run: one of its tasks FAILED.",
  TIMEOUT: "The task took longer than its `timeout` and was stopped.",
} as const satisfies Record<string, string>;
