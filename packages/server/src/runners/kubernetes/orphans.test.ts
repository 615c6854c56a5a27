// That a Job which nobody follows goes, also when the API server fails for a while.

import type { KubeJob } from "@mflow/core/kubernetes/kube-objects";
import { beforeEach, expect, test } from "vitest";
import type { RunnerHost } from "../runner.ts";
import { type ClusterClient, KubeError } from "./api/cluster-client.ts";
import { Orphans } from "./orphans.ts";

const job: KubeJob = {
  metadata: { name: "task-1", namespace: "ci", uid: "job" },
  spec: { template: { spec: { containers: [] } } },
};
const ref = { taskId: "task", attempt: 1 };
const host: Pick<RunnerHost, "standing"> = { standing: async () => "OVER" };
const BEGUN = "Job task-1 in namespace ci is left of an attempt that is over; it is removed";
const overloaded = new KubeError(429, "too many requests");
const broken = new KubeError(500, "etcd is away");

let warnings: string[];
let calls: string[];
/** What the next calls fail with. */
let failures: (KubeError | undefined)[];
let left: AbortController;
let orphans: Orphans;
const call = async (method: string) => {
  calls.push(method);
  const failure = failures.shift();
  if (failure) throw failure;
};
const client = {
  server: "https://cluster",
  delete: () => call("DELETE"),
  patch: () => call("PATCH"),
} as unknown as ClusterClient;
const sweep = () => orphans.sweep(job, ref, { client, host, left: left.signal });

beforeEach(() => {
  warnings = [];
  calls = [];
  failures = [];
  left = new AbortController();
  orphans = new Orphans((message) => warnings.push(message));
});

test("a removal that fails is tried again until the Job is gone, by one alone", async () => {
  failures = [overloaded, undefined, broken];
  sweep();
  sweep();
  await expect
    .poll(() => calls, { timeout: 10_000 })
    .toEqual(["DELETE", "DELETE", "PATCH", "DELETE", "PATCH"]);
  expect(warnings).toEqual([
    BEGUN,
    "orphan task-1: too many requests; next try in 200 ms",
    "orphan task-1: etcd is away; next try in 400 ms",
  ]);
});

test("a removal that is refused is told, and looked at again when the Job changes", async () => {
  failures = [new KubeError(403, "not allowed"), new KubeError(404, "not found")];
  sweep();
  await expect.poll(() => warnings).toEqual([BEGUN, "orphan task-1: not allowed"]);
  sweep();
  await expect.poll(() => calls).toEqual(["DELETE", "DELETE"]);
});

test("nothing is removed any more in a cluster that is left", async () => {
  left.abort();
  sweep();
  await expect.poll(() => warnings).toEqual([BEGUN]);
  expect(calls).toEqual([]);
});
