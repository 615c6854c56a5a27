// Finds the server that a command talks to: the one that is named, else the one on the data folder, else a new
// one in the background.

import { stat } from "node:fs/promises";
import { join } from "node:path";
import { type Client, createClient } from "@mflow/sdk";
import { backgroundFlags, startInBackground, stopInBackground } from "./background-server.ts";
import type { Context } from "./context.ts";
import { type LocalServer, localToken, recordedServer, runningServer } from "./local-server.ts";
import { UsageError } from "./usage-error.ts";
import { USER_AGENT } from "./user-agent.ts";

export interface ConnectOptions {
  /** Without a server start one, even where there is no data folder yet. */
  start?: boolean;
  /** Options of a server that is started here, e.g. `--allow-root-steps`. */
  serverFlags?: readonly string[];
}

export interface Connection {
  client: Client;
  /** The server's address as it was found. */
  url: string;
  /** It is the server on the data folder, not one that was named. */
  isLocal: boolean;
}

/** Throws UsageError when there is no server and none is to be started. */
export async function connect(context: Context, options: ConnectOptions = {}): Promise<Connection> {
  const { io, options: given, dataFolder } = context;
  const url = given.url ?? (io.env.MFLOW_URL || undefined);
  const token = given.token ?? (io.env.MFLOW_TOKEN || undefined);
  if (url !== undefined) return named(url, token);

  const flags = [...(options.serverFlags ?? [])];
  let server = await runningServer(dataFolder);
  if (server && flags.length > 0) server = await unlessReplaced(context, server, flags);
  if (!server) {
    if (!options.start && !(await hasData(dataFolder))) throw noServer(context);
    server = await startInBackground(io, dataFolder, flags);
    context.note(`started a server in the background on ${dataFolder}; it ends when it is idle`);
  }
  const { url: found } = server;
  const client = createClient({
    // A server that comes back after a restart has another port.
    url: async () => (await recordedServer(dataFolder))?.url ?? found,
    token: token ?? (await localToken(dataFolder)),
    userAgent: USER_AGENT,
  });
  return { client, url: found, isLocal: true };
}

/**
 * The server, when it was started with these flags or is not ours to end; nothing when it had other flags, was
 * started in the background and has nothing to do, so that one with the flags can take its place.
 */
async function unlessReplaced(
  context: Context,
  server: LocalServer,
  flags: string[],
): Promise<LocalServer | undefined> {
  const { dataFolder } = context;
  const known = await backgroundFlags(dataFolder, server);
  if (known && flags.every((flag) => known.includes(flag))) return server;
  if (known && (await isIdle(server, dataFolder))) {
    await stopInBackground(dataFolder, server);
    return undefined;
  }
  context.note(`a server runs on ${dataFolder} already; ${flags[0]} counts for a new one`);
  return server;
}

async function isIdle({ url }: LocalServer, dataFolder: string): Promise<boolean> {
  const client = createClient({ url, token: await localToken(dataFolder) });
  try {
    const runs = await client.runs.list({ stage: ["PENDING", "ACTIVE", "CANCELING"], limit: 1 });
    const tasks = await client.tasks.list({
      stage: ["PENDING", "SCHEDULING", "CREATING", "ACTIVE", "CANCELING"],
      limit: 1,
    });
    return runs.items.length === 0 && tasks.items.length === 0;
  } catch {
    // Who may not look may not end it either.
    return false;
  }
}

function named(url: string, token: string | undefined): Connection {
  const whole = /^https?:\/\//i.test(url) ? url : `http://${url}`;
  if (!URL.canParse(whole)) {
    throw new UsageError(`\`${url}\` is not a URL`, "Write it like http://127.0.0.1:7070.");
  }
  return { client: createClient({ url: whole, token, userAgent: USER_AGENT }), url: whole, isLocal: false };
}

/** Whether a server has worked on the folder before: then there is something to ask about. */
async function hasData(folder: string): Promise<boolean> {
  return stat(join(folder, "mflow.db")).then(
    (found) => found.isFile(),
    () => false,
  );
}

function noServer({ command, dataFolder }: Context): UsageError {
  return new UsageError(
    `no server runs on ${dataFolder}`,
    `Start one with \`${command} server\`, or name one with --url or MFLOW_URL, or its folder with --data.`,
  );
}
