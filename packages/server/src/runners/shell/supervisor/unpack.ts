// Puts files of the server's into a workspace, with the rights of the steps' user: he need not be able to read them where
// they lie, for they come by a descriptor.

import { Buffer } from "node:buffer";
import { closeSync, openSync, readSync } from "node:fs";
import { join } from "node:path";
import type { GivenFile, Owner } from "./protocol.ts";
import { runTool } from "./system-tool.ts";
import { demandInside, plainPath } from "./workspace-path.ts";

export interface Unpacking {
  workspace: string;
  owner: Owner | undefined;
  signal: AbortSignal;
}

/** $1: its name; $2: `x` when it may be executed. What is there of this name is replaced, and never followed. */
const PUT = 'rm -rf -- "./$1" && cat >"./$1" && if [ "$2" = x ]; then chmod +x -- "./$1"; fi';

/** Rejects with a sentence. */
export async function unpackGiven(given: GivenFile, unpacking: Unpacking): Promise<void> {
  const folder = plainPath(given.folder);
  const { workspace, owner, signal } = unpacking;
  if (folder !== ".") {
    await runTool({ program: "mkdir", args: ["-p", "--", `./${folder}`], cwd: workspace, owner, signal });
  }
  demandInside(workspace, folder);
  if (given.kind === "FOLDER") {
    await unpackArchive(given.file, folder, unpacking);
    return;
  }
  if (given.name === "" || given.name.includes("/") || given.name === "." || given.name === "..") {
    throw new Error(`\`${given.name}\` is no name of a file`);
  }
  const args = ["-c", PUT, "sh", given.name, given.executable ? "x" : ""];
  await withFile(given.file, (stdin) =>
    runTool({ program: "sh", args, cwd: join(workspace, folder), owner, stdin, signal }),
  );
}

/** An archive, compressed or not, into a folder of the workspace. */
export async function unpackArchive(
  file: string,
  folder: string,
  { workspace, owner, signal }: Unpacking,
): Promise<void> {
  const how = isCompressed(file) ? "-xzof" : "-xof";
  await withFile(file, (stdin) =>
    runTool({ program: "tar", args: [how, "-"], cwd: join(workspace, folder), owner, stdin, signal }),
  );
}

async function withFile(file: string, work: (fd: number) => Promise<void>): Promise<void> {
  const fd = openSync(file, "r");
  try {
    await work(fd);
  } finally {
    closeSync(fd);
  }
}

/** Whether it begins as what gzip writes. */
function isCompressed(file: string): boolean {
  const fd = openSync(file, "r");
  try {
    const first = Buffer.alloc(2);
    return readSync(fd, first, 0, 2, 0) === 2 && first[0] === 0x1f && first[1] === 0x8b;
  } finally {
    closeSync(fd);
  }
}
