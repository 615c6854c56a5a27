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

export class Cgroups {
  readonly #folder: string;

  private constructor(folder: string) {
    this.#folder = folder;
  }

  /** The groups of one data folder, or nothing where we may make none. `id`: of the data folder. */
  static open(id: string): Cgroups | undefined {
    try {
      const own = ownGroup();
      if (own === undefined || !existsSync(join(own, "cgroup.kill"))) {
        if (own === undefined || !isRoot(own)) return undefined;
      }
      accessSync(own, access.W_OK);
      const folder = join(own, `mflow-${id}`);
      if (!existsSync(folder)) mkdirSync(folder);
      if (!existsSync(join(folder, "cgroup.kill"))) return undefined;
      for (const group of [own, folder]) enableMemory(group);
      return new Cgroups(folder);
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
    if (!existsSync(path)) mkdirSync(path);
    for (const pid of pids) await writeFile(join(path, "cgroup.procs"), String(pid)).catch(() => {});
  }

  /** Removes groups in which nothing runs. */
  sweep(): void {
    try {
      for (const entry of readdirSync(this.#folder, { withFileTypes: true })) {
        if (entry.isDirectory()) removeGroup(join(this.#folder, entry.name));
      }
      rmdirSync(this.#folder);
    } catch {
      // Something still runs in it: the next supervisor of the folder looks again.
    }
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

/** The group at the top has no `cgroup.kill`; those that we make in it do. */
function isRoot(group: string): boolean {
  return !existsSync(join(group, "cgroup.type"));
}

function enableMemory(group: string): void {
  try {
    writeFileSync(join(group, "cgroup.subtree_control"), "+memory");
  } catch {
    // Not ours to give, or processes are in the group itself: then memory is sampled.
  }
}
