// Pods of which nobody says how they ended.

import type { KubeJob, KubePod } from "@mflow/core/kubernetes/kube-objects";
import { expect, test } from "vitest";
import { PodLosses } from "./pod-losses.ts";

const job = (spec: Partial<KubeJob["spec"]> = {}, status: KubeJob["status"] = {}): KubeJob => ({
  metadata: { name: "task-1" },
  spec: { backoffLimit: 0, template: { spec: { containers: [] } }, ...spec },
  status,
});
const pod = (name: string, metadata: KubePod["metadata"] = {}, hasBegun = true): KubePod => ({
  metadata: { name, uid: name, ...metadata },
  spec: { nodeName: "node-1", containers: [] },
  status: {
    containerStatuses: [
      { name: "main", state: hasBegun ? { running: {} } : { waiting: { reason: "ContainerCreating" } } },
    ],
  },
});
const namesOf = (pods: readonly KubePod[]) => pods.map(({ metadata }) => metadata?.name);

test("a pod that went unseen while it ran counts beside the one that the Job made in its place", () => {
  const losses = new PodLosses(1000);
  losses.gone(pod("a"));
  const pods = losses.withGone(job(), [pod("b")]);
  expect(namesOf(pods)).toEqual(["a", "b"]);
  expect(pods[0]?.metadata?.deletionTimestamp).toEqual(expect.any(String));
});

test("one counts not in which nothing had begun, nor of a Job that has ended or has several", () => {
  const losses = new PodLosses(1000);
  losses.gone(pod("a", {}, false));
  expect(losses.withGone(job(), [])).toEqual([]);
  losses.gone(pod("b"));
  expect(losses.withGone(job({ backoffLimit: 2 }), [])).toEqual([]);
  expect(losses.withGone(job({}, { conditions: [{ type: "Complete", status: "True" }] }), [])).toEqual([]);
  expect(losses.withGone(undefined, [])).toEqual([]);
});

test("a node is waited for by our clock alone, for the grace of the last pod and so long more", () => {
  const losses = new PodLosses(1000);
  const told = { deletionTimestamp: "1999-01-01T00:00:00Z", deletionGracePeriodSeconds: 10 };
  const message =
    "node node-1 does not say that pod a has ended, long after it was told to; what ran there may go on until the node is back";
  expect(losses.silentNode([pod("a", told)], 5_000)).toEqual({ until: 16_000, message });
  expect(losses.silentNode([pod("a", told)], 9_000)).toEqual({ until: 16_000, message });
  expect(losses.silentNode([pod("a", told), pod("b", told)], 9_000)).toEqual({ until: 20_000, message });
  expect(losses.silentNode([pod("a", told), pod("c")], 9_000)).toBeUndefined();
  expect(losses.silentNode([], 9_000)).toBeUndefined();
});
