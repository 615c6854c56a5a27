// The pipes that steps write stdout and stderr into, and launchers their notices. They are named pipes that are
// opened once and used by one step after another. Steps get them opened for reading and writing: so a step
// whose supervisor was killed does not die of a broken pipe, and its exit status stays true. (A socket, which
// Node would make, also cannot be opened as /dev/stdout.)

import { Buffer } from "node:buffer";
import { spawnSync } from "node:child_process";
import { chownSync, closeSync, constants, openSync, readdirSync, rmSync } from "node:fs";
import { Socket } from "node:net";
import { join } from "node:path";
import type { Owner } from "./protocol.ts";
import { makeFolder } from "./supervisor-record.ts";
import { PROGRAMS } from "./system-path.ts";

/** Pipes are made several at once: one program makes them all. */
const MADE_AT_ONCE = 20;

/** Everything is read into one buffer: who listens takes what he needs before the next piece comes. */
const shared = Buffer.allocUnsafeSlow(64 * 1024);

/** One end of a pipe for others, and the other for us. */
export class Pipe {
  readonly path: string;
  /** For the process that writes. */
  readonly writeFd: number;
  /** Number of pieces that came. */
  pieces = 0;
  onData: (bytes: Buffer) => void = () => {};
  /** Resolves when nobody can write any more. */
  readonly closed: Promise<void>;
  #isHeld = true;

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

  /** Gives up our own hold on the writing end. */
  letGo(): void {
    if (this.#isHeld) closeSync(this.writeFd);
    this.#isHeld = false;
  }
}

/** The pipes of the steps of one user. */
export class Pipes {
  readonly #folder: string;
  readonly #prefix: string;
  readonly #owner: Owner | undefined;
  /** Made, and used by nobody. */
  readonly #paths: string[] = [];
  #made = 0;
  #held = 0;

  /** `prefix`: no other supervisor of this folder uses it. */
  constructor(folder: string, prefix: string, owner: Owner | undefined) {
    this.#folder = folder;
    this.#prefix = prefix;
    this.#owner = owner;
    makeFolder(folder);
  }

  /** Pipes that processes hold which outlived their step. */
  get held(): number {
    return this.#held;
  }

  open(): Pipe {
    if (this.#paths.length === 0) this.#make();
    return new Pipe(this.#paths.pop() as string);
  }

  /**
   * For a pipe that no step uses any more. Resolves when nobody holds it, or with false after `ms`: then what
   * comes is read and dropped for as long as somebody does, so that he does not hang.
   */
  async close(pipe: Pipe, ms: number): Promise<boolean> {
    pipe.letGo();
    const closed = pipe.closed.then(() => {
      this.#paths.push(pipe.path);
    });
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

  /** Removes them all from the folder; who has one open keeps it. */
  remove(): void {
    for (let number = 0; number < this.#made; number++) rmSync(this.#path(number), { force: true });
  }

  #path(number: number): string {
    return join(this.#folder, `${this.#prefix}-${number}`);
  }

  #make(): void {
    const paths = Array.from({ length: MADE_AT_ONCE }, () => this.#path(this.#made++));
    const result = spawnSync("mkfifo", ["-m", "600", ...paths], {
      encoding: "utf8",
      env: { PATH: PROGRAMS },
    });
    if (result.status !== 0) {
      throw new Error(`mkfifo made no pipes: ${result.error?.message ?? result.stderr.trim()}`);
    }
    if (this.#owner) for (const path of paths) chownSync(path, this.#owner.uid, this.#owner.gid);
    this.#paths.push(...paths);
  }
}

/**
 * Reads the pipes of an earlier supervisor into nothing for as long as processes hold them, then removes them.
 * Answers how many are still held.
 */
export function drainOldPipes(folder: string): () => number {
  makeFolder(folder);
  let held = 0;
  for (const name of readdirSync(folder)) {
    const path = join(folder, name);
    const pipe = new Pipe(path);
    pipe.letGo();
    held++;
    void pipe.closed.then(() => {
      held--;
      rmSync(path, { force: true });
    });
  }
  return () => held;
}
