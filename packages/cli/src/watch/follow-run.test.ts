// Following a run over what a real server does not do on demand: on a scripted one.

import type { HistoryEvent } from "@mflow/core/schema/event";
import { createClient } from "@mflow/sdk";
import { type Answer, hangUp, json, scriptedServer, stream } from "@mflow/sdk/testing/scripted-server";
import { expect, test } from "vitest";
import { at, loneTask, runOf } from "../testing/watched-run.ts";
import { headOf, type Watched } from "../view/watched.ts";
import { followRun, ServerLost } from "./follow-run.ts";

const RUN = "run-1";

function event(seq: number, more: Partial<HistoryEvent>): string {
  const whole = { seq, at: at(seq), domain: "default", namespace: "default", pipelineTaskId: RUN, ...more };
  return `id: ${seq}\ndata: ${JSON.stringify(whole)}\n\n`;
}

const active = event(1, { type: "RUN_STAGE", stage: "ACTIVE" });
const ended = event(2, { type: "RUN_STAGE", stage: "SUCCEEDED" });

/** Answers by path: reads of the run one after another (the last one stays), streams likewise. */
async function serve(reads: (Watched | Answer)[], streams: Answer[]) {
  const next = <T>(list: T[]): T => (list.length > 1 ? list.shift() : list[0]) as T;
  const server = await scriptedServer((request, response, body) => {
    if (request.url?.includes("/events")) return next(streams)(request, response, body);
    const read = next(reads);
    if (typeof read === "function") return read(request, response, body);
    json(200, read.run ? read : read.tasks[0])(request, response, body);
  });
  return { server, client: createClient({ url: server.url, retries: 0 }) };
}

const going = runOf({ build: [{ name: "a", stage: "ACTIVE" }] });
const done = runOf({ build: [{ name: "a", stage: "SUCCEEDED" }] }, { stage: "SUCCEEDED" });
const forever = new AbortController().signal;

test("a run is shown at once and as it is in the end, its events in order", async () => {
  const { server, client } = await serve([going, done], [stream([active, ended], "open")]);
  const shown: string[] = [];
  const happened: string[] = [];
  const last = await followRun(
    client,
    RUN,
    {
      show: (watched) => shown.push(headOf(watched).stage),
      happened: async ({ stage }) => void happened.push(stage ?? ""),
    },
    forever,
  );
  expect({ first: shown[0], last: shown.at(-1), happened, stage: headOf(last).stage }).toEqual({
    first: "ACTIVE",
    last: "SUCCEEDED",
    happened: ["ACTIVE", "SUCCEEDED"],
    stage: "SUCCEEDED",
  });
  await server.close();
});

test("many changes at once make few reads", async () => {
  const changes = Array.from({ length: 500 }, (_, index) =>
    event(index + 1, { type: "TASK_STAGE", stage: "ACTIVE" }),
  );
  let happened = 0;
  const read: Answer = (...request) => json(200, happened > 500 ? done : going)(...request);
  const { server, client } = await serve(
    [read],
    [stream([changes.join(""), event(501, { type: "RUN_STAGE", stage: "SUCCEEDED" })], "open")],
  );
  const watcher = { show: () => undefined, happened: async () => void happened++ };
  await followRun(client, RUN, watcher, forever);
  const reads = server.requests.filter((request) => !request.includes("/events")).length;
  expect({ happened, few: reads <= 12 }).toEqual({ happened: 501, few: true });
  await server.close();
});

test("an ending of an earlier attempt does not end the watching of a task that runs again", async () => {
  const again = loneTask({ name: "a", stage: "ACTIVE" });
  const over = loneTask({ name: "a", stage: "FAILED" });
  const first = event(1, { type: "TASK_STAGE", taskId: "task-1", stage: "SUCCEEDED", attempt: 1 });
  const second = event(2, { type: "TASK_STAGE", taskId: "task-1", stage: "FAILED", attempt: 2 });
  const { server, client } = await serve([again, again, over], [stream([first, second], "open")]);
  const last = await followRun(client, "task-1", {}, forever);
  expect(headOf(last).stage).toBe("FAILED");
  await server.close();
});

test("a server that restarts while the end is read is waited for", async () => {
  const { server, client } = await serve([going, hangUp, done], [stream([active, ended], "open")]);
  const last = await followRun(client, RUN, {}, forever);
  expect(headOf(last).stage).toBe("SUCCEEDED");
  await server.close();
});

test("a server that does not come back is lost, not hung on", async () => {
  const { server, client } = await serve([going], [stream([active], "break"), hangUp]);
  const connection: string[] = [];
  const following = followRun(client, RUN, { connection: (state) => connection.push(state) }, forever, 200);
  await expect(following).rejects.toBeInstanceOf(ServerLost);
  expect(connection).toEqual(["lost"]);
  await server.close();
});

test("whoever leaves gets the run as it was last seen", async () => {
  const { server, client } = await serve([going], [stream([active], "open")]);
  const leave = new AbortController();
  const last = await followRun(client, RUN, { happened: async () => leave.abort() }, leave.signal);
  expect(headOf(last).stage).toBe("ACTIVE");
  await server.close();
});
