// `mflow server`: runs the server until a signal, or its idleness, ends it.

import module from "node:module";
import { setFlagsFromString } from "node:v8";
import { readConfig, type ServerFlags, startServer, VERSION } from "@mflow/server/index";
import type { Context } from "../context.ts";
import type { CommandCall } from "../program.ts";

const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

/** How a process ends that a second signal stops at once. */
const STOPPED_BY_SIGNAL = 130;

const FLUSH_AFTER_MS = 2000;

export async function run(context: Context, { options }: CommandCall): Promise<number> {
  const flags = options as ServerFlags;
  const server = await startServer(readConfig({ ...flags, data: context.dataFolder }, context.io.env));
  keepYoungGenerationSmall();
  // The next start finds the stripped code even when this server never ends in peace.
  setTimeout(() => module.flushCompileCache(), FLUSH_AFTER_MS).unref();
  let isClosing = false;
  const close = () => {
    if (isClosing) process.exit(STOPPED_BY_SIGNAL);
    isClosing = true;
    void server.close();
  };
  for (const signal of SIGNALS) process.on(signal, close);
  // Who reads this may send a signal at once.
  context.note(`version ${VERSION} listens on ${server.address}, data in ${context.dataFolder}`);
  await server.ended;
  for (const signal of SIGNALS) process.off(signal, close);
  return 0;
}

/**
 * V8 lets the space of short-lived objects grow to a hundred megabytes and keeps them. With what the start needed of
 * it a server is measurably as fast, and stays 30 MB smaller after ten thousand tasks.
 */
function keepYoungGenerationSmall(): void {
  setFlagsFromString("--semi-space-growth-factor=1");
}
