// The codes in `status.reason`: why a task or a run is in its stage. Programs decide by them; the docs print
// them. A runner may add codes of its own, and a FAKE job gives whatever its spec says.

/** What each code means. */
export const REASONS = {
  ARTIFACT_MISSING: "The steps succeeded, but a file or folder that the task keeps is not there.",
  ARTIFACT_REFUSED: "What the task keeps cannot be kept: it leaves the workspace, or is no file or folder.",
  ARTIFACT_TOO_LARGE: "An artifact of the task is larger than the server keeps (`--artifact-limit`).",
  AUDIT_DENIED: "The audit was denied; the task never ran.",
  AUDIT_EXPIRED: "Nobody decided the audit in time; the task never ran.",
  CHILD_FAILED: "The run that a PIPELINE task waited for FAILED; the message has its id and its reason.",
  CONFIG_MISSING: "A container names a Secret, a ConfigMap or a key of one that does not exist.",
  CONFIRM_DENIED: "The work ended, and its confirm was denied.",
  CONFIRM_EXPIRED: "The work ended, and nobody decided its confirm in time.",
  DEADLOCK:
    "The task or run and others waited for each other in a circle, for ever; it came last and gave up. The message names them.",
  DEADLINE: "The Job took longer than its `activeDeadlineSeconds`, and the cluster stopped it.",
  DELETED_OUTSIDE:
    "Somebody else than mflow deleted the Job or its pod; whether its work was done is unknown.",
  EVICTED:
    "The cluster removed the pod from its node: it was short of memory or disk, drained, or needed for a pod of higher priority.",
  EXIT_CODE: "A step or container ended with an exit code other than 0.",
  FETCH_FAILED: "What the task fetches of an earlier task is not there, or cannot be put into the workspace.",
  FORCED: "An operator set the stage with `forceUpdateStatus`.",
  IMAGE_PULL: "The image of a container cannot be pulled.",
  INVALID_CONTAINER:
    "A container cannot be started as it is described, e.g. because its command or a path does not exist.",
  LOST: "The runner does not know the attempt any more; whether its work was done is unknown.",
  MATRIX_EMPTY: "The runtime env from which the matrix comes has no such combination; the task is SKIPPED.",
  NODE_LOST: "The node that the pod ran on is gone or does not answer; whether its work was done is unknown.",
  NO_STATUS:
    "The work of a task with `manualUpdateStatus` is gone, and no status call came within the grace.",
  OOMKILLED: "A container used more memory than its limit or its node has, and was killed.",
  OUTPUT_INVALID:
    "A step wrote something into `$MFLOW_OUTPUT` that is neither `NAME=value` nor `NAME<<WORD`.",
  OUTPUT_REFUSED: "The task put out a value that looks like a secret sealed by mflow.",
  OUTPUT_TOO_LARGE: "The task put out more runtime envs than a task may have.",
  POD_FAILED: "The pod failed, and the cluster gives no cause that mflow knows; the message has its words.",
  PUSHED_BACK: "Of an attempt before the present one: a person pushed a result back before it had ended.",
  QUOTA: "A quota or limit of the namespace does not allow the pod.",
  REPORTED: "The task's status call said FAILED.",
  RETENTION: "Of a deletion: the rule of retention that the message names let the ended run go.",
  RUNNER_ERROR: "The runner failed while it ran the task.",
  RUN_CANCELED: "The run was canceled before the task's turn.",
  RUN_FAILED: "The run failed before the task's turn; the task is SKIPPED.",
  SIGNAL: "A signal ended a step.",
  SPAWN_ERROR: "A step could not be started, e.g. because its shell or folder does not exist.",
  START_ERROR: "The task could not be started: its params are not complete, or the runner refused it.",
  STAGE_TIMEOUT: "The `timeout` of its stage was over before the task's turn; the task is SKIPPED.",
  STEP_TIMEOUT: "A step took longer than its `timeout`.",
  TASK_FAILED: "Of a run: one of its tasks FAILED.",
  TIMEOUT: "The task, its stage or its run took longer than the `timeout` and was stopped.",
  UNSCHEDULABLE: "No node takes the pod: none has what it asks for.",
  WHEN_ERROR: "The `when` of the task or of its stage could not be decided.",
  WHEN_FALSE: "The `when` of the task or of its stage was false; the task is SKIPPED.",
} as const satisfies Record<string, string>;
