// When the log of an attempt is waited for, and when it is not.

import { PassThrough } from "node:stream";
import type { KubeJob, KubePod } from "@mflow/core/kubernetes/kube-objects";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { LogLine } from "../../../logs/log-store.ts";
import { type ClusterClient, KubeError } from "../api/cluster-client.ts";
import { AttemptLog } from "./attempt-log.ts";
import { AttemptLogs } from "./attempt-logs.ts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const job: KubeJob = { spec: { backoffLimit: 0, template: { spec: { containers: [] } } } };
const times = { startedAt: "2026-01-01T10:00:00Z", finishedAt: "2026-01-01T10:00:02Z" };
const pod: KubePod = {
  metadata: { name: "pod", uid: "uid" },
  spec: { restartPolicy: "Never", containers: [{ name: "main" }] },
  status: {
    phase: "Succeeded",
    containerStatuses: [{ name: "main", state: { terminated: { exitCode: 0, ...times } } }],
  },
};

/** The logs of an attempt whose one container has ended; `answer` gives its log. */
function ended(answer: () => PassThrough) {
  const stored: LogLine[] = [];
  const log = new AttemptLog(
    { taskId: "task-1", attempt: 1 },
    {
      logs: {
        length: async () => stored.length,
        read: async (_ref, from, count) => stored.slice(from - 1, from - 1 + count),
        append: async (_ref, lines) => void stored.push(...lines),
        finish: async () => {},
      },
      ...{ mask: (text: string) => text, maxBytes: 1_000_000, warn: () => {} },
    },
  );
  const client = { stream: async () => answer() } as unknown as ClusterClient;
  const logs = new AttemptLogs({ client, log, namespace: "default", isResumed: false, warn: () => {} });
  logs.follow(job, [pod]);
  const finished = vi.fn();
  void logs.finish().then(finished);
  return { finished, texts: () => stored.map(({ text }) => text) };
}

function whole(): PassThrough {
  const body = new PassThrough();
  body.end("2026-01-01T10:00:01.000Z done\n");
  return body;
}

test.each([
  ["whose credentials are withdrawn", new KubeError(401, "Unauthorized")],
  ["that is not reached", new KubeError(0, "no answer", { reason: "ECONNREFUSED" })],
])("a cluster %s is waited for, and the log is whole then", async (_what, away) => {
  let isBack = false;
  const { finished, texts } = ended(() => {
    if (!isBack) throw away;
    return whole();
  });
  await vi.advanceTimersByTimeAsync(300_000);
  expect(finished).not.toHaveBeenCalled();
  isBack = true;
  await vi.advanceTimersByTimeAsync(40_000);
  expect(finished).toHaveBeenCalled();
  expect(texts()).toEqual(["done"]);
});

test("a node that does not answer is not waited for", async () => {
  const { finished, texts } = ended(() => {
    throw new KubeError(502, "dial tcp 10.0.0.1:10250: no route to host");
  });
  await vi.advanceTimersByTimeAsync(70_000);
  expect(finished).toHaveBeenCalled();
  expect(texts()).toEqual(["the log could not be read to its end: the node does not answer"]);
});
