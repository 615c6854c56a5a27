// The pipes that steps write stdout and stderr into. They are named pipes that are opened once and used by one
// step after another, because making pipes costs as much as a third of starting a process. Steps get them
// opened for reading and writing: so a step whose supervisor was killed does not die of a broken pipe, and
// its exit status stays true. (A socket, which Node would make, also cannot be opened as /dev/stdout.)

import { Buffer } from "node:buffer";
import { spawnSync } from "node:child_process";
import { chownSync, closeSync, constants, openSync, readdirSync, rmSync } from "node:fs";
import { Socket } from "node:net";
import { join } from "node:path";
import type { Owner } from "./protocol.ts";
import { makeFolder } from "./supervisor-record.ts";

/** Pipes are made several at once: one program makes them all. */
const MADE_AT_ONCE = 16;
/** Unused pairs that stay open. */
const KEPT_OPEN = 16;

/** Everything is read into one buffer: who listens takes what he needs before the next piece comes. */
const shared = Buffer.allocUnsafeSlow(64 * 1024);

/** One end of a pipe for a step, and the other for us. */
export class Pipe {
  readonly path: string;
  /** What a step gets. */
  writeFd: number;
  /** Pieces that came since the step began. */
  pieces = 0;
  onData: (bytes: Buffer) => void = () => {};
  readonly closed: Promise<void>;
  #isWritable = true;

  constructor(path: string) {
    this.path = path;
    const readFd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
    this.writeFd = openSync(path, constants.O_RDWR);
    const reader = new Socket({
      fd: readFd,
      readable: true,
      writable: false,
      onread: {
        buffer: shared,
        callback: (length) => {
          this.pieces++;
          this.onData(shared.subarray(0, length));
          return true;
        },
      },
    });
    this.closed = new Promise((resolve) => reader.once("close", () => resolve()));
    reader.on("error", () => {}); // Followed by `close`.
    reader.resume();
  }

  /** Gives up our own hold on the writing end; `closed` resolves when nobody else has one. */
  letGo(): void {
    if (this.#isWritable) closeSync(this.writeFd);
    this.#isWritable = false;
  }
}

export interface PipePair {
  out: Pipe;
  err: Pipe;
}

/** The pipes of the steps of one user. */
export class Pipes {
  readonly #folder: string;
  readonly #prefix: string;
  readonly #owner: Owner | undefined;
  readonly #open: PipePair[] = [];
  readonly #names: string[] = [];
  #made = 0;
  /** Pairs that processes hold which outlived their step. */
  #held = 0;

  /** `prefix`: no other supervisor of this folder uses it. */
  constructor(folder: string, prefix: string, owner: Owner | undefined) {
    this.#folder = folder;
    this.#prefix = prefix;
    this.#owner = owner;
    makeFolder(folder);
  }

  get held(): number {
    return this.#held;
  }

  /** A pair that nobody else holds. */
  take(): PipePair {
    const pair = this.#open.pop() ?? { out: new Pipe(this.#name()), err: new Pipe(this.#name()) };
    pair.out.pieces = 0;
    pair.err.pieces = 0;
    return pair;
  }

  /** For a pair that no process holds any more. */
  giveBack(pair: PipePair): void {
    pair.out.onData = pair.err.onData = () => {};
    this.#open.push(pair);
    if (this.#open.length > KEPT_OPEN) void this.#retire(this.#open.shift() as PipePair);
  }

  /**
   * For a pair that processes may hold. Resolves when none does, or with false after `ms`: then their output
   * is read and dropped for as long as they live, so that they do not hang. The pair is used no more.
   */
  async closeWithin(pair: PipePair, ms: number): Promise<boolean> {
    const closed = this.#retire(pair);
    let timer: NodeJS.Timeout | undefined;
    const timeout = new Promise<false>((resolve) => {
      timer = setTimeout(() => resolve(false), ms);
    });
    const inTime = await Promise.race([closed.then(() => true as const), timeout]);
    clearTimeout(timer);
    if (!inTime) {
      this.#held++;
      void closed.then(() => this.#held--);
    }
    return inTime;
  }

  async #retire({ out, err }: PipePair): Promise<void> {
    out.letGo();
    err.letGo();
    await Promise.all([out.closed, err.closed]);
    this.#names.push(out.path, err.path);
  }

  #name(): string {
    const name = this.#names.pop();
    if (name !== undefined) return name;
    const made = Array.from({ length: MADE_AT_ONCE }, () =>
      join(this.#folder, `${this.#prefix}-${this.#made++}`),
    );
    const result = spawnSync("mkfifo", ["-m", "600", ...made], { encoding: "utf8", env: { PATH: PROGRAMS } });
    if (result.status !== 0) {
      throw new Error(`mkfifo made no pipes: ${result.error?.message ?? result.stderr.trim()}`);
    }
    if (this.#owner) for (const path of made) chownSync(path, this.#owner.uid, this.#owner.gid);
    this.#names.push(...made.slice(1));
    return made[0] as string;
  }
}

/** Where the system's own programs are. */
export const PROGRAMS = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/** Reads the pipes of an earlier supervisor into nothing for as long as processes hold them, then removes them. */
export function drainOldPipes(folder: string): void {
  let names: string[] = [];
  try {
    names = readdirSync(folder);
  } catch {
    return; // There were none.
  }
  for (const name of names) {
    const path = join(folder, name);
    const pipe = new Pipe(path);
    pipe.letGo();
    void pipe.closed.then(() => rmSync(path, { force: true }));
  }
}
