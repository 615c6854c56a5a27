// Packs files of a workspace for the server: a file as it is, a folder or several paths as an archive of tar, compressed
// quickly. tar and cat run with the rights of the steps' user.

import type { Buffer } from "node:buffer";
import { createHash } from "node:crypto";
import { createWriteStream, rmSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { Transform } from "node:stream";
import { pipeline } from "node:stream/promises";
import { createGzip } from "node:zlib";
import type { Owner } from "./protocol.ts";
import { startTool, type ToolEnd } from "./system-tool.ts";
import { findInside, PathError, plainPath } from "./workspace-path.ts";

/** What is packed is larger than it may be. */
export class TooLargeError extends Error {}

export interface Packing {
  workspace: string;
  owner: Owner | undefined;
  /** Bytes as they are stored. */
  limit: number;
  signal: AbortSignal;
}

export interface Packed {
  kind: "FILE" | "FOLDER";
  /** In its plain form. */
  path: string;
  executable: boolean;
  sha256: string;
  size: number;
}

/**
 * Packs a file or folder into `file`; undefined when it is not there. Rejects with PathError, with TooLargeError, and
 * with a sentence when it cannot be read.
 */
export async function packPath(path: string, file: string, packing: Packing): Promise<Packed | undefined> {
  const plain = plainPath(path);
  const found = findInside(packing.workspace, plain);
  if (!found) return undefined;
  const { stats, isLink } = found;
  if (stats.isFile()) {
    const written = await write("cat", ["--", `./${basename(plain)}`], dirname(plain), file, packing);
    return { kind: "FILE", path: plain, executable: (stats.mode & 0o111) !== 0, ...written };
  }
  if (!stats.isDirectory()) throw new PathError(`\`${path}\` is neither a file nor a folder`);
  if (isLink) throw new PathError(`\`${path}\` is a link to a folder; name the folder that it leads to`);
  const args = ["-cf", "-", "--", plain === "." ? "." : `./${basename(plain)}`];
  const written = await write("tar", args, dirname(plain), file, packing);
  return { kind: "FOLDER", path: plain, executable: false, ...written };
}

/** Packs those of the paths that are there; undefined when none is. */
export async function packPaths(
  paths: readonly string[],
  file: string,
  packing: Packing,
): Promise<{ size: number } | undefined> {
  const there = paths.map(plainPath).filter((path) => findInside(packing.workspace, path) !== undefined);
  if (there.length === 0) return undefined;
  const names = there.map((path) => (path === "." ? "." : `./${path}`));
  return await write("tar", ["-cf", "-", "--", ...names], ".", file, packing);
}

async function write(
  program: "tar" | "cat",
  args: string[],
  folder: string,
  file: string,
  { workspace, owner, limit, signal }: Packing,
): Promise<{ sha256: string; size: number }> {
  const tool = startTool({ program, args, cwd: join(workspace, folder), owner, signal });
  const hash = createHash("sha256");
  let size = 0;
  const count = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      size += chunk.length;
      hash.update(chunk);
      done(size > limit ? new TooLargeError(`it is larger than ${limit} bytes`) : null, chunk);
    },
  });
  const out = createWriteStream(file, { mode: 0o600, flush: true });
  try {
    if (program === "cat") await pipeline(tool.stdout, count, out, { signal });
    else await pipeline(tool.stdout, createGzip({ level: 1 }), count, out, { signal });
    demandWhole(program, await tool.ended);
    return { sha256: hash.digest("hex"), size };
  } catch (error) {
    rmSync(file, { force: true });
    throw error;
  }
}

/** GNU tar ends with 1 when a file changed while it was read, which a log may well do. */
function demandWhole(program: string, { code, words }: ToolEnd): void {
  if (code === 0) return;
  const changed = /file changed as we read it|File removed before we read it|Exiting with failure status/;
  if (program === "tar" && code === 1 && words.split("\n").every((line) => changed.test(line))) return;
  throw new Error(`${program} ended with ${code ?? "a signal"}${words && `: ${words}`}`);
}
