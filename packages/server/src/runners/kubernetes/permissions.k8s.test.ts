// What the account may not do is said by the task that needs it, and nothing hangs; with the Role that is asked for
// everything works, also after a lost answer. And several clusters at once, by several accounts.

import { randomBytes } from "node:crypto";
import type { ClusterSpec } from "@mflow/core/schema/cluster";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Runner, StartRequest } from "../runner.ts";
import { RecordingHost } from "../testing/recording-host.ts";
import { GOES_ON, KubePlace, scriptJob, unplaceableJob, WITH_PASSWORD } from "./testing/kube-place.ts";
import { KubeProxy } from "./testing/kube-proxy.ts";
import { accountToken } from "./testing/service-account.ts";

let place: KubePlace;
let proxy: KubeProxy;
let host: RecordingHost;
const opened: Runner[] = [];

beforeEach(async () => {
  proxy = await KubeProxy.make();
  place = await KubePlace.make({ keepFor: "0s", keepFailedFor: "0s" });
  host = new RecordingHost();
});
afterEach(async () => {
  for (const runner of opened.splice(0)) await runner.close();
  await proxy.close();
  await place.dispose();
});

async function open(runner: Runner): Promise<Runner> {
  opened.push(runner);
  await runner.open(host);
  return runner;
}

/** A runner that works by an account with the Role less some of it. */
async function limited(...without: string[]): Promise<Runner> {
  const token = await accountToken(place, `limited-${randomBytes(3).toString("hex")}`, without);
  place.spec = { ...place.spec, kubeconfig: proxy.kubeconfig(token) };
  return open(place.runner());
}

test("the Role that is asked for is enough, also when the answers to creations are lost", async () => {
  const runner = await limited();
  const lost = new Set<string>();
  proxy.meddle = ({ method, path }) => {
    if (method !== "POST" || lost.has(path)) return undefined;
    lost.add(path);
    return { kind: "lose" };
  };
  const request = place.request(scriptJob('echo "$PASSWORD" | wc -c'), WITH_PASSWORD);
  for (let tries = 0; tries < 3; tries++) await runner.start(request).catch(() => {});
  expect((await host.final(request)).stage).toBe("SUCCEEDED");
  expect([...lost].sort()).toEqual([place.secretsPath, place.jobsPath].sort());
  const canceled = place.request(GOES_ON);
  await runner.start(canceled);
  await host.logged(canceled, "begun");
  await runner.stop(canceled, { graceMs: 1000 });
  expect((await host.final(canceled)).stage).toBe("CANCELED");
  await expect.poll(() => place.names(place.jobsPath)).toEqual([]);
  expect(place.warnings).toEqual([]);
});

describe("without the permission", () => {
  test("to create Jobs a task is refused with a sentence that names it", async () => {
    const runner = await limited("jobs: create");
    await expect(runner.start(place.request(scriptJob("true")))).rejects.toThrow(
      /^Kubernetes refuses the Job: jobs\.batch is forbidden: .* cannot create resource "jobs"/,
    );
    expect(place.attempts.rows.size).toBe(0);
  });

  test("to create Secrets a task is refused with a sentence that names it, and nothing is left", async () => {
    const runner = await limited("secrets: create");
    await expect(runner.start(place.request(unplaceableJob(), WITH_PASSWORD))).rejects.toThrow(
      /secrets is forbidden: .* cannot create resource "secrets"/,
    );
    await expect
      .poll(async () => [...(await place.names(place.jobsPath)), ...(await place.names(place.podsPath))])
      .toEqual([]);
    expect(place.attempts.rows.size).toBe(0);
    const open = place.request(scriptJob("echo no secrets"));
    await runner.start(open);
    expect((await host.final(open)).stage).toBe("SUCCEEDED");
  });

  test("to read logs a task goes on, and its log says why there is none", async () => {
    const runner = await limited("pods/log: get");
    const request = place.request(scriptJob("echo one; echo X=1 > /dev/termination-log"));
    await runner.start(request);
    const begun = Date.now();
    const { stage, runtimeEnvs } = await host.final(request);
    expect({ stage, runtimeEnvs }).toEqual({ stage: "SUCCEEDED", runtimeEnvs: { X: "1" } });
    expect(host.texts(request)).toEqual([
      expect.stringMatching(
        /^mflow main\| the log cannot be read: pods .* is forbidden: .* cannot get resource "pods\/log"/,
      ),
    ]);
    expect(Date.now() - begun).toBeLessThan(20_000);
  });

  test.each(["jobs: watch", "jobs: list", "pods: watch", "pods: list"])(
    "%s, which following needs, a task says so while it waits, and goes on once it is granted",
    async (permission) => {
      const runner = await limited(permission);
      const request = place.request(scriptJob("echo one"));
      await runner.start(request);
      const [resource, verb] = permission.split(": ");
      const told = await host.until(() => host.reportsOf(request).find(({ message }) => message));
      expect(told).toMatchObject({
        stage: "CREATING",
        message: expect.stringMatching(
          new RegExp(`cannot be watched now: ${resource}.* cannot ${verb} resource`),
        ),
      });
      place.change({ kubeconfig: proxy.kubeconfig(await accountToken(place, "whole")) });
      expect((await host.final(request)).stage).toBe("SUCCEEDED");
    },
  );

  test("to remove the finalizer a task ends all the same, and a warning says why its Job stays", async () => {
    const runner = await limited("jobs: patch");
    const request = place.request(scriptJob("echo one"));
    await runner.start(request);
    expect((await host.final(request)).stage).toBe("SUCCEEDED");
    await expect.poll(() => place.warnings.join("\n")).toMatch(/cannot patch resource "jobs"/);
    place.change({ kubeconfig: proxy.kubeconfig(await accountToken(place, "whole")) });
    await expect.poll(() => place.names(place.jobsPath)).toEqual([]);
  });
});

test("clusters work side by side, each by its own account in its own namespace", async () => {
  const other = await KubePlace.make();
  try {
    const specs = new Map<string, ClusterSpec>();
    for (const [name, where] of [
      ["one", place],
      ["two", other],
    ] as const) {
      const kubeconfig = proxy.kubeconfig(await accountToken(where, name));
      specs.set(name, { kubeconfig, defaultNamespace: where.namespace, keepFor: "0s", keepFailedFor: "0s" });
    }
    const changed = new Set<(name: string) => void>();
    const runner = await open(
      place.runner({
        clusters: {
          names: () => [...specs.keys()],
          open: (name) => specs.get(name),
          onChange: (listener) => {
            changed.add(listener);
            return () => changed.delete(listener);
          },
        },
      }),
    );
    const inCluster = (name: string) => ({ runnerParams: { _kube_config: name } });
    const script = "i=1; while [ $i -le 40 ]; do echo line $i; i=$((i+1)); sleep 0.1; done";
    const ones = [1, 2].map(() => place.request(scriptJob(script), inCluster("one")));
    const twos = [1, 2].map(() => place.request(scriptJob(script), inCluster("two")));
    const all: StartRequest[] = [...ones, ...twos];
    await Promise.all(all.map((request) => runner.start(request)));
    for (const request of all) await host.logged(request, "line 5");
    expect((await place.names(place.jobsPath)).sort()).toEqual(
      ones.map(({ taskId }) => `${taskId}-1`).sort(),
    );
    expect((await other.names(other.jobsPath)).sort()).toEqual(
      twos.map(({ taskId }) => `${taskId}-1`).sort(),
    );
    // The credentials of one are others now, and those before are worth nothing any more.
    specs.set("one", {
      ...specs.get("one"),
      kubeconfig: proxy.kubeconfig(await accountToken(place, "renewed")),
    });
    for (const listener of changed) listener("one");
    await place.client.delete(`/api/v1/namespaces/${place.namespace}/serviceaccounts/one`);
    const lines = Array.from({ length: 40 }, (_, index) => `stdout main| line ${index + 1}`);
    for (const request of all) {
      expect((await host.final(request)).stage).toBe("SUCCEEDED");
      expect(host.texts(request)).toEqual(lines);
    }
    await expect
      .poll(async () => [...(await place.names(place.jobsPath)), ...(await other.names(other.jobsPath))])
      .toEqual([]);
  } finally {
    await other.dispose();
  }
});
