// Launchers: small shells that start steps for us, one after another. To start a process means to copy the
// tables of one's memory, which takes Node half a millisecond and more, and a shell a tenth of that. A
// launcher also leads the process group of its step, and waits for it: when the supervisor is killed, the
// launcher still writes down how the step ended, and then ends itself.

import type { Buffer } from "node:buffer";
import { type ChildProcess, spawn } from "node:child_process";
import { commandOf, LAUNCHER_PROLOGUE, type Launch } from "./launch.ts";
import type { Pipe, Pipes } from "./pipes.ts";
import { identityOf, type ProcessIdentity } from "./process-identity.ts";
import type { Owner } from "./protocol.ts";
import { PROGRAMS } from "./system-path.ts";

/** Unused launchers that are kept. */
const KEPT = 16;

/** How the first process of a step ended. */
export interface Exit {
  exitCode?: number;
  /** The launcher itself was killed, with the whole group. */
  signal?: string;
}

export class Launcher {
  readonly out: Pipe;
  readonly err: Pipe;
  /** Leads the process group of the step. */
  readonly identity: ProcessIdentity;
  readonly #child: ChildProcess;
  readonly #waiting: Map<string, (exit: Exit) => void>;
  #mark: string | undefined;
  /** It has ended, or will as soon as it can. */
  gone = false;

  constructor(
    pipes: Pipes,
    ended: Pipe,
    owner: Owner | undefined,
    waiting: Map<string, (exit: Exit) => void>,
  ) {
    this.#waiting = waiting;
    this.out = pipes.open();
    this.err = pipes.open();
    this.#child = spawn("/bin/sh", [], {
      cwd: "/",
      detached: true,
      env: { PATH: PROGRAMS },
      stdio: ["pipe", "ignore", "ignore", ended.writeFd, this.out.writeFd, this.err.writeFd],
      ...owner,
    });
    this.#child.on("error", () => {}); // Signals are sent by number, so this is about the start.
    const { pid } = this.#child;
    if (pid === undefined) {
      void pipes.close(this.out, 0);
      void pipes.close(this.err, 0);
      throw new Error("the system starts no more processes");
    }
    this.identity = identityOf(pid);
    this.#child.on("exit", (_code, signal) => void this.#ended({ signal: signal ?? "SIGKILL" }));
    this.#child.stdin?.on("error", () => {}); // Followed by `exit`.
    this.#child.stdin?.write(LAUNCHER_PROLOGUE);
  }

  get pid(): number {
    return this.identity.pid;
  }

  /** Starts a step; resolves when its first process has ended. Throws when it cannot be started. */
  start(launch: Launch): Promise<Exit> {
    const command = commandOf(launch);
    const { mark } = launch;
    this.#mark = mark;
    return new Promise((resolve) => {
      this.#waiting.set(mark, resolve);
      this.#child.stdin?.write(command);
    });
  }

  /** It ends once the step that it waits for has. */
  retire(): void {
    this.gone = true;
    this.#child.stdin?.end();
  }

  async #ended(exit: Exit): Promise<void> {
    this.gone = true;
    // What it said last may still be in the pipe: one whole round of the event loop reads that.
    await new Promise(setImmediate);
    await new Promise(setImmediate);
    const mark = this.#mark ?? "";
    const resolve = this.#waiting.get(mark);
    this.#waiting.delete(mark);
    resolve?.(exit);
  }
}

/** The launchers of the steps of one user. */
export class Launchers {
  readonly #pipes: Pipes;
  readonly #owner: Owner | undefined;
  readonly #ended: Pipe;
  readonly #waiting = new Map<string, (exit: Exit) => void>();
  readonly #unused: Launcher[] = [];
  /** The numbers of all launchers that live. */
  readonly pids = new Set<number>();

  constructor(pipes: Pipes, owner: Owner | undefined) {
    this.#pipes = pipes;
    this.#owner = owner;
    this.#ended = pipes.open();
    let rest = "";
    this.#ended.onData = (bytes: Buffer) => {
      const lines = (rest + bytes.toString("latin1")).split("\n");
      rest = lines.pop() ?? "";
      for (const line of lines) this.#note(line);
    };
  }

  take(): Launcher {
    for (let launcher = this.#unused.pop(); launcher; launcher = this.#unused.pop()) {
      if (!launcher.gone) return launcher;
      void this.retire(launcher, 0);
    }
    const launcher = new Launcher(this.#pipes, this.#ended, this.#owner, this.#waiting);
    this.pids.add(launcher.pid);
    return launcher;
  }

  /** For a launcher of whose step nothing runs and nobody holds a pipe. */
  giveBack(launcher: Launcher): void {
    launcher.out.onData = launcher.err.onData = () => {};
    if (this.#unused.length < KEPT && !launcher.gone) this.#unused.push(launcher);
    else void this.retire(launcher, 0);
  }

  /** For a launcher whose step may have left something: resolves when nobody writes any more, or after `ms`. */
  async retire(launcher: Launcher, ms: number): Promise<void> {
    launcher.retire();
    this.pids.delete(launcher.pid);
    await Promise.all([this.#pipes.close(launcher.out, ms), this.#pipes.close(launcher.err, ms)]);
    launcher.out.onData = launcher.err.onData = () => {};
  }

  /** A line `<mark> <status>` of a launcher. */
  #note(line: string): void {
    const [mark = "", status] = line.split(" ");
    const resolve = this.#waiting.get(mark);
    this.#waiting.delete(mark);
    resolve?.({ exitCode: Number(status) });
  }
}
