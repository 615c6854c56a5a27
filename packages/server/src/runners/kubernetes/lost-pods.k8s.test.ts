// Pods that are lost without a word of their node, and Jobs of several pods, on a real cluster. A node that does not
// answer is a Node object that no kubelet belongs to; what it would say once is said for it.

import { mkdir, rm, writeFile } from "node:fs/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import { RecordingHost } from "../testing/recording-host.ts";
import type { ClusterRunner } from "./kubernetes-runner.ts";
import { KubePlace, scriptJob } from "./testing/kube-place.ts";

let place: KubePlace;
let runner: ClusterRunner;
let host: RecordingHost;

beforeAll(async () => {
  place = await KubePlace.make({ keepFailedFor: "0s" });
  host = new RecordingHost();
  runner = await place.openRunner(host);
});
afterAll(async () => {
  await runner.close();
  await place.dispose();
});

/** Gives a test a node that no kubelet belongs to, and a runner that does not wait long for it, in a place of their own. */
async function withSilentNode(
  test: (own: KubePlace, impatient: ClusterRunner, node: string) => Promise<void>,
): Promise<void> {
  const own = await KubePlace.make({ keepFailedFor: "0s" });
  const impatient = await own.openRunner(host, { nodeSilenceMs: 1000 });
  const node = `${own.namespace}-lost`;
  const taints = [{ key: "mflow.dev/test", effect: "NoSchedule" }];
  await own.client.create("/api/v1/nodes", { metadata: { name: node }, spec: { taints } });
  try {
    await test(own, impatient, node);
  } finally {
    await own.client.delete(`/api/v1/nodes/${node}`);
    await impatient.close();
    await own.dispose();
  }
}

test(
  "a node that never says that the pod has ended is NODE_LOST, and does not hold the task for ever",
  () =>
    withSilentNode(async (own, impatient, node) => {
      const request = own.request(scriptJob("sleep 600", { pod: { nodeName: node } }));
      await impatient.start(request);
      await expect.poll(async () => (await own.podsOf(request)).length).toBe(1);
      const name = (await own.podsOf(request))[0]?.metadata.name;
      const main = { name: "main", image: "", imageID: "", ready: true, restartCount: 0 };
      const state = { running: { startedAt: "2026-01-01T00:00:00Z" } };
      const status = { phase: "Running", containerStatuses: [{ ...main, state }] };
      await own.client.patch(`${own.podsPath}/${name}/status`, { status }, "application/merge-patch+json");
      await host.reported(request, "ACTIVE");
      await own.client.delete(`${own.podsPath}/${name}`);
      const { stage, reason, message } = await host.final(request);
      expect({ stage, reason, message }).toEqual({
        ...{ stage: "FAILED", reason: "NODE_LOST" },
        message: `node ${node} does not say that pod ${name} has ended, long after it was told to; what ran there may go on until the node is back`,
      });
      // What is left goes by itself once the node is back, or forgotten.
      for (const { metadata } of await own.podsOf(request))
        await own.client.delete(`${own.podsPath}/${metadata.name}`, { gracePeriodSeconds: 0 });
      await expect.poll(() => own.items(own.jobsPath)).toEqual([]);
      await expect.poll(() => own.attempts.rows.size).toBe(0);
    }),
  180_000,
);

test("a cancel waits for a node that does not answer, says so, and can be forced", () =>
  withSilentNode(async (own, impatient, node) => {
    const request = own.request(scriptJob("sleep 600", { pod: { nodeName: node } }));
    await impatient.start(request);
    await expect.poll(async () => (await own.podsOf(request)).length).toBe(1);
    expect(await impatient.stop(request, { graceMs: 1000 })).toBe("STOPPING");
    await expect
      .poll(() => impatient.waitingFor(request))
      .toMatch(
        /^node .*-lost does not say that pod .* has ended.*`mflow cancel --force` does not wait for it$/,
      );
    expect(await impatient.stop(request, { graceMs: 0 })).toBe("STOPPING");
    expect((await host.final(request)).stage).toBe("CANCELED");
    await expect.poll(() => own.attempts.rows.size).toBe(0);
  }));

test("a pod that somebody removes by force is EVICTED, and what the Job makes in its place is gone", async () => {
  const request = place.request(scriptJob("trap 'exit 0' TERM; echo begun; sleep 600 & wait"));
  await runner.start(request);
  await host.logged(request, "begun");
  const [pod] = await place.podsOf(request);
  await place.client.delete(`${place.podsPath}/${pod?.metadata.name}`, { gracePeriodSeconds: 0 });
  // The log of what is gone may have to be given up first, which takes a minute, and an old node may take another one to end
  // the pod that the Job made.
  const { stage, reason } = await host.final(request, 170_000);
  expect({ stage, reason }).toEqual({ stage: "FAILED", reason: "EVICTED" });
  await expect.poll(() => place.podsOf(request)).toEqual([]);
  await expect.poll(() => place.items(place.jobsPath)).toEqual([]);
}, 240_000);

test("containers of several pods are called the same in status and log, also after a restart", async () => {
  const own = await KubePlace.make({ keepFailedFor: "0s" });
  const log = new RecordingHost();
  const before = await own.openRunner(log);
  const there = {
    container: { volumeMounts: [{ name: "there", mountPath: "/there" }] },
    pod: { volumes: [{ name: "there", hostPath: { path: `/tmp/${own.namespace}` } }] },
  };
  const several = own.request(
    scriptJob("echo begun; until [ -e /there/go ]; do sleep 0.1; done; echo done", {
      ...there,
      job: { parallelism: 2, completions: 2 },
    }),
  );
  const again = own.request(
    scriptJob("echo begun; until [ -e /there/go ]; do sleep 0.1; done; exit 3", {
      ...there,
      job: { backoffLimit: 1 },
    }),
  );
  for (const request of [several, again]) await before.start(request);
  await log.until(() => log.texts(several).length === 2 || undefined);
  await log.until(() => log.texts(again).length === 1 || undefined);
  await before.close();
  const after = await own.openRunner(log);
  await mkdir(`/tmp/${own.namespace}`, { recursive: true });
  await writeFile(`/tmp/${own.namespace}/go`, "");
  const names = (steps: { name: string }[] = []) => steps.map(({ name }) => name).toSorted();
  const steps = names((await log.final(several)).steps);
  expect(steps).toEqual([expect.stringMatching(/^main\..{5}$/), expect.stringMatching(/^main\..{5}$/)]);
  expect(log.texts(several).toSorted()).toEqual(
    steps.flatMap((step) => [`stdout ${step}| begun`, `stdout ${step}| done`]).toSorted(),
  );
  const [first, second] = names((await log.final(again)).steps);
  expect([first, second]).toEqual(["main", expect.stringMatching(/^main\..{5}$/)]);
  expect(log.texts(again)).toEqual(["stdout main| begun", `stdout ${second}| begun`]);
  await after.close();
  await own.dispose();
  await rm(`/tmp/${own.namespace}`, { recursive: true });
});
