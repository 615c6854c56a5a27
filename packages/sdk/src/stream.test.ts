import { afterEach, expect, test } from "vitest";
import { createClient } from "./client.ts";
import {
  type Answer,
  hangUp,
  json,
  type ScriptedServer,
  scriptedServer,
  stream,
} from "./testing/scripted-server.ts";

let server: ScriptedServer | undefined;
afterEach(async () => {
  await server?.close();
  server = undefined;
});

async function serve(...answers: [Answer, ...Answer[]]) {
  server = await scriptedServer(...answers);
  return { server, client: createClient({ url: server.url, token: "secret" }) };
}

function event(seq: number, name = `event-${seq}`): string {
  return `id: ${seq}\nevent: TASK_STAGE\ndata: ${JSON.stringify({ seq, name })}\n\n`;
}

function line(number: number): string {
  return `id: ${number}\nevent: line\ndata: ${JSON.stringify({ line: number, text: `line ${number}` })}\n\n`;
}

const noLog = json(200, { attempt: 1, attempts: [1], lines: [] });

/** The places of the first `count` items, or of all. */
async function take<T>(items: AsyncIterable<T>, count: number): Promise<T[]> {
  const taken: T[] = [];
  for await (const item of items) {
    taken.push(item);
    if (taken.length === count) break;
  }
  return taken;
}

test("events arrive whole however the chunks are cut, also in the middle of a character", async () => {
  const text = event(1, "构建") + event(2);
  const bytes = Buffer.from(text);
  const { client } = await serve((_request, response) => {
    response.writeHead(200, { "content-type": "text/event-stream" });
    let at = 0;
    const next = () => {
      if (at < bytes.length) response.write(bytes.subarray(at, ++at), () => setImmediate(next));
    };
    next();
  });
  expect(await take(client.events({ after: 0 }), 2)).toEqual([
    { seq: 1, name: "构建" },
    { seq: 2, name: "event-2" },
  ]);
});

test("events go on behind the last one after a break, without gap or duplicate", async () => {
  const { client, server } = await serve(
    stream([event(1), event(2), "id: 3\nda"], "break"),
    stream([event(2), event(3)], "end"),
    stream([event(4)], "open"),
  );
  const connection: string[] = [];
  const seen = await take(
    client.events({ after: 0, onConnection: (state: "lost" | "back") => connection.push(state) }),
    4,
  );
  expect(seen.map((one) => one.seq)).toEqual([1, 2, 3, 4]);
  expect(server.requests).toEqual(["GET /api/v1/events?after=0", "GET /api/v1/events", "GET /api/v1/events"]);
  expect(server.headers.map((one) => one["last-event-id"])).toEqual([undefined, "2", "3"]);
  expect(connection).toEqual(["lost", "back", "lost", "back"]);
});

test("an id without data moves the place from which a stream from now on goes on", async () => {
  const { client, server } = await serve(stream(["id: 41\n\n"], "end"), stream([event(42)], "open"));
  expect(await take(client.events(), 1)).toEqual([{ seq: 42, name: "event-42" }]);
  expect(server.headers.map((one) => one["last-event-id"])).toEqual([undefined, "41"]);
});

test("events up to a place end there, also when the last ones are filtered out", async () => {
  const { client, server } = await serve(
    stream(["id: 43\n\n"], "open"),
    stream(["id: 0\n\n", event(41), "id: 43\n\n"], "open"),
  );
  const until = await client.newestEvent();
  const seen: number[] = [];
  for await (const one of client.events({ after: 0, until, taskId: "task-1" })) seen.push(one.seq);
  expect({ until, seen }).toEqual({ until: 43, seen: [41] });
  expect(server.requests).toEqual(["GET /api/v1/events", "GET /api/v1/events?taskId=task-1&after=0"]);
});

test("a server that refuses connections, drains and then serves again is survived", async () => {
  const draining = json(503, {
    code: "UNAVAILABLE",
    message: "draining",
    remedy: "",
    details: [],
    requestId: "r",
  });
  const { client } = await serve(stream([event(1)], "break"), hangUp, draining, stream([event(2)], "open"));
  expect((await take(client.events({ after: 0 }), 2)).map((one) => one.seq)).toEqual([1, 2]);
});

test("a server that stays away ends the iteration with the connection's error", async () => {
  const { client, server } = await serve(stream([event(1)], "break"), hangUp);
  const seen: number[] = [];
  const reading = (async () => {
    for await (const one of client.events({ after: 0, reconnectForMs: 200 })) seen.push(one.seq);
  })();
  await expect(reading).rejects.toMatchObject({ name: "ConnectionError", url: server.url });
  expect(seen).toEqual([1]);
});

test("a refusal after a break is not tried again", async () => {
  const refused = json(401, { code: "UNAUTHORIZED", message: "no", remedy: "", details: [], requestId: "r" });
  const { client, server } = await serve(stream([event(1)], "break"), refused);
  await expect(take(client.events({ after: 0 }), 2)).rejects.toMatchObject({ code: "UNAUTHORIZED" });
  expect(server.requests).toHaveLength(2);
});

test("a connection on which nothing comes any more is replaced", async () => {
  const { client } = await serve(stream([event(1)], "open"), stream([event(2)], "open"));
  expect((await take(client.events({ after: 0, silenceMs: 50 }), 2)).map((one) => one.seq)).toEqual([1, 2]);
});

test("an abort ends the iteration without an error and closes the connection", async () => {
  let closed: () => void = () => undefined;
  const closing = new Promise<void>((resolve) => {
    closed = resolve;
  });
  const { client } = await serve((request, response, body) => {
    request.socket.on("close", closed);
    stream([event(1)], "open")(request, response, body);
  });
  const abort = new AbortController();
  const seen: number[] = [];
  for await (const one of client.events({ after: 0, signal: abort.signal })) {
    seen.push(one.seq);
    abort.abort();
  }
  await closing;
  expect(seen).toEqual([1]);
});

test("a stream finds a server that came back at another address", async () => {
  const first = await scriptedServer(stream([event(1)], "break"), hangUp);
  server = await scriptedServer(stream([event(2)], "open"));
  const addresses = [first.url, first.url, server.url];
  const client = createClient({ url: () => addresses.shift() ?? "" });
  expect((await take(client.events({ after: 0 }), 2)).map((one) => one.seq)).toEqual([1, 2]);
  await first.close();
});

test("lines of a log are followed over a break of the connection until the log ends", async () => {
  const { client, server } = await serve(
    noLog,
    stream([line(1), line(2)], "break"),
    stream([line(2), line(3), "event: end\ndata: {}\n\n"], "open"),
  );
  const seen: number[] = [];
  for await (const one of client.logs.follow("task-1")) seen.push(one.line);
  expect(seen).toEqual([1, 2, 3]);
  expect(server.requests).toEqual([
    "GET /api/v1/job-tasks/task-1/logs?limit=1",
    "GET /api/v1/job-tasks/task-1/logs/stream?attempt=1",
    "GET /api/v1/job-tasks/task-1/logs/stream?attempt=1",
  ]);
  expect(server.headers[2]?.["last-event-id"]).toBe("2");
});
