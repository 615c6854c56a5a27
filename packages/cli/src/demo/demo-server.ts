// The demo's server: in this process, on the demo's folder, with its own log in a file beside.

import { join } from "node:path";
import { type Client, createClient } from "@mflow/sdk";
import { type RunningServer, readConfig, startServer } from "@mflow/server/index";
import { localToken } from "../local-server.ts";

export interface DemoServer {
  server: RunningServer;
  client: Client;
}

export interface DemoServerOptions {
  port: string;
  allowRootSteps: boolean;
}

/** Settings of the environment do not count: the demo is the same everywhere. */
export async function startDemoServer(path: string, options: DemoServerOptions): Promise<DemoServer> {
  const flags = { ...options, data: path, logFile: join(path, "server.log") };
  const server = await startServer(readConfig(flags, {}));
  const client = createClient({ url: server.address, token: await localToken(path) });
  return { server, client };
}
