// Clusters that do not answer, may not be dialled, or are gone for good, and what people delete: nothing hangs, and nothing
// that should be gone stays.

import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { RetryableStartError } from "../runner.ts";
import { RecordingHost } from "../testing/recording-host.ts";
import type { ClusterRunner } from "./kubernetes-runner.ts";
import { GOES_ON, KubePlace, scriptJob, testKubeconfig } from "./testing/kube-place.ts";

let place: KubePlace;
let runner: ClusterRunner;
let host: RecordingHost;

beforeEach(async () => {
  place = await KubePlace.make();
  host = new RecordingHost();
  runner = await place.openRunner(host);
});
afterEach(async () => {
  await runner.close();
  await place.dispose();
});

/** A task with a kubeconfig of its own. */
function manual(kubeconfig: string) {
  const runnerParams = { _kube_config_from: "MANUAL", _kube_config: kubeconfig, _namespace: place.namespace };
  return place.request(scriptJob("true"), { runnerParams });
}

describe("a kubeconfig of a task's own", () => {
  test.each(["127.0.0.1", "169.254.169.254", "localhost", "[::1]"])(
    "may not lead to %s, and says so for good",
    async (address) => {
      await runner.close();
      runner = await place.openRunner(host, { mayDial: () => false });
      const text = testKubeconfig().replace(/https:\/\/[^:"]+/, `https://${address}`);
      const refusal = await runner.start(manual(text)).catch((error: unknown) => error);
      expect(refusal).not.toBeInstanceOf(RetryableStartError);
      expect((refusal as Error).message).toMatch(
        /is no public address; an operator of the server can allow it with --allow-target/,
      );
      expect([...place.attempts.rows.values()]).toEqual([]);
    },
  );

  test("whose credentials are not taken is told in words, and can be stopped", async () => {
    const wrong = testKubeconfig().replace(/user: \{client-certificate-data.*\}\}/, "user: {token: wrong}}");
    const request = manual(wrong);
    await expect(runner.start(request)).rejects.toThrow(/does not take the credentials \(401\)/);
    expect((await host.reported(request, "CREATING")).message).toMatch(/does not take the credentials/);
    expect(await runner.stop(request, { graceMs: 1000 })).toBe("GONE");
    expect(await runner.start(request)).toEqual({ state: "STOPPED" });
  });

  test("is in no log, and neither is that of the cluster that a pod asked for", async () => {
    const script = "cat $KUBECONFIG; cat $KUBECONFIG > /dev/termination-log; exit 1";
    const spec = {
      ...scriptJob(script),
      metadata: { annotations: { "mflow.dev/kube-config-mount": "/kube/config" } },
    };
    const request = place.request(spec);
    await runner.start(request);
    const { message } = await host.final(request);
    const key = /client-key-data: "?([A-Za-z0-9+/=]+)/.exec(testKubeconfig())?.[1] ?? "";
    const said = [...host.texts(request), message].join("\n");
    expect(key.length).toBeGreaterThan(100);
    expect(said).toContain("client-key-data: ***");
    expect(said).not.toContain(key.slice(0, 20));
  });
});

test("work in a cluster that is gone for good can be given up", async () => {
  const [running, stopped] = [place.request(GOES_ON), place.request(GOES_ON)];
  for (const request of [running, stopped]) {
    await runner.start(request);
    await host.reported(request, "ACTIVE");
  }
  expect(runner.attemptsIn("test")).toBe(2);
  await runner.abandon("test");
  expect(runner.attemptsIn("test")).toBe(0);
  const { stage, reason, message } = await host.final(running);
  expect({ stage, reason, message }).toEqual({
    ...{ stage: "FAILED", reason: "LOST" },
    message: "cluster `test` was deleted although the work was under way there; what became of it is unknown",
  });
  expect(await runner.list()).toEqual([]);
  expect([...place.attempts.rows.values()]).toEqual([]);
});

test("what is kept of a task that is deleted goes with it", async () => {
  const request = place.request({ ...scriptJob("exit 1"), keepFailedFor: "1h" });
  await runner.start(request);
  await host.final(request);
  expect(await place.items(place.jobsPath)).toHaveLength(1);
  await expect.poll(() => runner.list()).toEqual([]);
  await runner.discard(request.taskId);
  await expect
    .poll(async () => [...(await place.items(place.jobsPath)), ...(await place.items(place.podsPath))])
    .toEqual([]);
  await expect.poll(() => [...place.attempts.rows.values()]).toEqual([]);
});
