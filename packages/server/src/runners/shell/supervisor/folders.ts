// The folders that tasks work in. A task gets one of a small number of folders to itself: `work`, empty, and
// `out`, where `$MFLOW_OUTPUT` and `$MFLOW_SUMMARY` lie. A folder that a task left as it found it serves the
// next; any other is removed. Runs that share one workspace have it in `runs`.
//
// When the steps run as another user, everything lies outside the data folder, which is closed to him; what
// is in his hands is removed by a process of his, for he could replace folders by links meanwhile.

import { spawn } from "node:child_process";
import {
  chmodSync,
  chownSync,
  closeSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
} from "node:fs";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import type { Owner } from "./protocol.ts";
import { makeFolder } from "./supervisor-record.ts";
import { PROGRAMS } from "./system-path.ts";

/** Unused folders that are kept for the next tasks. */
const KEPT = 16;

export interface TaskFolder {
  path: string;
  work: string;
  out: string;
  output: string;
  summary: string;
  /** Moments of the last change to `work` and `out` when they were made. */
  workChange: number;
  outChange: number;
}

/** All folders of the steps of one user, in one place. */
export class Folders {
  /** Per attempt: spool, and what its steps put out. */
  readonly attempts: string;
  /** The place itself. */
  readonly home: string;
  readonly #tasks: string;
  readonly #runs: string;
  readonly #prefix: string;
  readonly #owner: Owner | undefined;
  readonly #unused: TaskFolder[] = [];
  /** Folders that earlier supervisors left. */
  readonly #old: string[];
  #made = 0;
  #exits: string | undefined;

  /** `prefix`: no other supervisor of this folder uses it. */
  constructor(home: string, prefix: string, owner: Owner | undefined) {
    this.home = home;
    this.#prefix = prefix;
    this.#owner = owner;
    this.attempts = join(home, "tasks");
    this.#tasks = join(home, "workspaces");
    this.#runs = join(home, "runs");
    if (owner) claimHome(home);
    makeFolder(this.attempts);
    for (const folder of [this.#tasks, this.#runs]) {
      makeFolder(folder);
      if (owner) chmodSync(folder, 0o711);
    }
    this.#old = [this.#tasks, this.attempts].flatMap((folder) =>
      readdirSync(folder).map((name) => join(folder, name)),
    );
  }

  /** A folder with an empty `work` and an empty `out`. */
  take(): TaskFolder {
    return this.#unused.pop() ?? this.#make();
  }

  /** Takes a folder back once its task is over; nothing of the task may run in it any more. */
  giveBack(folder: TaskFolder): void {
    if (this.#unused.length < KEPT && this.#isAsMade(folder)) this.#unused.push(folder);
    else void this.remove(folder.path);
  }

  /** The workspace of a run or lone task; made at first use. */
  run(aggregateId: string): string {
    const path = this.#runPath(aggregateId);
    if (!isFolder(path)) this.#makeOwned(path);
    return path;
  }

  async removeRun(aggregateId: string): Promise<void> {
    const path = this.#runPath(aggregateId);
    if (isFolder(path)) await this.remove(path);
  }

  /**
   * Removes what earlier supervisors left. `files`: folders of attempts that are still needed; `exits`: exit
   * status files that are.
   */
  async sweep(files: Set<string>, exits: Set<string>): Promise<void> {
    this.#removeExits(exits);
    for (const path of this.#old.splice(0)) if (!files.has(path)) await this.remove(path);
  }

  /**
   * The file in which steps leave their exit status; another one in each epoch, so that it does not grow
   * without end. `needed`: older ones that are still needed.
   */
  exits(epoch: number, needed: () => Set<string>): string {
    const path = join(this.home, `exits.${this.#prefix}-${epoch}`);
    if (path !== this.#exits) {
      closeSync(openSync(path, "a", 0o600));
      if (this.#owner) chownSync(path, this.#owner.uid, this.#owner.gid);
      this.#exits = path;
      this.#removeExits(needed());
    }
    return path;
  }

  /** Names of the files in which a step put something out. */
  outputs({ out }: TaskFolder): string[] {
    return readdirSync(out);
  }

  /** Moves a step's `output`, if there is one, to the attempt's files, where it stays until the result is taken. */
  keepOutput(folder: Pick<TaskFolder, "path">, files: string, step: number): void {
    const output = join(folder.path, "out", "output");
    if (!isThere(output)) return;
    makeFolder(files);
    renameSync(output, outputPath(files, step));
  }

  /** Removes what no attempt needs, before the supervisor ends. */
  close(): void {
    for (const { path } of this.#unused.splice(0)) rmSync(path, { recursive: true, force: true });
    if (this.#exits) rmSync(this.#exits, { force: true });
  }

  /** Removes everything: the data folder is gone. */
  abandon(): Promise<void> {
    return this.remove(this.home);
  }

  /** Removes a folder with all that is in it. Resolves also when something could not be removed. */
  async remove(path: string): Promise<void> {
    if (this.#owner) await run("rm", ["-rf", "--", path], this.#owner);
    const remove = () => rm(path, { recursive: true, force: true });
    // Folders without the right to write, as some package caches are, must get it first.
    await remove().catch(() =>
      run("chmod", ["-R", "u+rwX", "--", path])
        .then(remove)
        .catch(() => {}),
    );
  }

  #removeExits(needed: Set<string>): void {
    for (const name of readdirSync(this.home)) {
      const path = join(this.home, name);
      if (name.startsWith("exits.") && path !== this.#exits && !needed.has(path))
        rmSync(path, { force: true });
    }
  }

  #runPath(aggregateId: string): string {
    if (!/^[A-Za-z0-9][A-Za-z0-9_-]{0,127}$/.test(aggregateId)) {
      throw new Error(`'${aggregateId}' is not the id of a run`);
    }
    return join(this.#runs, aggregateId);
  }

  #make(): TaskFolder {
    let path: string;
    // In a place that an earlier data folder left a name may be taken.
    do path = join(this.#tasks, `${this.#prefix}-${this.#made++}`);
    while (isFolder(path));
    mkdirSync(path, { mode: 0o700 });
    if (this.#owner) chmodSync(path, 0o711);
    const work = join(path, "work");
    const out = join(path, "out");
    this.#makeOwned(work);
    this.#makeOwned(out);
    return {
      path,
      work,
      out,
      output: join(out, "output"),
      summary: join(out, "summary"),
      workChange: lstatSync(work).ctimeMs,
      outChange: lstatSync(out).ctimeMs,
    };
  }

  #makeOwned(path: string): void {
    mkdirSync(path, { mode: 0o700 });
    if (this.#owner) chownSync(path, this.#owner.uid, this.#owner.gid);
  }

  #isAsMade(folder: TaskFolder): boolean {
    try {
      return isUntouched(folder.work, folder.workChange) && isUntouched(folder.out, folder.outChange);
    } catch {
      return false;
    }
  }
}

/**
 * Whether a folder is as it was made. Nobody can set the moment of its last change back, but clocks of file
 * systems may be coarse: a change soon after it was made may not show there, so what can be seen is looked at too.
 */
function isUntouched(path: string, change: number): boolean {
  const { ctimeMs, mode } = lstatSync(path);
  return ctimeMs === change && (mode & 0o777) === 0o700 && readdirSync(path).length === 0;
}

/** Where the `output` of a step is among the files of its attempt. */
export function outputPath(files: string, step: number): string {
  return join(files, `output.${step}`);
}

/** Whether something lies there, be it a link. Throws when that cannot be told. */
export function isThere(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false }) !== undefined;
}

/** Where the steps of another user work, out of the data folder. */
export function homeOf(dataDir: string, owner: Pick<Owner, "uid">): string {
  return `/var/tmp/mflow-${idOf(dataDir)}-${owner.uid}`;
}

/** A short name of a folder that no other folder of the machine has. */
export function idOf(folder: string): string {
  const { dev, ino } = statSync(folder);
  return `${dev.toString(36)}-${ino.toString(36)}`;
}

/** Makes the place, which lies where everybody may write: it must be ours, or somebody waits for us there. */
function claimHome(home: string): void {
  try {
    mkdirSync(home, { mode: 0o711 });
    chmodSync(home, 0o711);
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "EEXIST")) throw error;
  }
  const stat = lstatSync(home);
  if (!stat.isDirectory() || stat.uid !== process.getuid?.() || (stat.mode & 0o022) !== 0) {
    throw new Error(`${home} is not a folder of this user alone; remove it`);
  }
}

function isFolder(path: string): boolean {
  try {
    return lstatSync(path).isDirectory();
  } catch {
    return false;
  }
}

/** Runs a program of the system; what lies in the hands of another user is changed with his rights, not ours. */
function run(program: string, args: string[], owner?: Owner): Promise<void> {
  return new Promise((resolve) => {
    const child = spawn(program, args, { ...owner, cwd: "/", stdio: "ignore", env: { PATH: PROGRAMS } });
    child.on("error", () => resolve());
    child.on("exit", () => resolve());
  });
}
