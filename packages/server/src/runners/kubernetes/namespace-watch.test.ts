// Which Job a warning of the cluster is about.

import { PassThrough } from "node:stream";
import { expect, test } from "vitest";
import type { ClusterClient } from "./api/cluster-client.ts";
import { NamespaceWatch } from "./namespace-watch.ts";

const warning = (kind: string, name: string) => ({
  metadata: { name: `${name}.event`, resourceVersion: name },
  involvedObject: { kind, name },
  reason: "FailedMount",
  message: `about ${kind} ${name}`,
});

test("a warning about a pod is told to its Job, also of an indexed one, and to no other", async () => {
  const events = [
    warning("Pod", "task-a-1-x7k2p"),
    warning("Pod", "task-b-1-0-x7k2p"),
    warning("Pod", "task-b-1-12-x7k2p"),
    warning("Job", "task-a-1"),
    warning("Pod", "task-c-1-x7k2p"),
  ];
  const client = {
    server: "https://cluster",
    get: async (path: string) => ({
      metadata: { resourceVersion: "1" },
      items: path.endsWith("/events") ? events : [],
    }),
    stream: async (_path: string, { signal }: { signal: AbortSignal }) => {
      const body = new PassThrough();
      signal.addEventListener("abort", () => body.destroy());
      return body;
    },
  } as unknown as ClusterClient;
  const watch = new NamespaceWatch({
    ...{ client, namespace: "ci", installation: "one" },
    orphan: () => {},
    warn: () => {},
  });
  for (const name of ["task-a-1", "task-b-1"]) watch.attach(name, { changed: () => {}, podGone: () => {} });
  watch.start();
  const messages = (name: string) => watch.snapshot(name).warnings.map(({ message }) => message);
  await expect.poll(() => messages("task-a-1")).toEqual(["about Pod task-a-1-x7k2p", "about Job task-a-1"]);
  expect(messages("task-b-1")).toEqual(["about Pod task-b-1-0-x7k2p", "about Pod task-b-1-12-x7k2p"]);
  expect(messages("task-c-1")).toEqual([]);
  await watch.close();
});
