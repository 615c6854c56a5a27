// Starts the service on loopback. PORT is its port (0: any free one). Where RECORD names a file, the address and
// the process id are written there once it listens, and taken away when it stops.

import { existsSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { createService } from "./service.ts";

const { PORT = "8080", RECORD } = process.env;

const server = createService(builtVersion());
server.listen(Number(PORT), "127.0.0.1", () => {
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  console.log(`workdays ${builtVersion()} listens on ${url}`);
  if (RECORD) {
    writeFileSync(`${RECORD}.new`, `SERVICE_URL=${url}\nSERVICE_PID=${process.pid}\n`);
    renameSync(`${RECORD}.new`, RECORD);
  }
});

process.once("SIGTERM", () => {
  server.close(() => {
    if (RECORD) rmSync(RECORD, { force: true });
    console.log("workdays has stopped");
  });
  server.closeIdleConnections();
});

/** The build writes the version beside the code; before that there is none. */
function builtVersion(): string {
  const file = new URL("version.json", import.meta.url);
  return existsSync(file) ? JSON.parse(readFileSync(file, "utf8")).version : "unbuilt";
}
