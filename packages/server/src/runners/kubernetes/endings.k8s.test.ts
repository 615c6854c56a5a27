// Every way in which the work of an attempt can end, or not begin, on a real cluster: stage, reason, and the true reason in
// words.

import type { KubePod } from "@mflow/core/kubernetes/kube-objects";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Runner, StartRequest } from "../runner.ts";
import { RecordingHost } from "../testing/recording-host.ts";
import { GOES_ON, IMAGE, KubePlace, scriptJob, unplaceableJob, WITH_PASSWORD } from "./testing/kube-place.ts";

let place: KubePlace;
let runner: Runner;
let host: RecordingHost;

beforeAll(async () => {
  place = await KubePlace.make({ creationGrace: "1s", keepFailedFor: "0s" });
  host = new RecordingHost();
  runner = await place.openRunner(host);
});
afterAll(async () => {
  await runner.close();
  await place.dispose();
});

async function started(
  spec: Record<string, unknown>,
  changes: Partial<StartRequest> = {},
): Promise<StartRequest> {
  const request = place.request(spec, changes);
  await runner.start(request);
  return request;
}

/** How an attempt ended: stage, reason and message. */
async function ending(spec: Record<string, unknown>, changes: Partial<StartRequest> = {}) {
  const request = await started(spec, changes);
  const { stage, reason, message } = await host.final(request);
  return { stage, reason, message };
}

/** The pods of an attempt, as soon as there are some. */
async function podsOf(request: StartRequest): Promise<[KubePod, ...KubePod[]]> {
  await expect.poll(() => place.podsOf<KubePod>(request)).not.toEqual([]);
  return (await place.podsOf<KubePod>(request)) as [KubePod, ...KubePod[]];
}

describe("work that ends by itself", () => {
  test("SUCCEEDED, with times, steps and what it put out, and nothing of it is left then", async () => {
    const script = "printf 'A=1\\nb=\"two words\"\\n' > /dev/termination-log";
    const request = await started(scriptJob(script));
    const report = await host.final(request);
    expect(report).toEqual({
      taskId: request.taskId,
      attempt: 1,
      stage: "SUCCEEDED",
      at: expect.any(String),
      startAt: expect.any(String),
      steps: [
        {
          name: "main",
          startAt: expect.any(String),
          endAt: expect.any(String),
          durationMs: expect.any(Number),
          exitCode: 0,
        },
      ],
      runtimeEnvs: { A: "1", b: "two words" },
    });
    expect(Date.parse(report.at)).toBeGreaterThanOrEqual(Date.parse(report.startAt ?? ""));
    await expect.poll(() => place.left(request)).toEqual([]);
    expect(place.attempts.rows.has(`${request.taskId}.1`)).toBe(false);
  });

  test("an exit code is named with its container, and with its last words", async () => {
    const script = "echo 'no connection to the database' > /dev/termination-log; exit 3";
    expect(await ending(scriptJob(script))).toEqual({
      stage: "FAILED",
      reason: "EXIT_CODE",
      message: "container `main` exited with code 3: no connection to the database",
    });
  });

  test("an init container that fails is named, and its log is the log", async () => {
    const init = {
      name: "migrate",
      image: IMAGE,
      command: ["sh", "-c", "echo no table; exit 2"],
    };
    const request = await started(scriptJob("echo never", { pod: { initContainers: [init] } }));
    const { stage, reason, message } = await host.final(request);
    expect({ stage, reason, message, log: host.texts(request) }).toEqual({
      stage: "FAILED",
      reason: "EXIT_CODE",
      message: "init container `migrate` exited with code 2",
      log: ["stdout migrate| no table"],
    });
  });

  test("too much memory is OOMKILLED", async () => {
    const container = { resources: { limits: { memory: "16Mi" } } };
    const script = "dd if=/dev/zero of=/dev/shm/x bs=1M count=64 2>/dev/null; tail /dev/zero";
    expect(await ending(scriptJob(script, { container }))).toEqual({
      stage: "FAILED",
      reason: "OOMKILLED",
      message: "container `main` used more memory than its limit and was killed",
    });
  });

  test("longer than its own deadline is DEADLINE", async () => {
    const spec = scriptJob("sleep 600", { job: { activeDeadlineSeconds: 2 } });
    expect(await ending(spec)).toMatchObject({ stage: "FAILED", reason: "DEADLINE" });
  });

  test("a program that there is not is INVALID_CONTAINER", async () => {
    const spec = scriptJob("", { container: { command: ["/no/such/program"] } });
    expect(await ending(spec)).toMatchObject({
      stage: "FAILED",
      reason: "INVALID_CONTAINER",
      message: expect.stringContaining("/no/such/program"),
    });
  });
});

describe("work that cannot begin says why, and FAILED after the grace", () => {
  test("an image that cannot be pulled: with what the registry said", async () => {
    const request = await started(scriptJob("true", { container: { image: "nowhere.test/none:1" } }));
    const creating = await host.reported(request, "CREATING");
    expect(creating).toMatchObject({
      reason: "IMAGE_PULL",
      message: expect.stringContaining("nowhere.test/none:1"),
    });
    const report = await host.final(request);
    expect(report).toMatchObject({
      stage: "FAILED",
      reason: "IMAGE_PULL",
      message: expect.stringContaining("container `main`: image `nowhere.test/none:1` cannot be pulled: "),
    });
    expect(report.message).not.toContain("Back-off");
    await expect.poll(() => place.left(request)).toEqual([]);
  });

  test("a Secret that there is not, as a variable and as a volume", async () => {
    const env = [{ name: "X", valueFrom: { secretKeyRef: { name: "missing-secret", key: "x" } } }];
    const asVariable = scriptJob("true", { container: { env } });
    const volumes = [{ name: "v", configMap: { name: "missing-map" } }];
    const volumeMounts = [{ name: "v", mountPath: "/v" }];
    const asVolume = scriptJob("true", { pod: { volumes }, container: { volumeMounts } });
    const [variable, volume] = await Promise.all([ending(asVariable), ending(asVolume)]);
    expect(variable).toMatchObject({
      stage: "FAILED",
      reason: "CONFIG_MISSING",
      message: expect.stringContaining("missing-secret"),
    });
    expect(volume).toMatchObject({
      stage: "FAILED",
      reason: "CONFIG_MISSING",
      message: expect.stringContaining("missing-map"),
    });
  });

  test("no node with that label: UNSCHEDULABLE and why", async () => {
    const spec = scriptJob("true", { pod: { nodeSelector: { disk: "none-has-it" } } });
    expect(await ending(spec)).toMatchObject({
      stage: "FAILED",
      reason: "UNSCHEDULABLE",
      message: expect.stringMatching(/^no node takes the pod: 0\/1 nodes are available/),
    });
  });

  test("too large for what is free now is waited for, with the reason, and can be canceled", async () => {
    const spec = scriptJob("true", { container: { resources: { requests: { cpu: "900" } } } });
    const request = await started(spec);
    const creating = await host.reported(request, "CREATING");
    expect(creating).toMatchObject({
      reason: "UNSCHEDULABLE",
      message: expect.stringContaining("Insufficient cpu"),
    });
    expect(await runner.stop(request, { graceMs: 1000 })).toBe("STOPPING");
    expect((await host.final(request)).stage).toBe("CANCELED");
    await expect.poll(() => place.left(request)).toEqual([]);
  });

  test("a quota that is used up is waited for, with the reason", async () => {
    const quota = { metadata: { name: "no-pods" }, spec: { hard: { pods: "0" } } };
    const quotas = `/api/v1/namespaces/${place.namespace}/resourcequotas`;
    await place.client.create(quotas, quota);
    try {
      await expect
        .poll(
          async () =>
            (await place.client.get<{ status?: { hard?: object } }>(`${quotas}/no-pods`)).status?.hard,
        )
        .toEqual({ pods: "0" });
      const request = await started(scriptJob("true"));
      const creating = await host.reported(request, "CREATING");
      expect(creating).toMatchObject({
        reason: "QUOTA",
        message: expect.stringContaining("exceeded quota: no-pods"),
      });
      expect(await runner.stop(request, { graceMs: 1000 })).toBe("STOPPING");
      expect((await host.final(request)).stage).toBe("CANCELED");
    } finally {
      await place.client.delete(`${quotas}/no-pods`);
    }
  });
});

describe("a Job that ends while its pod is still going", () => {
  /** Takes a moment to end when it is asked to. */
  const slow = "trap 'sleep 3; exit 0' TERM; echo begun; sleep 600 & wait";

  test("at its deadline", async () => {
    const spec = scriptJob(slow, { job: { activeDeadlineSeconds: 2 } });
    expect(await ending(spec)).toMatchObject({ stage: "FAILED", reason: "DEADLINE" });
  });

  test("because a container that may be restarted failed too often", async () => {
    const request = await started(scriptJob("echo tried; exit 4", { pod: { restartPolicy: "OnFailure" } }));
    const { stage, reason, message, steps } = await host.final(request);
    expect({ stage, reason, message }).toEqual({
      ...{ stage: "FAILED", reason: "EXIT_CODE" },
      message: "container `main` exited with code 4",
    });
    expect(steps?.every(({ endAt }) => endAt !== undefined)).toBe(true);
    await expect.poll(() => place.left(request)).toEqual([]);
  });

  test("because somebody deleted the pod, and it succeeded all the same", async () => {
    const request = await started(scriptJob(slow));
    await host.logged(request, "begun");
    const [pod] = await podsOf(request);
    await place.client.delete(`${place.podsPath}/${pod.metadata?.name}`);
    expect((await host.final(request)).stage).toMatch(/SUCCEEDED|FAILED/);
    await expect.poll(() => place.left(request)).toEqual([]);
  });
});

describe("others who meddle", () => {
  test("a Job that somebody deletes without its pods is DELETED_OUTSIDE, and its pods are gone", async () => {
    const request = await started(GOES_ON);
    await host.logged(request, "begun");
    await place.client.delete(`${place.jobsPath}/${request.taskId}-1`, { propagationPolicy: "Orphan" });
    const { stage, reason } = await host.final(request);
    expect({ stage, reason }).toEqual({ stage: "FAILED", reason: "DELETED_OUTSIDE" });
    await expect.poll(() => place.left(request)).toEqual([]);
  });

  test("a Job that somebody deletes is DELETED_OUTSIDE, its pod is gone, and its log is there", async () => {
    const request = await started(GOES_ON);
    await host.logged(request, "begun");
    await place.client.delete(`${place.jobsPath}/${request.taskId}-1`, { propagationPolicy: "Background" });
    const { stage, reason } = await host.final(request);
    expect({ stage, reason }).toEqual({ stage: "FAILED", reason: "DELETED_OUTSIDE" });
    await expect.poll(() => place.left(request)).toEqual([]);
    expect(host.texts(request)).toEqual(["stdout main| begun"]);
  });

  test("an eviction is EVICTED, and the work does not run a second time", async () => {
    const request = await started(GOES_ON);
    await host.logged(request, "begun");
    const [pod] = await podsOf(request);
    const eviction = {
      apiVersion: "policy/v1beta1",
      kind: "Eviction",
      metadata: { name: pod.metadata?.name, namespace: place.namespace },
    };
    await place.client.create(`${place.podsPath}/${pod.metadata?.name}/eviction`, eviction);
    const { stage, reason } = await host.final(request);
    expect({ stage, reason }).toEqual({ stage: "FAILED", reason: "EVICTED" });
    await expect.poll(() => place.left(request)).toEqual([]);
    expect(host.texts(request)).toEqual(["stdout main| begun"]);
  });

  test("a Job of the same name that is not ours is refused, and left alone", async () => {
    const request = place.request(scriptJob("true"));
    const name = `${request.taskId}-1`;
    const theirs = { metadata: { name }, spec: scriptJob("sleep 3600").spec };
    Object.assign(theirs.spec.template.spec, { restartPolicy: "Never" });
    await place.client.create(place.jobsPath, theirs);
    const refusal = await runner.start(request).catch((error: Error) => error.message);
    expect(refusal).toMatch(/has a Job `task-.*-1` that is not this task's/);
    expect(await place.names(place.jobsPath)).toContain(name);
    await place.client.delete(`${place.jobsPath}/${name}`, { propagationPolicy: "Background" });
  });
});

describe("cancel", () => {
  test("before a node has the pod, and of what runs: CANCELED once the pods are gone", async () => {
    const early = await started(unplaceableJob());
    await podsOf(early);
    expect(await runner.stop(early, { graceMs: 1000 })).toBe("STOPPING");
    const late = await started(GOES_ON);
    await host.logged(late, "begun");
    const [pod] = await podsOf(late);
    expect(await runner.stop(late, { graceMs: 1000 })).toBe("STOPPING");
    expect((await host.final(late)).stage).toBe("CANCELED");
    expect(await place.names(place.podsPath)).not.toContain(pod.metadata?.name);
    expect((await host.final(early)).stage).toBe("CANCELED");
    await expect.poll(async () => [...(await place.left(early)), ...(await place.left(late))]).toEqual([]);
    expect(host.texts(late)).toEqual(["stdout main| begun"]);
  });

  test("by force: the pods' own grace does not count, also when the server restarts meanwhile", async () => {
    const spec = scriptJob("trap '' TERM; echo begun; sleep 3600", {
      pod: { terminationGracePeriodSeconds: 3600 },
    });
    const own = await KubePlace.make();
    const hosts = [new RecordingHost(), new RecordingHost()] as const;
    const before = await own.openRunner(hosts[0]);
    const requests = [own.request(spec), own.request(spec)] as const;
    for (const request of requests) {
      await before.start(request);
      await hosts[0].logged(request, "begun");
    }
    const [atOnce, later] = requests;
    expect(await before.stop(atOnce, { graceMs: 0 })).toBe("STOPPING");
    expect(await before.stop(later, { graceMs: 1000 })).toBe("STOPPING");
    await before.close();
    const after = await own.openRunner(hosts[1]);
    expect(await after.stop(later, { graceMs: 0 })).toBe("STOPPING");
    const ends = requests.map((request) => hosts[0].finalOf(request) ?? hosts[1].final(request));
    expect((await Promise.all(ends)).map(({ stage }) => stage)).toEqual(["CANCELED", "CANCELED"]);
    expect(await own.items(own.podsPath)).toEqual([]);
    await after.close();
    await own.dispose();
  });

  test("of one that waits for a place in the cluster: it is never created", async () => {
    const small = await KubePlace.make({ maxTasks: 1 });
    const other = await small.openRunner(host);
    const first = small.request(GOES_ON);
    const second = small.request(GOES_ON);
    expect([await other.start(first), await other.start(second)]).toEqual([
      { state: "STARTED" },
      { state: "STARTED" },
    ]);
    expect(other.waitingFor?.(second)).toBe("waits for one of 1 places in the cluster; 0 before it in line");
    expect(await other.stop(second, { graceMs: 1000 })).toBe("GONE");
    const third = small.request(scriptJob("true"));
    host.requests.set(`${third.taskId}.1`, third);
    await other.start(third);
    await host.logged(first, "begun");
    await other.stop(first, { graceMs: 1000 });
    expect((await host.final(third)).stage).toBe("SUCCEEDED");
    expect(host.reportsOf(second)).toEqual([]);
    await other.close();
    await small.dispose();
  });
});

describe("what is kept", () => {
  test("Job and pod of a failed task stay as long as asked, then the cluster removes them", async () => {
    const request = await started({ ...scriptJob("exit 1"), keepFailedFor: "3s" }, WITH_PASSWORD);
    await host.final(request);
    const name = `${request.taskId}-1`;
    expect(await place.left(request)).toEqual([name, expect.stringContaining(`${name}-`), name]);
    await expect.poll(() => place.left(request)).toEqual([]);
  });
});
