// What the server and the supervisor say to each other over the supervisor's socket: one JSON value a line.
//
// The first line of each side is a hello with its version. The same major version means that they understand
// each other, whichever is newer: unknown messages and fields are ignored, new ones are optional.
// Only these messages carry scripts, environments and secrets; none of them reaches a file.

import type { Buffer } from "node:buffer";
import { StringDecoder } from "node:string_decoder";

export const PROTOCOL = { major: 1, minor: 1 } as const;
/** From this minor version on supervisors know what to do with `files` of a start. */
export const MINOR_WITH_FILES = 1;

export interface Ref {
  taskId: string;
  /** From 1. */
  attempt: number;
}

export interface StepPlan {
  name: string;
  /** Program and arguments that get the script as last argument; absent: `/bin/sh -ec`. */
  shell?: string[];
  script: string;
  /** Laid over the task's environment. */
  env: Record<string, string>;
  /** Relative to the workspace. */
  workdir?: string;
  timeoutMs?: number;
  continueOnError: boolean;
  keepProcesses: boolean;
}

/** Where the steps of a task work: a fresh folder, one folder for all tasks of the aggregate, or a given one. */
export type Workspace =
  | { kind: "task" }
  | { kind: "run"; aggregateId: string }
  | { kind: "path"; path: string };

export interface Limits {
  /** Log of one task, bytes as stored. */
  bytesPerTask: number;
  /** Log of one task, bytes as stored per second; also how much may come at once. */
  bytesPerSecond: number;
  /** Runtime envs of one task. */
  runtimeEnvs: number;
  /** Names and values of the runtime envs together. */
  runtimeEnvBytes: number;
  /** Longer markdown is cut. */
  markdownBytes: number;
}

/** Whom the steps run as, when not as the supervisor itself. */
export interface Owner {
  uid: number;
  gid: number;
}

/** A file or folder that is kept for later tasks. */
export interface ArtifactPlan {
  name: string;
  /** Relative to the workspace. */
  path: string;
  /** It may be missing. */
  optional: boolean;
  /** Also when the steps failed. */
  always: boolean;
  retentionMs?: number;
}

/** Files that are put back before the steps, and saved after them. */
export interface CachePlan {
  prefix?: string;
  /** Globs of the files whose content makes the key. */
  files: string[];
  paths: string[];
  /** Hash of the paths. */
  pathsHash: string;
  /** Also when the steps failed. */
  always: boolean;
}

/** What an attempt does with files before and after its steps. */
export interface FilesPlan {
  /** What is fetched, as the server wrote it: it is asked with the same. */
  fetch: unknown[];
  caches: CachePlan[];
  artifacts: ArtifactPlan[];
  /** Bytes of one artifact or cache as it is stored. */
  limit: number;
}

export interface WantedCache {
  key: string;
  prefix?: string;
  /** Hash of the paths. */
  paths: string;
}

/** What an attempt waits for: files that the server has. */
export type Want = { kind: "fetch"; items: unknown[] } | { kind: "caches"; items: WantedCache[] };

/** A file of the server's whose content goes into the workspace. */
export interface GivenFile {
  file: string;
  kind: "FILE" | "FOLDER";
  /** Folder of the workspace. */
  folder: string;
  /** Of a FILE: its name. */
  name: string;
  executable: boolean;
  /** For the log. */
  what: string;
}

/** Answer to a want: for each cache the one that there is. */
export type Given =
  | { kind: "fetch"; files: GivenFile[] }
  | { kind: "caches"; caches: ({ file: string; key: string } | null)[] }
  | { kind: "failure"; message: string };

/** Files that an attempt keeps; they are there until it is forgotten. */
export interface Kept {
  artifacts: {
    name: string;
    kind: "FILE" | "FOLDER";
    path: string;
    executable: boolean;
    file: string;
    sha256: string;
    retentionMs?: number;
  }[];
  caches: { key: string; paths: string; file: string; replace: boolean }[];
}

export interface StartMessage {
  type: "start";
  ref: Ref;
  steps: StepPlan[];
  workspace: Workspace;
  env: Record<string, string>;
  secrets: string[];
  /** Time between SIGTERM and SIGKILL when a step runs out of time, milliseconds. */
  graceMs: number;
  limits: Limits;
  owner?: Owner;
  files?: FilesPlan;
}

export type ToSupervisor =
  | { type: "hello"; version: { major: number; minor: number } }
  | StartMessage
  | { type: "stop"; ref: Ref; graceMs: number }
  | { type: "list"; id: number }
  | { type: "given"; ref: Ref; given: Given }
  /** The results and logs of these attempts are stored elsewhere: forget them. */
  | { type: "ack"; refs: Ref[] }
  | { type: "release"; id: number; aggregateId: string };

/** As `StepStatus` of the product. */
export interface StepResult {
  name: string;
  startAt?: string;
  endAt?: string;
  durationMs?: number;
  exitCode?: number;
  signal?: string;
  timedOut?: boolean;
  peakMemoryBytes?: number;
  peakMemorySource?: "CGROUP" | "SAMPLED";
}

/** How an attempt ended. */
export interface Result {
  stage: "SUCCEEDED" | "FAILED" | "CANCELED";
  reason?: string;
  message?: string;
  /** RFC 3339. */
  at: string;
  startAt?: string;
  steps: StepResult[];
  runtimeEnvs?: Record<string, string>;
  markdownOutput?: string;
  kept?: Kept;
}

/** How far the spool of an attempt has come; the file holds one `SpoolLine` a line. */
export interface SpoolExtent {
  path: string;
  lines: number;
  bytes: number;
}

/** Number from 1, milliseconds since the epoch, stream, step, text. */
export type SpoolLine = [number, number, "stdout" | "stderr" | "mflow", string, string];

/** What the supervisor knows of an attempt when a server connects. */
export interface KnownAttempt {
  ref: Ref;
  startAt?: string;
  spool?: SpoolExtent;
  result?: Result;
  /** The log of an attempt that has no spool: lines as in one. */
  log?: string;
  /** It waits for this. */
  want?: Want;
}

export type FromSupervisor =
  | { type: "hello"; version: { major: number; minor: number }; pid: number; attempts: KnownAttempt[] }
  /** Answer to a start that did not begin new work. One that did is answered by `active` or `result`. */
  | { type: "started"; ref: Ref; state: "EXISTS" | "STOPPED" }
  | { type: "startFailed"; ref: Ref; message: string; retryable: boolean }
  | { type: "active"; ref: Ref; startAt: string }
  | { type: "grew"; ref: Ref; spool: SpoolExtent }
  | { type: "result"; ref: Ref; result: Result; spool?: SpoolExtent; log?: string }
  /** The attempt waits for files; answered by `given`. */
  | { type: "want"; ref: Ref; want: Want }
  | { type: "stopped"; ref: Ref; state: "GONE" | "STOPPING" }
  | { type: "stopFailed"; ref: Ref; message: string }
  | { type: "listed"; id: number; refs: Ref[] }
  | { type: "released"; id: number; error?: string }
  /** Another server took over; this connection ends. */
  | { type: "replaced" };

/** One text for an attempt; also the name of its folder. Throws when it could leave that folder. */
export function keyOf({ taskId, attempt }: Ref): string {
  if (!/^[A-Za-z0-9][A-Za-z0-9_-]{0,127}$/.test(taskId) || !Number.isSafeInteger(attempt) || attempt < 1) {
    throw new Error(`'${taskId}', attempt ${attempt}, is no attempt of a task`);
  }
  return `${taskId}.${attempt}`;
}

/** Splits what comes over the socket into messages. Throws when a line is not JSON. */
export class MessageReader<M> {
  readonly #decoder = new StringDecoder("utf8");
  #rest = "";

  push(bytes: Buffer): M[] {
    const text = this.#decoder.write(bytes);
    const end = text.lastIndexOf("\n");
    if (end === -1) {
      this.#rest += text;
      return [];
    }
    const lines = (this.#rest + text.slice(0, end)).split("\n");
    this.#rest = text.slice(end + 1);
    return lines.map((line) => JSON.parse(line) as M);
  }
}

/** A message as it goes over the socket: one line. */
export function encodeMessage(message: ToSupervisor | FromSupervisor): string {
  return `${JSON.stringify(message)}\n`;
}
