// Groups of processes by the kernel (cgroup v2), where we may make them: as root, or in a delegated subtree.
// Nothing leaves its group by itself, so killing the group kills all of a step; and where the memory
// controller is on, the group knows its peak.
//
// To move a process into a group can take ten milliseconds, so only steps that run for a while get one.

import {
  constants as access,
  accessSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  writeFileSync,
} from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";

const PREFIX = "mflow-";

export class Cgroups {
  readonly #own: string;
  readonly #folder: string;

  private constructor(own: string, id: string) {
    this.#own = own;
    this.#folder = join(own, PREFIX + id);
  }

  /** The groups of one data folder, or nothing where we may make none. `id`: of the data folder. */
  static open(id: string): Cgroups | undefined {
    try {
      const own = ownGroup();
      if (own === undefined) return undefined;
      accessSync(own, access.W_OK);
      const groups = new Cgroups(own, id);
      groups.#make();
      const canKill = existsSync(join(groups.#folder, "cgroup.kill"));
      groups.sweep();
      return canKill ? groups : undefined;
    } catch {
      return undefined;
    }
  }

  /** Path of the group of a step. */
  pathOf(mark: string): string {
    return join(this.#folder, mark);
  }

  /** Makes the group of a step and moves the processes into it; those that they start follow. */
  async move(mark: string, pids: number[]): Promise<void> {
    const path = this.pathOf(mark);
    try {
      this.#make();
      if (!existsSync(path)) mkdirSync(path);
    } catch {
      return; // Then the step has none.
    }
    for (const pid of pids) await writeFile(join(path, "cgroup.procs"), String(pid)).catch(() => {});
  }

  /** Removes groups in which nothing runs, also those of supervisors that were killed and had no successor. */
  sweep(): void {
    for (const name of foldersIn(this.#own)) {
      if (!name.startsWith(PREFIX)) continue;
      for (const step of foldersIn(join(this.#own, name))) removeGroup(join(this.#own, name, step));
      removeGroup(join(this.#own, name));
    }
  }

  #make(): void {
    if (existsSync(this.#folder)) return;
    mkdirSync(this.#folder);
    for (const group of [this.#own, this.#folder]) enableMemory(group);
  }
}

/** Kills all processes of a group at once. */
export function killGroup(path: string): void {
  try {
    writeFileSync(join(path, "cgroup.kill"), "1");
  } catch {
    // The group is gone.
  }
}

/** Whether processes are in a group. */
export function isPopulated(path: string): boolean {
  try {
    return readFileSync(join(path, "cgroup.procs"), "latin1") !== "";
  } catch {
    return false;
  }
}

/** The most memory that the processes of a group held together, bytes; nothing when that is not counted. */
export function peakOf(path: string): number | undefined {
  try {
    return Number(readFileSync(join(path, "memory.peak"), "latin1"));
  } catch {
    return undefined;
  }
}

/** Removes a group unless something runs in it. */
export function removeGroup(path: string): void {
  try {
    rmdirSync(path);
  } catch {
    // Kept processes, or one that the kernel has not cleared away yet; swept later.
  }
}

/** The group that this process is in (cgroups(7)). */
function ownGroup(): string | undefined {
  const mount = readFileSync("/proc/self/mountinfo", "utf8")
    .split("\n")
    .find((line) => / - cgroup2 /.test(line));
  const path = /^0::(.*)$/m.exec(readFileSync("/proc/self/cgroup", "utf8"))?.[1];
  const [, , , root, at] = mount?.split(" ") ?? [];
  if (path === undefined || root === undefined || at === undefined) return undefined;
  return join(at, root === "/" ? path : path.slice(root.length));
}

function foldersIn(path: string): string[] {
  try {
    return readdirSync(path, { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map(({ name }) => name);
  } catch {
    return [];
  }
}

function enableMemory(group: string): void {
  try {
    writeFileSync(join(group, "cgroup.subtree_control"), "+memory");
  } catch {
    // Not ours to give, or processes are in the group itself: then memory is sampled.
  }
}
