// `mflow debug` on a real cluster, whole: the command on a terminal, the server's WebSocket, the pod.

import { randomBytes } from "node:crypto";
import type { KubePod } from "@mflow/core/kubernetes/kube-objects";
import type { RunJobResponse } from "@mflow/core/schema/api";
import { endlessJob } from "@mflow/server/http/testing/manifests";
import { startTestServer, type TestServer } from "@mflow/server/http/testing/test-server";
import { createFakeRunner } from "@mflow/server/runners/fake/fake-runner";
import { ClusterClient } from "@mflow/server/runners/kubernetes/api/cluster-client";
import { kubeConfigOf } from "@mflow/server/runners/kubernetes/api/kube-config";
import { CleanUps } from "@mflow/server/runners/kubernetes/terminal/clean-ups";
import { openPodTerminal } from "@mflow/server/runners/kubernetes/terminal/terminal";
import { IMAGE, testKubeconfig } from "@mflow/server/runners/kubernetes/testing/kube-place";
import type { TerminalRequest } from "@mflow/server/runners/runner";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { makeWorkplace, type Workplace } from "../testing/command.ts";
import { onTerminal } from "../testing/terminal.ts";

const PATIENCE = { timeout: 30_000, interval: 100 };
const namespace = `debug-${randomBytes(4).toString("hex")}`;
const pods = `/api/v1/namespaces/${namespace}/pods`;
const installation = randomBytes(10).toString("hex");
let client: ClusterClient;
let place: Workplace;

async function makePod(name: string, script: string, phase: string): Promise<void> {
  const container = {
    image: IMAGE,
    imagePullPolicy: "IfNotPresent",
    command: ["sh", "-c", script],
  };
  const pod = {
    metadata: { name },
    spec: {
      containers: [{ name: "main", ...container }],
      restartPolicy: "Never",
      terminationGracePeriodSeconds: 0,
    },
  };
  await vi.waitFor(() => client.create(pods, pod), PATIENCE);
  await vi.waitFor(async () => {
    expect((await client.get<KubePod>(`${pods}/${name}`)).status?.phase).toBe(phase);
  }, PATIENCE);
}

async function copies(): Promise<number> {
  const query = { labelSelector: "mflow.dev/debug" };
  return (await client.get<{ items: KubePod[] }>(pods, query)).items.length;
}

/** A server with one task, whose work is a pod. */
async function serve(
  pod: string,
): Promise<{ server: TestServer; task: string; env: Record<string, string> }> {
  const openTerminal = (_ref: unknown, request: TerminalRequest) =>
    openPodTerminal(client, { namespace, pod, installation }, request, new CleanUps(() => {}));
  const server = await startTestServer({ runner: Object.assign(createFakeRunner(), { openTerminal }) });
  await server.ok("POST", "/apply", { documents: [endlessJob("endless")] });
  const { id } = (await server.ok<RunJobResponse>("POST", "/job-tasks", { job: "endless" })).task;
  await vi.waitFor(() => server.ok("GET", `/job-tasks/${id}/terminal`), PATIENCE);
  return { server, task: id, env: { MFLOW_URL: server.url, MFLOW_TOKEN: server.token("otto") } };
}

beforeAll(async () => {
  client = new ClusterClient(await kubeConfigOf({ kubeconfig: testKubeconfig() }));
  await client.create("/api/v1/namespaces", { metadata: { name: namespace } });
  await Promise.all([makePod("running", "sleep 3600", "Running"), makePod("ended", "exit 3", "Failed")]);
  place = await makeWorkplace();
});

afterAll(async () => {
  await place.remove();
  await client.delete(`/api/v1/namespaces/${namespace}`).catch(() => {});
  await client.close();
});

describe("in a running pod", () => {
  test("a shell on a terminal knows its size, takes UTF-8 and Ctrl-C, and gives its exit code", async () => {
    const { server, task, env } = await serve("running");
    const window = onTerminal(place, ["debug", task], env);
    await window.shows(/^\/ #/);
    window.press("stty size; echo 你好\r");
    await window.shows(/^24 80/);
    await window.shows(/^你好/);
    // What is pressed before the shell has begun it, or has its line again, is thrown away with it.
    window.press("echo begun; sleep 1000\r");
    await window.shows(/^begun/);
    window.press("\x03");
    await window.shows(/^\^C/);
    await window.shows(/^\/ # $|^\/ #$/);
    window.press("echo interrupted $?\r");
    await window.shows(/^interrupted 130/);
    window.press("exit 9\r");
    expect(await window.ended).toBe(9);
    await server.close();
  });

  test("what is piped in is run, and its end ends the shell", async () => {
    const { server, task, env } = await serve("running");
    const { stdout, exitCode } = await place.mflow(["debug", task], {
      env,
      stdin: "echo $((6*7))\n(exit 4)\n",
    });
    expect(stdout).toContain("\r\n42\r\n");
    expect(exitCode).toBe(4);
    await server.close();
  });
});

describe("the copy of an ended pod", () => {
  test("goes when its client is killed", async () => {
    const { server, task, env } = await serve("ended");
    const call = place.start(["debug", task, "--", "sleep", "600"], { env });
    await expect.poll(() => call.stderr).toContain("in a copy of container main");
    expect(await copies()).toBe(1);
    call.process.kill("SIGKILL");
    await expect.poll(copies).toBe(0);
    await server.close();
  });

  test("goes when the server stops, which tells the client", async () => {
    const { server, task, env } = await serve("ended");
    const call = place.start(["debug", task, "--", "sleep", "600"], { env });
    await expect.poll(() => call.stderr).toContain("in a copy of container main");
    await server.close();
    const { stderr, exitCode } = await call.ended;
    expect(stderr).toContain("mflow: the session has ended: the server is stopping\n");
    expect(exitCode).toBe(1);
    await expect.poll(copies).toBe(0);
  });
});
