// Finds the server that a command talks to: the one that is named, else the one on the data folder, else a new
// one in the background.

import { stat } from "node:fs/promises";
import { join } from "node:path";
import { type Client, createClient } from "@mflow/sdk";
import type { Context } from "./context.ts";
import { localToken, recordedServer, runningServer, startInBackground } from "./local-server.ts";
import { UsageError } from "./usage-error.ts";

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

  let server = await runningServer(dataFolder);
  const flags = options.serverFlags ?? [];
  if (server) {
    if (flags.length > 0)
      context.note(`a server runs on ${dataFolder} already; ${flags[0]} counts for a new one`);
  } else {
    if (!options.start && !(await hasData(dataFolder))) throw noServer(context);
    server = await startInBackground(io, dataFolder, flags);
    context.note(`started a server in the background on ${dataFolder}; it ends when it is idle`);
  }
  const { url: found } = server;
  const client = createClient({
    // A server that comes back after a restart has another port.
    url: async () => (await recordedServer(dataFolder))?.url ?? found,
    token: token ?? (await localToken(dataFolder)),
  });
  return { client, url: found, isLocal: true };
}

function named(url: string, token: string | undefined): Connection {
  const whole = /^https?:\/\//i.test(url) ? url : `http://${url}`;
  if (!URL.canParse(whole)) {
    throw new UsageError(`\`${url}\` is not a URL`, "Write it like http://127.0.0.1:7780.");
  }
  return { client: createClient({ url: whole, token }), url: whole, isLocal: false };
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
