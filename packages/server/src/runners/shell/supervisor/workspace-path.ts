// Where things are in a workspace, with links followed: what leads out of it is refused.

import { lstatSync, realpathSync, type Stats, statSync } from "node:fs";
import { join, relative } from "node:path";

/** What is wrong with a path of the workspace. */
export class PathError extends Error {}

/** A path as archives and sentences have it: without `./` before and `/` behind. */
export function plainPath(path: string): string {
  const parts = path.split("/").filter((part) => part !== "" && part !== ".");
  if (path.startsWith("/") || parts.includes(".."))
    throw new PathError(`\`${path}\` leads out of the workspace`);
  return parts.join("/") || ".";
}

export interface FoundPath {
  stats: Stats;
  /** It is a link, to something in the workspace. */
  isLink: boolean;
}

/** What is there; undefined when there is nothing. Throws PathError when it lies outside. */
export function findInside(workspace: string, path: string): FoundPath | undefined {
  const full = join(workspace, path);
  try {
    const isLink = lstatSync(full).isSymbolicLink();
    const stats = statSync(full);
    demandInside(workspace, path);
    return { stats, isLink };
  } catch (error) {
    const code = error instanceof Error && "code" in error ? error.code : undefined;
    if (code === "ENOENT" || code === "ENOTDIR") return undefined;
    throw error;
  }
}

/** Throws PathError when links lead from the path out of the workspace. */
export function demandInside(workspace: string, path: string): void {
  const inside = relative(realpathSync(workspace), realpathSync(join(workspace, path)));
  if (inside === ".." || inside.startsWith("../")) {
    throw new PathError(`\`${path}\` leads out of the workspace, by a link`);
  }
}
