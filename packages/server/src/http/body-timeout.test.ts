// Slow senders, with a limit that a test can wait for.

import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { connect } from "node:net";
import Fastify, { type FastifyInstance } from "fastify";
import { afterEach, beforeEach, expect, test } from "vitest";
import { useStreamedBodies } from "./body.ts";
import { useBodyTimeout } from "./body-timeout.ts";

let app: FastifyInstance;
beforeEach(async () => {
  app = Fastify({ requestTimeout: 0 });
  useBodyTimeout(app, 300);
  app.post("/whole", async () => "taken");
  app.register(async (scope) => {
    useStreamedBodies(scope);
    scope.post("/stream", { config: { isStreamed: true } }, async ({ body }) => {
      let size = 0;
      for await (const chunk of body as AsyncIterable<Uint8Array>) size += chunk.length;
      return `${size} bytes`;
    });
  });
  await app.listen({ port: 0, host: "127.0.0.1" });
});
afterEach(() => app.close());

/** Sends a piece of a body every 100 ms, so many of them; answers what comes back. */
async function send(path: string, pieces: number): Promise<string> {
  const socket = connect((app.server.address() as AddressInfo).port, "127.0.0.1");
  let answer = "";
  socket.on("data", (bytes) => {
    answer += bytes;
  });
  socket.on("error", () => {});
  const head = `Content-Type: application/json\r\nContent-Length: 10\r\nConnection: close\r\n`;
  socket.write(`POST ${path} HTTP/1.1\r\nHost: localhost\r\n${head}\r\n`);
  let sent = 0;
  const timer = setInterval(() => {
    if (sent++ < pieces) socket.write("1");
  }, 100);
  await once(socket, "close");
  clearInterval(timer);
  return answer;
}

test("a body that does not arrive in time is refused, however steadily it comes", async () => {
  expect(await send("/whole", 10)).toMatch(/^HTTP\/1\.1 408 Request Timeout/);
});

test("a stream may take its time as long as something comes", async () => {
  expect(await send("/stream", 10)).toMatch(/^HTTP\/1\.1 200 OK[\s\S]*10 bytes/);
});

test("a stream in which nothing comes any more is refused", async () => {
  expect(await send("/stream", 3)).toMatch(/^HTTP\/1\.1 408 Request Timeout/);
});
