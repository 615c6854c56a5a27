// What is asked of the cluster so that nothing of a Job runs on.

import type { KubeJob, KubePod } from "@mflow/core/kubernetes/kube-objects";
import { beforeEach, expect, test } from "vitest";
import type { ClusterClient } from "./api/cluster-client.ts";
import { PodLosses } from "./pod-losses.ts";
import { TakeDown } from "./take-down.ts";

const job = (metadata: KubeJob["metadata"] = {}): KubeJob => ({
  metadata: { name: "task-1", uid: "job", ...metadata },
  spec: { template: { spec: { containers: [] } } },
});
const pod = (name: string, metadata: KubePod["metadata"] = {}, isRunning = false): KubePod => ({
  metadata: { name, uid: name, ...metadata },
  spec: { containers: [] },
  status: { containerStatuses: [{ name: "main", state: isRunning ? { running: {} } : { waiting: {} } }] },
});
const GOING = { deletionTimestamp: "2026-01-01T00:00:00Z" };
const inAnHour = { ...GOING, deletionGracePeriodSeconds: 3600 };
const longAgo = { ...GOING, deletionGracePeriodSeconds: -3600 };

let asked: string[];
let takeDown: TakeDown;
beforeEach(() => {
  asked = [];
  const client = {
    delete: async (path: string, { gracePeriodSeconds }: { gracePeriodSeconds?: number }) => {
      const grace = gracePeriodSeconds === undefined ? "" : ` within ${gracePeriodSeconds} s`;
      asked.push(path.split("/").slice(-2).join("/") + grace);
    },
  } as unknown as ClusterClient;
  takeDown = new TakeDown(client, "ci", new PodLosses(60_000));
});

test("the cluster is to remove a Job with its pods; each of them that the cluster overlooks is deleted, once", async () => {
  await takeDown.remove(job(), [pod("a")], false);
  await takeDown.remove(job(), [pod("a")], false);
  expect(asked.splice(0)).toEqual(["jobs/task-1"]);
  await takeDown.remove(job(GOING), [pod("a", GOING), pod("b")], false);
  await takeDown.remove(job(GOING), [pod("b"), pod("c")], false);
  await takeDown.remove(job(GOING), [pod("b"), pod("c")], false);
  expect(asked).toEqual(["pods/b", "pods/c"]);
});

test("pods that cannot begin are not waited for", async () => {
  await takeDown.remove(job(), [pod("a")], true);
  await takeDown.remove(job(GOING), [pod("a", GOING), pod("b")], true);
  expect(asked).toEqual(["jobs/task-1", "pods/a within 0 s", "pods/b within 0 s"]);
});

test("a pod that runs on after its grace is told once more, and no other", async () => {
  const pods = [pod("a", longAgo, true), pod("b", longAgo), pod("c", {}, true), pod("d", inAnHour, true)];
  const before = Date.now();
  const again = await takeDown.press(pods, false);
  await takeDown.press(pods, false);
  expect(asked).toEqual(["pods/a within 1 s"]);
  expect(again).toBeGreaterThan(before + 3_600_000);
});

test("pods that are to end at once are told so, once", async () => {
  const pods = [pod("a"), pod("b", inAnHour, true)];
  await takeDown.press(pods, true);
  expect(await takeDown.press(pods, true)).toBeUndefined();
  expect(asked).toEqual(["pods/a within 1 s", "pods/b within 1 s"]);
});
