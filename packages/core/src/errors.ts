// The one catalogue of errors: a code, an HTTP status and what the reader should do next. Everything that
// mflow refuses is a value of it; docs and API are generated from it.

export interface ErrorDetail {
  /** JSON pointer into the document or request, e.g. `/spec/stages/0/name`. */
  path: string;
  message: string;
  file?: string;
  /** From 1. */
  line?: number;
  /** From 1. */
  column?: number;
  severity?: "error" | "warning";
}

interface CatalogueEntry {
  status: number;
  /** What the code means, for the reference. */
  meaning: string;
  /** What to do next, for people. */
  remedy: string;
}

const entries = {
  BAD_REQUEST: {
    status: 400,
    meaning: "The request makes no sense as it is.",
    remedy: "Correct what the message names.",
  },
  INVALID_DOCUMENT: {
    status: 400,
    meaning: "A manifest or body has errors; each is in `details`.",
    remedy: "Correct each of the details; `mflow lint` shows them with line and column.",
  },
  INVALID_PARAMS: {
    status: 400,
    meaning: "Run params are missing or do not parse.",
    remedy: "Give the named params valid values, e.g. `-p NAME=VALUE`.",
  },
  NOTHING_TO_RUN: {
    status: 400,
    meaning: "Every task of the pipeline is skipped.",
    remedy: "Remove `skipRun` from at least one task.",
  },
  TEMPLATE_NOT_RUNNABLE: {
    status: 400,
    meaning: "A template pipeline cannot be run.",
    remedy: "Run a pipeline that is not a template.",
  },
  TASK_ENDED: {
    status: 400,
    meaning: "The task has ended; its stage is final.",
    remedy: "Run the task again for a new attempt.",
  },
  OUTPUT_TOO_LARGE: {
    status: 400,
    meaning: "A task put out more than 64 runtime envs or 32 KiB.",
    remedy: "Put large data into a file and hand on its path.",
  },
  OUTPUT_REFUSED: {
    status: 400,
    meaning: "A task put out a value that looks like a secret sealed by mflow.",
    remedy: "Put out something else.",
  },
  ARTIFACT_REFUSED: {
    status: 400,
    meaning: "What was sent cannot be kept as an artifact or cache.",
    remedy: "Correct what the message names.",
  },
  COMMENT_REQUIRED: {
    status: 400,
    meaning: "A DENY and a PUSH_BACK need a comment.",
    remedy: "Say why in `comment`.",
  },
  GATE_CANNOT_PASS: {
    status: 400,
    meaning: "A gate of the run could never pass: too few of those who are listed may decide it.",
    remedy:
      "List more people, fill the group (`mflow group set`), lower `required`, or let the starter decide (`allowSelf`).",
  },
  CHAIN_CYCLE: {
    status: 409,
    meaning: "A pipeline would start itself again, by its tasks or by what follows it.",
    remedy: "Take one of the named pipelines out of the circle.",
  },
  CHAIN_DEADLOCK: {
    status: 409,
    meaning: "A run would wait for what a run or task above it holds until this one has ended.",
    remedy: "Take one of the two out of the group, or raise its `limit`.",
  },
  CHAIN_TOO_DEEP: {
    status: 409,
    meaning: "More than 8 pipelines would start each other one after another.",
    remedy: "Put the work of some of them into one pipeline.",
  },
  CONDITION_FAILED: {
    status: 400,
    meaning: "A condition (`when`) cannot be decided: it names a value that is not there, or cannot be read.",
    remedy: "Do what the message says, e.g. ask with `has(...)` first; `mflow lint` checks conditions.",
  },
  UNAUTHORIZED: {
    status: 401,
    meaning: "No valid token was given.",
    remedy: "Send `Authorization: Bearer TOKEN`; a task sends its own current update token.",
  },
  FORBIDDEN: {
    status: 403,
    meaning: "The token is valid but may not do this.",
    remedy: "Ask an admin of the scope for the role that the message names.",
  },
  NOT_LISTED: {
    status: 403,
    meaning: "Only the people listed in a gate decide it.",
    remedy: "Ask one of the people that the message names.",
  },
  SELF_DECISION: {
    status: 403,
    meaning: "Who started the run does not decide its gates.",
    remedy: "Ask another listed person, or set `allowSelf: true` in the gate.",
  },
  CALLBACK_REFUSED: {
    status: 403,
    meaning: "A callback of a chat platform is not genuine, too old, sent before, or of somebody unknown.",
    remedy:
      "Press the button again; an admin compares the channel's secrets, clock and user ids with the app.",
  },
  HOST_REFUSED: {
    status: 403,
    meaning: "The Host or Origin header names another site.",
    remedy: "Call the address that the server printed; allow other names with `--allow-host`.",
  },
  NOT_FOUND: {
    status: 404,
    meaning: "Nothing has this id or name in the scope.",
    remedy: "Check the id or name and the scope.",
  },
  CONFLICT: {
    status: 409,
    meaning: "The state does not allow this now.",
    remedy: "Look at the current state and decide again.",
  },
  ILLEGAL_TRANSITION: {
    status: 409,
    meaning: "A stage cannot follow the present one.",
    remedy: "See the table of transitions in the docs.",
  },
  TASK_IS_RUNNING: {
    status: 409,
    meaning: "The task is under way.",
    remedy: "Wait for its end, or cancel it.",
  },
  PIPELINE_IS_RUNNING: {
    status: 409,
    meaning: "The pipeline allows one unfinished run, and there is one.",
    // What to do with this run the message says, with the names to do it.
    remedy:
      "So that runs of the pipeline always wait in line say `queue: {}` in it; so that several are under way `isParallel: true`.",
  },
  QUEUE_FULL: {
    status: 409,
    meaning: "As many runs wait for the sequence lock as the pipeline allows.",
    remedy: "So that more may wait raise `queue.maxLength` of the pipeline.",
  },
  ALREADY_REPORTED: {
    status: 409,
    meaning: "The task's result is reported and waits for its confirm.",
    remedy: "Wait for the decision.",
  },
  GATE_NOT_OPEN: {
    status: 409,
    meaning: "The gate is not waiting for a decision.",
    remedy: "Look at the task: the gate has not opened yet, or is closed.",
  },
  ALREADY_DECIDED: {
    status: 409,
    meaning: "Each person decides a gate once.",
    remedy: "Another listed person has to decide.",
  },
  CONTENT_CHANGED: {
    status: 409,
    meaning: "The decision was made on other content.",
    remedy: "Look at the gate again and decide on what it shows now.",
  },
  WITHDRAW_REFUSED: {
    status: 409,
    meaning: "There is no pass of one's own to take back, or its task has started or ended.",
    remedy: "Cancel the task or run instead, if it must not go on.",
  },
  PUSH_BACK_REFUSED: {
    status: 409,
    meaning: "The result cannot be pushed back to that task, not now, or not any more.",
    remedy: "Do what the message says, or deny the confirm.",
  },
  LINK_USED: {
    status: 409,
    meaning: "A link or card in a message decides once, and this one has.",
    remedy: "Decide with `mflow audit` or `mflow confirm`, if there is still something to decide.",
  },
  MATRIX_INVALID: {
    status: 400,
    meaning: "The combinations of a task's matrix are wrong, or there are too many.",
    remedy:
      "Correct the `matrix`, or what the earlier task puts out for it; at most 256 combinations are possible.",
  },
  PLAN_CYCLE: {
    status: 400,
    meaning: "Tasks of the pipeline wait for each other.",
    remedy: "Take one of the `needs` away that the message names, or move a task to an earlier stage.",
  },
  AUDIT_DENIED: { status: 409, meaning: "The task's audit was denied.", remedy: "Start a new run." },
  RUN_NOT_ENDED: {
    status: 409,
    meaning: "Only a run that has ended is run again or rolled back.",
    remedy: "Wait for its end, or cancel it (`mflow cancel RUN`).",
  },
  NOTHING_TO_RUN_AGAIN: {
    status: 409,
    meaning: "A rerun would keep every task.",
    remedy:
      "Run all of it again (`--all`), from a task on (`--from TASK`), or change a param (`-p NAME=VALUE`).",
  },
  ARTIFACT_GONE: {
    status: 409,
    meaning: "A rerun or rollback would fetch an artifact that is not kept any more.",
    remedy:
      "Run the task that makes it again as well, or start a new run; a longer `retention` keeps it for the next time.",
  },
  NOTHING_TO_ROLL_BACK: {
    status: 409,
    meaning: "No task of the run can go back to an earlier success.",
    remedy:
      "See why for each task in the message; jobs say `allowRollback: true`. An earlier run is rolled back by its id: `mflow rollback RUN`.",
  },
  NAME_TAKEN: {
    status: 409,
    meaning: "A record of this name exists.",
    remedy: "Choose another name or version, or change the existing record.",
  },
  ALREADY_PUBLISHED: {
    status: 409,
    meaning: "The spec of a PUBLISHED version is frozen.",
    remedy: "Raise `version`.",
  },
  JOB_NOT_RUNNABLE: {
    status: 409,
    meaning: "Only a PUBLISHED job starts new runs.",
    remedy: "Publish the job when it is a DRAFT (`mflow publish`), or name a PUBLISHED version.",
  },
  RUNNER_REFUSED: {
    status: 409,
    meaning: "The runner does not execute this task, however often it is asked.",
    remedy: "Correct what the message names: the runner spec, or how the server is set up.",
  },
  IDEMPOTENCY_CONFLICT: {
    status: 409,
    meaning: "The Idempotency-Key was used for another request.",
    remedy: "Use a fresh key for each new request.",
  },
  EVENTS_ARCHIVED: {
    status: 410,
    meaning: "Events after the place that was asked for are in the archive; the stream begins later.",
    remedy: "Read them with `mflow events --archive`, and go on from the place that the message names.",
  },
  LINK_EXPIRED: {
    status: 410,
    meaning: "A decision link was used after its time.",
    remedy: "Decide with `mflow audit` or `mflow confirm`, or ask for a new message.",
  },
  STALE_REVISION: {
    status: 412,
    meaning: "The record changed since you read it (`If-Match`).",
    remedy: "Read it again and repeat the change.",
  },
  TOO_LARGE: {
    status: 413,
    meaning: "The body is too large or too deep.",
    remedy: "Split it; at most 1 MiB and 64 levels.",
  },
  ARTIFACT_TOO_LARGE: {
    status: 413,
    meaning: "An artifact or cache is larger than the server keeps.",
    remedy: "Keep less, or raise `--artifact-limit`.",
  },
  UNSUPPORTED_MEDIA_TYPE: {
    status: 415,
    meaning: "The body is not of a type that is read here.",
    remedy: "Send `Content-Type: application/json`.",
  },
  TOO_MANY_REQUESTS: {
    status: 429,
    meaning: "Too many requests, or too many wrong tokens.",
    remedy: "Wait as long as `Retry-After` says.",
  },
  INTERNAL: {
    status: 500,
    meaning: "mflow failed; it is not your fault.",
    remedy: "Give the request id to the operator of the server.",
  },
  BAD_CONFIG: {
    status: 500,
    meaning: "A flag or environment variable of the server has a value that makes no sense.",
    remedy: "Correct what `details` names; `mflow server --help` lists flags and variables.",
  },
  DATA_FOLDER_IN_USE: {
    status: 500,
    meaning: "Another server works on this data folder.",
    remedy: "Use the running server, stop it, or choose another folder with `--data`.",
  },
  DATA_FOLDER_REFUSED: {
    status: 500,
    meaning: "The data folder, or a file in it that holds a secret, cannot be used or is open to others.",
    remedy: "Correct its owner or mode as the message says, or choose another folder with `--data`.",
  },
  ADDRESS_REFUSED: {
    status: 500,
    meaning: "The server cannot listen on the address that it was given.",
    remedy: "Choose another with `--port` (0 takes any free one) or `--host`.",
  },
  SECRET_KEY_UNKNOWN: {
    status: 500,
    meaning: "A stored value is sealed with a secret key that this server does not have, or was changed.",
    remedy: "Start the server with the key it was sealed with, as MFLOW_SECRET_KEY_PREVIOUS while rotating.",
  },
  UNAVAILABLE: { status: 503, meaning: "The server is starting or stopping.", remedy: "Try again shortly." },
  STORE_BUSY: {
    status: 503,
    meaning: "The database is locked by another program.",
    remedy: "Find what holds the database and try again.",
  },
  STORE_UNUSABLE: {
    status: 500,
    meaning: "The database cannot be read or written, or is not mflow's.",
    remedy: "Check the path, its permissions and the disk; restore a backup when the file is damaged.",
  },
  STORE_NEWER: {
    status: 500,
    meaning: "A newer version of mflow wrote the database.",
    remedy: "Start that version or a newer one, or restore a backup from before the upgrade.",
  },
  STORE_FULL: {
    status: 507,
    meaning: "The disk is full; nothing was changed.",
    remedy: "Free disk space and try again.",
  },
} satisfies Record<string, CatalogueEntry>;

export type ErrorCode = keyof typeof entries;

/** All errors by code. */
export const CATALOGUE: Readonly<Record<ErrorCode, CatalogueEntry>> = entries;

/** A refusal. `message` says what is wrong with this request; the catalogue says what to do. */
export class MflowError extends Error {
  override readonly name = "MflowError";
  readonly code: ErrorCode;
  readonly details: ErrorDetail[];

  constructor(code: ErrorCode, message: string, details: ErrorDetail[] = []) {
    super(message);
    this.code = code;
    this.details = details;
  }

  /** HTTP status. */
  get status(): number {
    return CATALOGUE[this.code].status;
  }

  get remedy(): string {
    return CATALOGUE[this.code].remedy;
  }
}
