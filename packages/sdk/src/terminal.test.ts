// Terminals of the client against a real server, their programs played by the test.

import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import type { RunJobResponse } from "@mflow/core/schema/api";
import { endlessJob } from "@mflow/server/http/testing/manifests";
import { startTestServer, type TestServer } from "@mflow/server/http/testing/test-server";
import { createTerminalRunner, type TerminalRunner } from "@mflow/server/runners/testing/terminal-runner";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { ApiError, type Client, ConnectionError, createClient } from "./index.ts";

let runner: TerminalRunner;
let server: TestServer;
let client: Client;
let task: string;
beforeAll(async () => {
  runner = createTerminalRunner();
  server = await startTestServer({ runner });
  client = createClient({ url: server.url, token: server.token("otto") });
  await server.ok("POST", "/apply", { documents: [endlessJob("endless")] });
  task = (await server.ok<RunJobResponse>("POST", "/job-tasks", { job: "endless" })).task.id;
  await vi.waitFor(() => server.ok("GET", `/job-tasks/${task}/terminal`));
});
afterAll(() => server.close());

/** What a terminal is refused with. */
async function refusal(opening: Promise<unknown>): Promise<unknown> {
  const error = await opening.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (error instanceof ApiError) return [error.status, error.code, error.message];
  if (error instanceof ConnectionError) return error.message;
  throw error ?? new Error("it was not refused");
}

test("a terminal passes bytes both ways, is resized, and ends with the program's exit code", async () => {
  const printed: Uint8Array[] = [];
  const terminal = await client.tasks.terminal(task, {
    ...{ container: "side", command: ["sh"], columns: 100, rows: 30 },
    output: (data) => void printed.push(data),
  });
  expect([terminal.container, terminal.isCopy]).toEqual(["side", true]);
  const program = runner.terminals.at(-1);
  await terminal.write("你好");
  await terminal.write(Uint8Array.of(0, 255));
  terminal.resize(50, 10);
  await expect.poll(() => program?.sizes.at(-1)).toEqual([50, 10]);
  expect(program?.typed).toBe(Buffer.from([...Buffer.from("你好"), 0, 255]).toString("utf8"));
  await program?.print(Uint8Array.of(0, 254));
  program?.exit(3);
  expect(await terminal.ended).toEqual({ exitCode: 3 });
  expect(Buffer.concat(printed)).toEqual(Buffer.from([0, 254]));
});

test("one that is closed, or whose signal is aborted, ends with that as the reason", async () => {
  const closed = await client.tasks.terminal(task, { output: () => {} });
  closed.close();
  expect(await closed.ended).toEqual({ reason: "the client closed it" });
  const stop = new AbortController();
  const aborted = await client.tasks.terminal(task, { output: () => {}, signal: stop.signal });
  stop.abort();
  expect(await aborted.ended).toEqual({ reason: "the client closed it" });
});

test("one that is still being opened is given up with its signal", async () => {
  const stop = new AbortController();
  const opening = refusal(
    client.tasks.terminal(task, { container: "never", output: () => {}, signal: stop.signal }),
  );
  setImmediate(() => stop.abort());
  await expect(opening).rejects.toMatchObject({ name: "AbortError" });
});

test("a refusal is an ApiError, whether the server or what runs the work refuses", async () => {
  const output = () => {};
  const vera = createClient({ url: server.url, token: server.token("vera") });
  expect(await refusal(vera.tasks.terminal(task, { output }))).toEqual([
    403,
    "FORBIDDEN",
    "vera needs the role operator in namespace default of domain default.",
  ]);
  expect(await refusal(client.tasks.terminal(task, { container: "mian", output }))).toEqual([
    404,
    "NOT_FOUND",
    "The pod has no container `mian`; there are `main`, `side`.",
  ]);
});

test("what stands between and passes no WebSockets is told as such", async () => {
  const proxy = createServer((_request, response) => {
    response.statusCode = 204;
    response.end();
  });
  await new Promise<void>((resolve) => proxy.listen(0, "127.0.0.1", resolve));
  const url = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`;
  const behind = createClient({ url, token: "x" });
  expect(await refusal(behind.tasks.terminal(task, { output: () => {} }))).toBe(
    `no WebSocket comes about with ${url}; what stands between may not pass them`,
  );
  proxy.close();
  proxy.closeAllConnections();
});

test("a connection that breaks is a ConnectionError", async () => {
  const mine = createTerminalRunner();
  const other = await startTestServer({ runner: mine, terminals: { pingMs: 20 } });
  await other.ok("POST", "/apply", { documents: [endlessJob("endless")] });
  const { id } = (await other.ok<RunJobResponse>("POST", "/job-tasks", { job: "endless" })).task;
  await vi.waitFor(() => other.ok("GET", `/job-tasks/${id}/terminal`));
  const { port } = new URL(other.url);
  const { connect, createServer: createTcpServer } = await import("node:net");
  const links: { destroy(): void }[] = [];
  const relay = createTcpServer((inner) => {
    const outer = connect(Number(port), "127.0.0.1");
    links.push(inner, outer);
    inner
      .on("error", () => {})
      .pipe(outer.on("error", () => {}))
      .pipe(inner);
  });
  await new Promise<void>((resolve) => relay.listen(0, "127.0.0.1", resolve));
  const url = `http://127.0.0.1:${(relay.address() as AddressInfo).port}`;
  const terminal = await createClient({ url, token: other.token("otto") }).tasks.terminal(id, {
    output: () => {},
  });
  for (const link of links) link.destroy();
  await expect(terminal.ended).rejects.toMatchObject({ name: "ConnectionError" });
  expect(await mine.terminals[0]?.ended).toEqual({ reason: "the client left" });
  relay.close();
  await other.close();
});
