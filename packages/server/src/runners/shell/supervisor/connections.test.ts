// Whatever happens while a server is greeted: it is in the greeting, or it follows.

import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { connect, createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { Connections, type Served } from "./connections.ts";
import { encodeMessage, type FromSupervisor, MessageReader, PROTOCOL } from "./protocol.ts";

const ref = { taskId: "task-1", attempt: 1 };
const hello = { type: "hello", version: PROTOCOL, pid: process.pid, attempts: [] };

let folder: string;
let server: Server;
let connections: Connections;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "mflow-connections-"));
  connections = new Connections();
});
afterEach(async () => {
  server.close();
  await once(server, "close");
  rmSync(folder, { recursive: true });
});

async function listen(opening: Promise<Served>): Promise<void> {
  server = createServer((socket) => connections.accept(socket, opening));
  server.listen(join(folder, "socket"));
  await once(server, "listening");
}

/** What a server hears that says hello, until it has heard so many messages. */
async function greeted(messages: number, major: number = PROTOCOL.major): Promise<FromSupervisor[]> {
  const socket = connect(join(folder, "socket"));
  socket.write(encodeMessage({ type: "hello", version: { major, minor: 0 } }));
  const reader = new MessageReader<FromSupervisor>();
  const heard: FromSupervisor[] = [];
  for await (const bytes of socket) {
    heard.push(...reader.push(bytes));
    if (heard.length >= messages) break;
  }
  return heard;
}

test("a result that comes right after the greeting was made follows it", async () => {
  const active = { type: "active", ref, startAt: "2026-01-01T00:00:00.000Z" } as const;
  await listen(
    Promise.resolve({
      get known() {
        queueMicrotask(() => connections.send(active));
        return [];
      },
      handle: () => {},
    }),
  );
  expect(await greeted(2)).toEqual([hello, active]);
});

test("a server that speaks another version hears ours, and takes nothing over", async () => {
  let looked = 0;
  await listen(
    Promise.resolve({
      get known() {
        looked++;
        return [];
      },
      handle: () => {},
    }),
  );
  expect([await greeted(1, PROTOCOL.major + 1), looked, connections.connected]).toEqual([[hello], 0, false]);
});

test("a server that left before it was greeted is not taken for one that is connected", async () => {
  const { promise: opening, resolve } = Promise.withResolvers<Served>();
  await listen(opening);
  const socket = connect(join(folder, "socket"));
  const [accepted] = await once(server, "connection");
  socket.write(encodeMessage({ type: "hello", version: PROTOCOL }));
  await once(accepted, "data");
  socket.destroy();
  await once(accepted, "close");
  resolve({ known: [], handle: () => {} });
  await opening;
  await Promise.resolve();
  expect(connections.connected).toBe(false);
});
