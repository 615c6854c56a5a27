import type { ErrorBody, JobTaskView, LogPage, RunJobResponse } from "@mflow/core/schema/api";
import { afterAll, beforeAll, expect, test } from "vitest";
import { endlessJob, job } from "../testing/manifests.ts";
import { readSse } from "../testing/sse-reader.ts";
import { eventually, startTestServer, type TestServer } from "../testing/test-server.ts";

let server: TestServer;
/** A task that has ended and logged five lines. */
let ended: string;
beforeAll(async () => {
  server = await startTestServer();
  const log = ["alpha", "Beta", "gamma", "beta again", "the end"];
  const documents = [job("talk", { runnerSpec: { log } }, { publish: true }), endlessJob("endless")];
  await server.ok("POST", "/apply", { documents });
  ended = await start({ job: "talk" });
  await until(ended, "SUCCEEDED");
});
afterAll(() => server.close());

async function start(request: object): Promise<string> {
  return (await server.ok<RunJobResponse>("POST", "/job-tasks", request)).task.id;
}

function until(id: string, stage: string) {
  return eventually(
    () => server.ok<JobTaskView>("GET", `/job-tasks/${id}`),
    (task) => task.status.stage === stage,
  );
}

function page(query: string, id = ended) {
  return server.ok<LogPage>("GET", `/job-tasks/${id}/logs${query}`);
}

function stream(id: string, query = "", lastEventId?: string) {
  const url = `${server.url}/api/v1/job-tasks/${id}/logs/stream${query}`;
  return readSse(url, server.token("vera"), lastEventId);
}

const texts = ({ lines }: LogPage) => lines.map(({ line, text }) => `${line} ${text}`);

function append(taskId: string, from: number, ...lines: string[]) {
  return server.logs.append(
    { taskId, attempt: 1 },
    lines.map((text, index) => ({ line: from + index, time: 1000, stream: "stdout", step: "main", text })),
  );
}

test("lines are read page by page", async () => {
  const first = await page("?limit=2");
  expect(first).toMatchObject({ attempt: 1, attempts: [1], nextFrom: 3 });
  expect(texts(first)).toEqual(["1 alpha", "2 Beta"]);
  const second = await page(`?limit=3&from=${first.nextFrom}`);
  expect(texts(second)).toEqual(["3 gamma", "4 beta again", "5 the end"]);
  expect(second.nextFrom).toBeUndefined();
});

test("the last lines are read by `tail`, and lines are found by a text", async () => {
  expect(texts(await page("?tail=2"))).toEqual(["4 beta again", "5 the end"]);
  expect(texts(await page("?search=beta"))).toEqual(["2 Beta", "4 beta again"]);
  expect(texts(await page("?search=beta&caseSensitive=true"))).toEqual(["4 beta again"]);
});

test("a task without a log has an empty page, and an attempt that never was is not found", async () => {
  const id = await start({ job: "talk", audit: { auditors: ["vera"] } });
  expect(await page("", id)).toEqual({ attempt: 0, attempts: [], lines: [] });
  const { status, body } = await server.call<ErrorBody>("GET", `/job-tasks/${ended}/logs?attempt=7`);
  expect([status, body.code]).toEqual([404, "NOT_FOUND"]);
});

test("a log is downloaded as plain text", async () => {
  const { headers, body } = await server.call<string>("GET", `/job-tasks/${ended}/logs.txt`);
  expect(headers.get("content-type")).toBe("text/plain; charset=utf-8");
  expect(headers.get("content-disposition")).toBe(`attachment; filename="${ended}.1.log"`);
  const lines = body.split("\n");
  expect(lines.length).toBe(6);
  expect(lines[0]).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z (\[\S+\] )?alpha$/);
});

test("the stream of an ended task gives all lines with their numbers, and ends", async () => {
  const reader = await stream(ended);
  expect([reader.status, reader.contentType]).toEqual([200, "text/event-stream; charset=utf-8"]);
  const events = await reader.rest();
  expect(events.map(({ id, event }) => [id, event])).toEqual([
    ...["1", "2", "3", "4", "5"].map((id) => [id, "line"]),
    [undefined, "end"],
  ]);
  expect(JSON.parse(events[3]?.data ?? "")).toMatchObject({ line: 4, text: "beta again" });
});

test("a stream goes on after Last-Event-ID, or begins with a line or the last few", async () => {
  const ids = async (query: string, last?: string) =>
    (await (await stream(ended, query, last)).rest()).map(({ id }) => id).filter(Boolean);
  expect(await ids("", "3")).toEqual(["4", "5"]);
  expect(await ids("?from=2", "4")).toEqual(["5"]);
  expect(await ids("?from=3")).toEqual(["3", "4", "5"]);
  expect(await ids("?tail=1")).toEqual(["5"]);
  expect(await ids("?tail=0")).toEqual([]);
});

test("lines come as they are written, without gap or duplicate over a break, and the end comes with the task's", async () => {
  const id = await start({ job: "endless" });
  await until(id, "ACTIVE");
  await append(id, 1, "one", "two");
  const reader = await stream(id);
  expect((await reader.until(({ id: line }) => line === "2")).map((event) => event.id)).toEqual(["1", "2"]);
  await append(id, 3, "three");
  expect(await reader.next()).toMatchObject({ id: "3" });
  reader.close();
  await append(id, 4, "four");
  const again = await stream(id, "", "3");
  expect(await again.next()).toMatchObject({ id: "4" });
  await append(id, 5, "five");
  await server.ok("POST", `/job-tasks/${id}/cancel`);
  expect((await again.rest()).map(({ id: line, event }) => [line, event])).toEqual([
    ["5", "line"],
    [undefined, "end"],
  ]);
});

test("the stream of a task that is canceled before it wrote anything ends", async () => {
  const id = await start({ job: "talk", audit: { auditors: ["vera"] } });
  const reader = await stream(id);
  await server.ok("POST", `/job-tasks/${id}/cancel`);
  expect((await reader.rest()).map(({ event }) => event)).toEqual(["end"]);
  expect((await (await stream(id)).rest()).map(({ event }) => event)).toEqual(["end"]);
});
