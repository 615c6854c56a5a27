// The supervisor's process:
//
//     node main.ts DATA_FOLDER [--idle-ms N] [--ready-fd N]
//
// Serves the data folder until nobody needs it any more. `--ready-fd`: a descriptor that gets a line once the
// socket listens. Without a folder it only loads the program, which fills Node's cache of compiled code: a
// process that must translate TypeScript itself is half as large again, and starting processes from it slower.

import { chmodSync, closeSync, mkdtempSync, readFileSync, rmSync, writeSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { parseArgs } from "node:util";
import { Connections } from "./connections.ts";
import { Supervisor, warn } from "./supervisor.ts";
import { makeFolder, nextNumber, recordPath, supervisorFolder, takeRecord } from "./supervisor-record.ts";

/** Longest path of a socket that every system takes (sun_path of unix(7), less one for the NUL). */
const LONGEST_SOCKET_PATH = 103;

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: { "idle-ms": { type: "string" }, "ready-fd": { type: "string" } },
});
const [dataDir] = positionals;
if (dataDir !== undefined) await serve(dataDir, Number(values["idle-ms"] ?? 10_000));

async function serve(dataDir: string, idleMs: number): Promise<void> {
  const folder = supervisorFolder(dataDir);
  makeFolder(folder);
  const number = nextNumber(folder);
  if (number === undefined) return;
  const connections = new Connections();
  let opened: (supervisor: Supervisor) => void = () => {};
  const opening = new Promise<Supervisor>((resolve) => {
    opened = resolve;
  });
  const server = createServer((socket) => connections.accept(socket, opening));
  const path = socketPath(folder);
  rmSync(path, { force: true });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(path, resolve);
  });
  chmodSync(path, 0o600);
  const stop = () => {
    server.close();
    if (dirname(path) === folder) rmSync(path, { force: true });
    else rmSync(dirname(path), { recursive: true, force: true });
    process.exit(0);
  };
  if (!takeRecord(folder, number, path)) stop();
  sayReady();

  const supervisor = await Supervisor.open(dataDir, number, (message) => connections.send(message));
  opened(supervisor);

  // Nobody else wakes up a supervisor that no server needs; with a server this looks at two fields.
  let idleSince: number | undefined;
  const period = Math.min(Math.max(idleMs / 4, 50), 2500);
  const watch = setInterval(() => {
    if (connections.connected) {
      idleSince = undefined;
    } else if (!isOurs(recordPath(folder, number))) {
      clearInterval(watch);
      warn("the data folder is gone");
      void supervisor.abandon().then(stop);
    } else if (!supervisor.idle) {
      idleSince = undefined;
    } else {
      idleSince ??= performance.now();
      if (performance.now() - idleSince < idleMs) return;
      supervisor.close();
      stop();
    }
  }, period);
}

/** In the data folder; or, when that is too long, in a private folder of its own. */
function socketPath(folder: string): string {
  const path = join(folder, `socket.${process.pid}`);
  if (Buffer.byteLength(path) <= LONGEST_SOCKET_PATH) return path;
  return join(mkdtempSync(join(tmpdir(), "mflow-")), "socket");
}

function isOurs(path: string): boolean {
  try {
    return JSON.parse(readFileSync(path, "utf8")).pid === process.pid;
  } catch {
    return false;
  }
}

function sayReady(): void {
  const fd = values["ready-fd"];
  if (fd === undefined) return;
  writeSync(Number(fd), "ready\n");
  closeSync(Number(fd));
}
