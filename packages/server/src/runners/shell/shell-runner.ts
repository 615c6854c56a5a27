// The SHELL runner: runs the steps of tasks as processes of this machine. The work is done by a supervisor (see
// supervisor/), a small process per data folder that outlives the server; here is its client.
//
// With the same user as the server, SHELL is no security boundary: steps can read what the server can.

import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { MflowError } from "@mflow/core/errors";
import { attemptKey } from "../attempt-key.ts";
import {
  type AttemptRef,
  RetryableStartError,
  type Runner,
  type RunnerHost,
  type StartRequest,
  type StartResult,
  type StopOptions,
  type StopResult,
} from "../runner.ts";
import { AttemptFollower } from "./attempt-follower.ts";
import { FileProvider } from "./file-provider.ts";
import { startMessage } from "./start-message.ts";
import { findUser, type StepUser, serverUser } from "./step-user.ts";
import { homeOf } from "./supervisor/folders.ts";
import { readJournal } from "./supervisor/journal.ts";
import {
  type FromSupervisor,
  type KnownAttempt,
  MINOR_WITH_FILES,
  type Ref,
  type StartMessage,
  type ToSupervisor,
} from "./supervisor/protocol.ts";
import { replay } from "./supervisor/recovery.ts";
import { findSupervisor, supervisorFolder } from "./supervisor/supervisor-record.ts";
import { SupervisorLink } from "./supervisor-link.ts";

export interface RunnerLog {
  info(message: string): void;
  warn(message: string): void;
}

export interface ShellRunnerOptions {
  dataDir: string;
  /** Name of the user that steps run as; only root can run them as another. */
  user?: string;
  /** Run steps as root when the server is root and no `user` is given. */
  allowRootSteps: boolean;
  /** Time between SIGTERM and SIGKILL when a step runs out of time, milliseconds. */
  graceMs: number;
  /** Log of one task: bytes as stored, in all and per second. */
  limits: { bytesPerTask: number; bytesPerSecond: number };
  /** Bytes of one artifact or cache (default 1 GiB). */
  artifactBytes?: number;
  /** `PATH` of the steps. */
  path?: string;
  /** Program and arguments of the supervisor, instead of its own. */
  supervisorCommand?: string[];
  /** How long the supervisor outlives its last server and its last work, milliseconds (default 10 s). */
  supervisorIdleMs?: number;
  log: RunnerLog;
}

/** Log of one task unless configured: 64 MiB in all, 8 MiB per second. */
export const DEFAULT_LIMITS = { bytesPerTask: 64 * 1024 * 1024, bytesPerSecond: 8 * 1024 * 1024 };

const DEFAULT_ARTIFACT_BYTES = 2 ** 30;
const DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
/** Acknowledgements wait so long for other messages to go with. */
const ACK_MS = 10;
const MAX_BACKOFF_MS = 5000;

interface Pending<T> {
  message: ToSupervisor;
  promise: Promise<T>;
  resolve(value: T): void;
  reject(error: Error): void;
}

export function createShellRunner(options: ShellRunnerOptions): Runner {
  return new ShellRunner(options);
}

class ShellRunner implements Runner {
  readonly type = "SHELL";
  readonly #options: ShellRunnerOptions;
  readonly #dataDir: string;
  readonly #link: SupervisorLink;
  readonly #followers = new Map<string, AttemptFollower>();
  readonly #starts = new Map<string, Pending<StartResult>>();
  readonly #stops = new Map<string, Pending<StopResult>>();
  readonly #requests = new Map<number, Pending<Ref[]>>();
  #lastRequest = 0;
  #acks: Ref[] = [];
  #ackTimer: NodeJS.Timeout | undefined;
  #host: RunnerHost | undefined;
  #user: StepUser | undefined;
  #reconnecting = false;
  readonly #provider: FileProvider;

  constructor(options: ShellRunnerOptions) {
    this.#options = options;
    this.#provider = new FileProvider({
      host: () => this.#host,
      send: (message) => this.#link.send(message),
      warn: (message) => options.log.warn(message),
    });
    this.#dataDir = resolve(options.dataDir);
    this.#link = new SupervisorLink(
      { dataDir: this.#dataDir, command: options.supervisorCommand, idleMs: options.supervisorIdleMs },
      {
        up: (attempts) => this.#up(attempts),
        message: (message) => this.#hear(message),
        down: () => this.#down(),
      },
    );
  }

  async open(host: RunnerHost): Promise<void> {
    this.#host = host;
    this.#user = this.#options.user === undefined ? serverUser() : await findUser(this.#options.user);
    // Without work that is under way the supervisor is started when the first task needs it.
    if (this.#mayKnowAttempts()) await this.#link.connect();
  }

  async start(request: StartRequest): Promise<StartResult> {
    const key = attemptKey(request);
    const message = this.#startMessage(request);
    const before = this.#starts.get(key);
    if (before)
      return before.promise.then(({ state }) => ({ state: state === "STARTED" ? "EXISTS" : state }));
    try {
      await this.#link.connect();
    } catch (error) {
      throw new RetryableStartError(`the supervisor cannot be reached: ${messageOf(error)}`);
    }
    if (message.files && this.#link.minor < MINOR_WITH_FILES) {
      throw new RetryableStartError(
        "the supervisor that runs is of an older version and keeps no artifacts; it ends when its tasks have ended",
      );
    }
    return this.#ask(this.#starts, key, message);
  }

  async stop(ref: AttemptRef, { graceMs }: StopOptions): Promise<StopResult> {
    const key = attemptKey(ref);
    await this.#link.connect();
    // The answers name no stop: one is asked for after another.
    for (let before = this.#stops.get(key); before; before = this.#stops.get(key)) await before.promise;
    return this.#ask(this.#stops, key, { type: "stop", ref: plain(ref), graceMs });
  }

  async list(): Promise<AttemptRef[]> {
    if (!this.#link.isUp && !this.#mayKnowAttempts()) return [];
    await this.#link.connect();
    const id = ++this.#lastRequest;
    return this.#ask(this.#requests, id, { type: "list", id });
  }

  waitingFor(ref: AttemptRef): string | undefined {
    const wanted = this.#provider.troubleOf(ref);
    if (wanted !== undefined) return `waits for files that it fetches: ${wanted}`;
    const follower = this.#followers.get(attemptKey(ref));
    // While its steps run, a log that cannot be stored keeps nothing from going on.
    if (!follower?.hasResult || follower.trouble === undefined) return undefined;
    return `its steps have ended; waits until its result and what it keeps are stored: ${follower.trouble}`;
  }

  async release(aggregateId: string): Promise<void> {
    if (!existsSync(join(this.#home, "runs", aggregateId))) return;
    await this.#link.connect();
    const id = ++this.#lastRequest;
    await this.#ask(this.#requests, id, { type: "release", id, aggregateId });
  }

  async close(): Promise<void> {
    this.#host = undefined;
    this.#sendAcks();
    for (const follower of this.#followers.values()) follower.close();
    this.#followers.clear();
    this.#link.close();
    this.#rejectPending("the runner is closed");
  }

  #startMessage(request: StartRequest): StartMessage {
    const { user: name, allowRootSteps, path, graceMs, limits } = this.#options;
    const user = this.#user;
    const own = serverUser();
    if (!user)
      throw new MflowError("RUNNER_REFUSED", `there is no user '${name}' on this machine to run steps as`);
    if (user.uid !== own.uid && own.uid !== 0) {
      throw new MflowError(
        "RUNNER_REFUSED",
        `only root can run steps as '${name}'; the server runs as '${own.name}'`,
      );
    }
    if (user.uid === 0 && !allowRootSteps) {
      throw new MflowError(
        "RUNNER_REFUSED",
        "SHELL tasks do not run as root: start the server as another user, or with --shell-user NAME, or with " +
          "--allow-root-steps if they may do everything on this machine",
      );
    }
    return startMessage(request, {
      user,
      otherUser: user.uid !== own.uid,
      path: path ?? DEFAULT_PATH,
      graceMs,
      limits,
      artifactBytes: this.#options.artifactBytes ?? DEFAULT_ARTIFACT_BYTES,
    });
  }

  /** Where the steps' folders are. */
  get #home(): string {
    const user = this.#user;
    if (!user || user.uid === serverUser().uid) return supervisorFolder(this.#dataDir);
    return homeOf(this.#dataDir, user);
  }

  #mayKnowAttempts(): boolean {
    if (findSupervisor(this.#dataDir)) return true;
    return replay(readJournal(supervisorFolder(this.#dataDir))).length > 0;
  }

  #ask<K, T>(pendings: Map<K, Pending<T>>, key: K, message: ToSupervisor): Promise<T> {
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    pendings.set(key, { message, promise, resolve, reject });
    this.#sendAcks();
    if (this.#link.isUp) this.#link.send(message);
    else this.#down();
    return promise;
  }

  #up(attempts: KnownAttempt[]): void {
    const known = new Set(attempts.map(({ ref }) => attemptKey(ref)));
    for (const attempt of attempts) {
      const follower = this.#follower(attempt.ref, false);
      if (attempt.startAt !== undefined && !attempt.result) follower.active(attempt.startAt);
      if (attempt.spool) follower.grew(attempt.spool);
      if (attempt.want) this.#provider.provide(attempt.ref, attempt.want);
      if (attempt.result) follower.end(attempt.result, attempt.spool, attempt.log);
    }
    for (const [key, follower] of this.#followers) {
      if (known.has(key) || follower.hasResult) continue;
      const message = "the supervisor does not know this attempt any more";
      follower.end(
        { stage: "FAILED", reason: "LOST", message, at: new Date().toISOString(), steps: [] },
        undefined,
      );
    }
    for (const { message } of this.#pending()) this.#link.send(message);
  }

  #hear(message: FromSupervisor): void {
    switch (message.type) {
      case "started":
        settle(this.#starts, attemptKey(message.ref))?.resolve({ state: message.state });
        break;
      case "startFailed": {
        const Failure = message.retryable ? RetryableStartError : Error;
        settle(this.#starts, attemptKey(message.ref))?.reject(new Failure(message.message));
        break;
      }
      case "active":
        this.#began(message.ref);
        this.#follower(message.ref, true).active(message.startAt);
        break;
      case "grew":
        this.#follower(message.ref, true).grew(message.spool);
        break;
      case "want":
        this.#provider.provide(message.ref, message.want);
        break;
      case "result":
        this.#began(message.ref);
        this.#follower(message.ref, true).end(message.result, message.spool, message.log);
        break;
      case "stopped":
        settle(this.#stops, attemptKey(message.ref))?.resolve(message.state);
        break;
      case "stopFailed":
        settle(this.#stops, attemptKey(message.ref))?.reject(new Error(message.message));
        break;
      case "listed":
        settle(this.#requests, message.id)?.resolve(message.refs);
        break;
      case "released": {
        const pending = settle(this.#requests, message.id);
        if (message.error === undefined) pending?.resolve([]);
        else pending?.reject(new Error(message.error));
        break;
      }
      case "replaced":
        this.#options.log.warn("another server has taken over the supervisor of this data folder");
        this.#followers.clear();
        this.#rejectPending("another server has taken over the supervisor");
    }
  }

  #began(ref: Ref): void {
    settle(this.#starts, attemptKey(ref))?.resolve({ state: "STARTED" });
  }

  #follower(ref: Ref, fresh: boolean): AttemptFollower {
    const key = attemptKey(ref);
    let follower = this.#followers.get(key);
    if (!follower) {
      follower = new AttemptFollower(ref, fresh, this.#host as RunnerHost, {
        done: () => {
          this.#followers.delete(key);
          this.#acks.push(ref);
          this.#ackTimer ??= setTimeout(() => this.#sendAcks(), ACK_MS);
        },
        warn: (message) => this.#options.log.warn(message),
      });
      this.#followers.set(key, follower);
    }
    return follower;
  }

  #sendAcks(): void {
    clearTimeout(this.#ackTimer);
    this.#ackTimer = undefined;
    if (this.#acks.length === 0) return;
    this.#link.send({ type: "ack", refs: this.#acks });
    this.#acks = [];
  }

  #down(): void {
    this.#options.log.warn("the connection to the supervisor is gone");
    if (!this.#reconnecting) void this.#reconnect();
  }

  /** Tries until it works, as long as there is a reason. */
  async #reconnect(): Promise<void> {
    this.#reconnecting = true;
    let backoff = 50;
    while (this.#host && !this.#link.isUp && (this.#followers.size > 0 || this.#pending().length > 0)) {
      try {
        await this.#link.connect();
      } catch (error) {
        this.#options.log.warn(`the supervisor cannot be reached: ${messageOf(error)}`);
        this.#rejectPending(`the supervisor cannot be reached: ${messageOf(error)}`);
        await new Promise((wake) => setTimeout(wake, backoff));
        backoff = Math.min(backoff * 2, MAX_BACKOFF_MS);
      }
    }
    this.#reconnecting = false;
  }

  #pending(): { message: ToSupervisor }[] {
    return [...this.#starts.values(), ...this.#stops.values(), ...this.#requests.values()];
  }

  #rejectPending(reason: string): void {
    for (const pending of this.#starts.values()) pending.reject(new RetryableStartError(reason));
    for (const pending of this.#stops.values()) pending.reject(new Error(reason));
    for (const pending of this.#requests.values()) pending.reject(new Error(reason));
    this.#starts.clear();
    this.#stops.clear();
    this.#requests.clear();
  }
}

function settle<K, T>(pendings: Map<K, Pending<T>>, key: K): Pending<T> | undefined {
  const pending = pendings.get(key);
  pendings.delete(key);
  return pending;
}

function plain({ taskId, attempt }: AttemptRef): Ref {
  return { taskId, attempt };
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
