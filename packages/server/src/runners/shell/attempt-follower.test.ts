// Bringing an attempt home while supervisors come and go.

import { expect, test } from "vitest";
import { RecordingHost } from "../testing/recording-host.ts";
import { AttemptFollower } from "./attempt-follower.ts";

const ref = { taskId: "task-1", attempt: 1 };
const at = "2026-01-01T00:00:00.000Z";

test("what is told first counts: a supervisor that took over may know less", async () => {
  const host = new RecordingHost();
  host.refuse = 1;
  const { promise: done, resolve } = Promise.withResolvers<void>();
  const follower = new AttemptFollower(ref, true, host, { done: resolve, warn: () => {} });
  const result = {
    stage: "SUCCEEDED",
    at,
    steps: [],
    runtimeEnvs: { A: "1" },
    markdownOutput: "# x",
  } as const;
  follower.end({ ...result, steps: [] }, undefined, '[1,1,"stdout","a","logged"]\n');
  await host.until(() => host.refused[0]);
  follower.end({ stage: "FAILED", reason: "LOST", at, steps: [] });
  await done;
  expect([host.reports, host.texts(ref)]).toEqual([[{ ...ref, ...result }], ["stdout a| logged"]]);
});
