import { MflowError } from "@mflow/core/errors";
import type { RunJobResponse } from "@mflow/core/schema/api";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { LogLine } from "../logs/log-store.ts";
import { EventBell } from "./event-bell.ts";
import { followLog } from "./follow-log.ts";
import { endlessJob } from "./testing/manifests.ts";
import { startTestServer, type TestServer } from "./testing/test-server.ts";

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer();
  await server.ok("POST", "/apply", { documents: [endlessJob("endless")] });
});
afterAll(() => server.close());

test("a follower is told when the end of the attempt cannot be looked up, instead of being told that the log ends", async () => {
  const { store, logs, engine } = server;
  const { task } = await server.ok<RunJobResponse>("POST", "/job-tasks", { job: "endless" });
  const ref = { taskId: task.id, attempt: 1 };
  await logs.append(ref, [{ line: 1, time: 1000, stream: "stdout", step: "main", text: "begins" }]);
  const refused = new MflowError("UNAVAILABLE", "the store is closed");
  let isClosed = false;
  const runs = {
    ...store.runs,
    task: (id: string) => (isClosed ? Promise.reject(refused) : store.runs.task(id)),
  };
  const bell = new EventBell(engine);
  const lines: LogLine[] = [];
  const following = (async () => {
    const parts = { store: { ...store, runs }, logs, bell };
    for await (const some of followLog(parts, ref, 1, new AbortController().signal)) {
      lines.push(...some);
      isClosed = true;
      await server.ok("POST", `/job-tasks/${task.id}/cancel`, {});
    }
  })();
  await expect(following).rejects.toBe(refused);
  expect(lines.map(({ text }) => text)).toEqual(["begins"]);
  bell.close();
});
