// The folder that the demo works in: made anew each time, so that everybody sees the same, and left standing for
// looking into it. Nothing is deleted that the demo did not make.

import { existsSync } from "node:fs";
import { mkdir, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { runningServer } from "../local-server.ts";
import { UsageError } from "../usage-error.ts";
import { isUnchanged } from "./repository.ts";
import { stopService } from "./service.ts";

export interface DemoFolder {
  /** Absolute; also the server's data folder. */
  path: string;
  /** The git repository of the service. */
  repository: string;
  /** Where the pipeline puts releases. */
  deployed: string;
  /** Tells of the deployed service while it runs. */
  serviceRecord: string;
  /** Where a folder of an earlier demo went whose repository somebody had worked in. */
  keptAside?: string;
}

/** Says that a folder is the demo's own, and which commit it made. */
const MARKER = "made-by-mflow-demo.json";

function demoFolder(path: string): DemoFolder {
  const deployed = join(path, "deployed");
  return {
    path,
    repository: join(path, "repository"),
    deployed,
    serviceRecord: join(deployed, "service.env"),
  };
}

/**
 * An empty folder for the demo. What an earlier demo left there goes, a service that still runs included; where
 * somebody changed its repository, it is kept under another name. Throws UsageError when a demo runs there, and
 * when the folder is not the demo's.
 */
export async function prepareFolder(path: string, searchPath: string | undefined): Promise<DemoFolder> {
  const folder = demoFolder(path);
  if (existsSync(path) && (await readdir(path)).length > 0) {
    const commit = await madeCommit(path);
    const server = await runningServer(path);
    if (server) {
      throw new UsageError(
        `a server runs on ${path} already, at ${server.url}`,
        "End that demo with Ctrl-C, or name another folder with --data.",
      );
    }
    await stopService(folder.serviceRecord);
    if (commit === undefined || (await isUnchanged(folder.repository, commit, searchPath))) {
      await rm(path, { recursive: true, maxRetries: 3 });
    } else {
      folder.keptAside = `${path}-${new Date().toISOString().slice(0, 19).replaceAll(":", "-")}`;
      await rename(path, folder.keptAside);
    }
  }
  await mkdir(path, { recursive: true, mode: 0o700 });
  await markMade(path, undefined);
  return folder;
}

/** Remembers the commit that the demo made, so that later changes are known as somebody's work. */
export async function markMade(path: string, commit: string | undefined): Promise<void> {
  const note = "`mflow demo` made this folder and makes it anew the next time.";
  await writeFile(join(path, MARKER), `${JSON.stringify({ note, commit }, null, 2)}\n`);
}

async function madeCommit(path: string): Promise<string | undefined> {
  try {
    const { commit } = JSON.parse(await readFile(join(path, MARKER), "utf8")) as { commit?: string };
    return commit;
  } catch {
    throw new UsageError(
      `${path} holds something else than a demo`,
      "The demo makes its folder anew each time; name another one with --data.",
    );
  }
}
