import { connect } from "node:net";
import type { RunPipelineResponse } from "@mflow/core/schema/api";
import type { HistoryEvent } from "@mflow/core/schema/event";
import { afterEach, expect, test } from "vitest";
import { job, pipeline } from "../testing/manifests.ts";
import { readSse } from "../testing/sse-reader.ts";
import { eventually, startTestServer, type TestServer } from "../testing/test-server.ts";

let server: TestServer;
afterEach(() => server.close());

async function prepare(options: Parameters<typeof startTestServer>[0] = {}) {
  server = await startTestServer(options);
}

function stream(query = "", last?: string, user = "vera") {
  return readSse(`${server.url}/api/v1/events${query}`, server.token(user), last);
}

async function run(scope = ""): Promise<string> {
  const body = {
    documents: [job("own"), pipeline("own", [{ name: "one", job: "own" }], { isParallel: true })],
  };
  return (await server.ok<RunPipelineResponse>("POST", `/pipeline-tasks${scope}`, body)).run.id;
}

function all(query: { pipelineTaskId?: string } = {}): Promise<HistoryEvent[]> {
  return server.store.history.list({ after: 0, limit: 10_000, ...query });
}

function isEnd(data: string | undefined, runId: string): boolean {
  if (data === undefined) return false;
  const event = JSON.parse(data) as HistoryEvent;
  return event.type === "RUN_STAGE" && event.stage === "SUCCEEDED" && event.pipelineTaskId === runId;
}

test("a stream begins now unless a place is given, and says where it stands", async () => {
  await prepare();
  const seq = await server.store.history.lastSeq();
  const reader = await stream();
  expect(await reader.next()).toEqual({ id: String(seq) });
  const id = await run();
  const seen = await reader.until(({ data }) => isEnd(data, id));
  const expected = (await all()).filter((event) => event.seq > seq);
  expect(seen).toEqual(expected.map((event) => ({ id: String(event.seq), data: JSON.stringify(event) })));
});

test("readers that break off again and again while runs go on miss nothing and see nothing twice", async () => {
  await prepare();
  let stopAt = Number.POSITIVE_INFINITY;
  const running = Promise.all(Array.from({ length: 20 }, () => run())).then(async (ids) => {
    await eventually(
      async () => (await all()).filter(({ type, stage }) => type === "RUN_STAGE" && stage === "SUCCEEDED"),
      (ends) => ends.length >= ids.length,
    );
    stopAt = await server.store.history.lastSeq();
  });
  const seen: number[] = [];
  let last = "0";
  for (let round = 0; Number(last) < stopAt; round++) {
    const reader = await stream("", last);
    let events = 0;
    await reader.until(({ id, data }) => {
      last = id ?? last;
      if (data !== undefined) seen.push(Number(id));
      return ++events > round || Number(last) >= stopAt;
    });
    reader.close();
  }
  await running;
  expect(seen).toEqual((await all()).map(({ seq }) => seq));
});

test("a stream of one run has the events of that run alone", async () => {
  await prepare();
  await run();
  const id = await run();
  await run();
  const reader = await stream(`?pipelineTaskId=${id}&after=0`);
  const seen = (await reader.until(({ data }) => isEnd(data, id))).filter(({ data }) => data !== undefined);
  expect(seen.map((event) => Number(event.id))).toEqual(
    (await all({ pipelineTaskId: id })).map(({ seq }) => seq),
  );
});

test("what happens to jobs in the catalogue is in the stream at once", async () => {
  await prepare();
  const reader = await stream();
  await reader.next();
  await server.ok("POST", "/jobs", job("fresh"));
  const event = await reader.next();
  expect(JSON.parse(event?.data ?? "{}")).toMatchObject({
    type: "JOB_STAGE",
    name: "fresh:v1",
    stage: "DRAFT",
  });
});

test("callers see the events of scopes that they may see, and no other scope at all", async () => {
  await prepare();
  await run();
  const id = await run("?namespace=team");
  const reader = await stream("?after=0", undefined, "tim");
  const seen = (await reader.until(({ data }) => isEnd(data, id))).filter(({ data }) => data !== undefined);
  expect(seen.map((event) => Number(event.id))).toEqual(
    (await all({ pipelineTaskId: id })).map(({ seq }) => seq),
  );
  expect((await stream("?namespace=default&domain=default", undefined, "tim")).status).toBe(403);
});

test("a reader that stops reading is cut off, and nothing piles up for it", async () => {
  await prepare({ streamTiming: { keepAliveMs: 50, stalledAfterMs: 200 } });
  // More than the buffers of a connection hold.
  const message = "x".repeat(900_000);
  const event = {
    type: "JOB_STAGE",
    at: new Date().toISOString(),
    domain: "d",
    namespace: "n",
    message,
  } as const;
  for (let count = 0; count < 24; count++) await server.store.catalog.commit([], [event]);
  const connections = () =>
    new Promise<number>((resolve) => server.app.server.getConnections((_error, count) => resolve(count)));
  const { port } = new URL(server.url);
  const socket = connect(Number(port), "127.0.0.1").pause();
  socket.on("error", () => undefined);
  socket.write(
    `GET /api/v1/events?after=0 HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer ${server.token("vera")}\r\n\r\n`,
  );
  await eventually(connections, (count) => count === 1);
  await eventually(connections, (count) => count === 0);
  socket.destroy();
});

test("a closing server ends its streams", async () => {
  await prepare();
  const reader = await stream();
  await reader.next();
  const closed = server.app.close();
  expect(await reader.rest()).toEqual([]);
  await closed;
});

test("a connection that never sends a request does not hold up a closing server", async () => {
  await prepare();
  const socket = connect(Number(new URL(server.url).port), "127.0.0.1");
  const ended = new Promise((resolve) => socket.on("close", resolve));
  await new Promise((resolve) => server.app.server.once("connection", resolve));
  await server.app.close();
  await ended;
});

test("a stream ends when its reader's token is revoked or their roles change", async () => {
  await prepare({ streamTiming: { keepAliveMs: 20, stalledAfterMs: 1000 } });
  const ofVera = await stream();
  const ofOtto = await stream("", undefined, "otto");
  await ofVera.next();
  await ofOtto.next();
  await server.ok("PUT", "/users/vera/grants", { grants: [{ role: "viewer", namespace: "team" }] });
  expect(await ofVera.rest()).toEqual([]);
  for (const { id } of server.accounts.tokens("otto")) await server.accounts.removeToken(id);
  expect(await ofOtto.rest()).toEqual([]);
});

test("a quiet stream is kept alive by comments", async () => {
  await prepare({ streamTiming: { keepAliveMs: 20, stalledAfterMs: 1000 } });
  const response = await fetch(`${server.url}/api/v1/events`, {
    headers: { authorization: `Bearer ${server.token("vera")}` },
  });
  let text = "";
  for await (const chunk of response.body?.pipeThrough(new TextDecoderStream()) ?? []) {
    text += chunk;
    if (text.includes(": keep-alive\n\n")) break;
  }
  expect(text).toMatch(/^id: \d+\n\n: keep-alive\n\n/);
});

test("a stream that goes on where the archive is says where it begins, and the archive has the rest", async () => {
  await prepare({ archived: { keepMs: -60_000, portion: 4 } });
  await run();
  await eventually(all, (events) =>
    events.some(({ type, stage }) => type === "RUN_STAGE" && stage === "SUCCEEDED"),
  );
  const before = await all();
  await server.archive.round(new AbortController().signal);
  const upTo = before.length - (before.length % 4);
  const newest = await server.store.history.lastSeq();
  expect(await server.ok("GET", "/events/places")).toEqual({ archivedUpTo: upTo, newest });
  const refused = await server.call("GET", "/events?after=1", undefined, { as: "vera" });
  expect([refused.status, refused.body]).toEqual([
    410,
    expect.objectContaining({
      code: "EVENTS_ARCHIVED",
      message: `Events after place 1 are in the archive, up to place ${upTo}; the stream goes on after that.`,
    }),
  ]);
  // Who comes back with a place that is gone is told as well; who wants all there are gets them.
  expect((await server.call("GET", "/events", undefined, { headers: { "last-event-id": "2" } })).status).toBe(
    410,
  );
  const reader = await stream("?after=0");
  expect(await reader.next()).toEqual({ id: String(upTo) });
  const lines = await server.ok<string>("GET", "/events/archive");
  expect(
    lines
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line)),
  ).toEqual(before.slice(0, upTo));
  const some = await server.ok<string>("GET", "/events/archive?after=2", undefined, { as: "vera" });
  expect(some.trim().split("\n").length).toBe(upTo - 2);
  // Of another namespace: nothing that the caller may see.
  expect(await server.ok<string>("GET", "/events/archive", undefined, { as: "tim" })).toBe("");
  expect(await server.refusal("GET", "/events/archive?namespace=default", undefined, { as: "tim" })).toEqual([
    403,
    "FORBIDDEN",
  ]);
});

test("a reader whose next events went to the archive meanwhile comes back to be told", async () => {
  await prepare({ archived: { keepMs: -60_000, portion: 1 } });
  const reader = await stream("?after=0", undefined, "tim");
  await reader.next();
  const { list } = server.store.history;
  const isListed = Promise.withResolvers<void>();
  let isHeld = true;
  server.store.history.list = async (query) => {
    if (isHeld && query.limit === 500) {
      isHeld = false;
      await server.archive.round(new AbortController().signal);
      isListed.resolve();
    }
    return list(query);
  };
  await run("?namespace=team");
  await isListed.promise;
  const rest = await reader.rest();
  expect(rest.filter(({ data }) => data !== undefined)).toEqual([]);
});
