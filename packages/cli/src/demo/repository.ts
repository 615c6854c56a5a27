// The git repository that the demo's pipeline clones: the example service, committed by nobody in particular. The
// person's git settings (signing, hooks, templates) are left out of it.

import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { cp, readFile, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { promisify } from "node:util";
import { UsageError } from "../usage-error.ts";

const BRANCH = "main";

/** Where programs are looked for: the `PATH` of whoever runs the demo. */
type SearchPath = string | undefined;

const NOT_COPIED = new Set(["node_modules", "dist", ".git"]);

/**
 * Makes the repository `folder` of the files in `source`, and answers with its commit. With `broken` a second
 * commit has a mistake that the tests find. Throws UsageError when git is missing or fails.
 */
export async function makeRepository(
  folder: string,
  source: string,
  options: { broken: boolean; path: SearchPath },
): Promise<string> {
  const git = gitIn(folder, options.path);
  await cp(source, folder, { recursive: true, filter: (file) => !NOT_COPIED.has(basename(file)) });
  await git("init", "--quiet");
  await git("symbolic-ref", "HEAD", `refs/heads/${BRANCH}`);
  await commitAll(git, "Count workdays between two days");
  if (options.broken) {
    await breakService(folder);
    await commitAll(git, "Leave out the last day");
  }
  return git("rev-parse", "HEAD");
}

async function commitAll(git: Git, message: string): Promise<void> {
  await git("add", "--all");
  await git("commit", "--quiet", "--message", message);
}

async function breakService(folder: string): Promise<void> {
  const file = join(folder, "src", "workdays.ts");
  const code = await readFile(file, "utf8");
  const wrong = code.replace("workdaysUntil(last + 1)", "workdaysUntil(last)");
  if (wrong === code) throw new Error(`${file} no longer has the line that the demo breaks`);
  await writeFile(file, wrong);
}

/** Whether the repository is still as it was at its commit: nothing committed, changed or added since. */
export async function isUnchanged(folder: string, commit: string, path: SearchPath): Promise<boolean> {
  if (!existsSync(folder)) return true;
  const git = gitIn(folder, path);
  return (await git("rev-parse", "HEAD")) === commit && (await git("status", "--porcelain")) === "";
}

const run = promisify(execFile);

/** Calls git and answers with what it printed, trimmed. */
type Git = (...args: string[]) => Promise<string>;

function gitIn(cwd: string, path: SearchPath): Git {
  const name = "mflow demo";
  const email = "demo@mflow.invalid";
  const env = {
    PATH: path,
    LC_ALL: "C",
    // Neither the person's settings nor the system's count. Gits before 2.32 look for the first in HOME only.
    HOME: cwd,
    GIT_CONFIG_GLOBAL: "/dev/null",
    GIT_CONFIG_NOSYSTEM: "1",
    GIT_AUTHOR_NAME: name,
    GIT_AUTHOR_EMAIL: email,
    GIT_COMMITTER_NAME: name,
    GIT_COMMITTER_EMAIL: email,
  };
  return async (...args) => {
    try {
      const { stdout } = await run("git", args, { cwd, env });
      return stdout.trim();
    } catch (error) {
      const { code, stderr, message } = error as NodeJS.ErrnoException & { stderr?: string };
      if (code === "ENOENT") {
        throw new UsageError(
          "git was not found",
          "The demo clones a repository: install git (e.g. `apt-get install git` or `brew install git`).",
        );
      }
      throw new UsageError(`\`git ${args[0]}\` failed in ${cwd}: ${(stderr || message).trim()}`);
    }
  };
}
