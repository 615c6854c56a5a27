// Terminals in real pods: what is typed and printed, how it ends, and that nothing is left.

import { randomBytes } from "node:crypto";
import { MflowError } from "@mflow/core/errors";
import type { KubeContainer, KubePod } from "@mflow/core/kubernetes/kube-objects";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import type { Terminal, TerminalRequest } from "../../runner.ts";
import { ClusterClient } from "../api/cluster-client.ts";
import { kubeConfigOf } from "../api/kube-config.ts";
import { IMAGE, testKubeconfig } from "../testing/kube-place.ts";
import { CleanUps } from "./clean-ups.ts";
import { makeDebugCopy, sweepDebugCopies } from "./debug-copy.ts";
import { DEBUG_LABEL } from "./debug-pod.ts";
import { startExec } from "./exec.ts";
import { openPodTerminal } from "./terminal.ts";

const installation = randomBytes(10).toString("hex");
const namespace = `terminal-${randomBytes(4).toString("hex")}`;
const pods = `/api/v1/namespaces/${namespace}/pods`;
const cleanUps = new CleanUps(() => {});
const PATIENCE = { timeout: 30_000, interval: 100 };
let client: ClusterClient;

/** A container of the test image. */
function container(name: string, script: string, more: Partial<KubeContainer> = {}): KubeContainer {
  return {
    ...{ name, image: IMAGE, imagePullPolicy: "IfNotPresent" },
    ...{ command: ["sh", "-c", script], ...more },
  };
}

async function makePod(name: string, spec: KubePod["spec"]): Promise<void> {
  const pod = {
    ...{ apiVersion: "v1", kind: "Pod", metadata: { name, labels: { "job-name": name } } },
    spec: { restartPolicy: "Never", terminationGracePeriodSeconds: 0, ...spec },
  };
  // A new namespace refuses pods until its service account was made.
  await vi.waitFor(() => client.create(pods, pod), PATIENCE);
}

async function inPhase(name: string, phase: string): Promise<void> {
  const look = async () => expect((await client.get<KubePod>(`${pods}/${name}`)).status?.phase).toBe(phase);
  await vi.waitFor(look, PATIENCE);
}

/** A terminal and all that it printed, in a pod. */
async function open(
  pod: string,
  more: Partial<TerminalRequest> = {},
): Promise<Terminal & { printed(): string }> {
  const chunks: Uint8Array[] = [];
  const output = async (data: Uint8Array) => void chunks.push(data);
  const terminal = await openPodTerminal(
    client,
    { namespace, pod, installation },
    { columns: 80, rows: 24, output, ...more },
    cleanUps,
  );
  return { ...terminal, printed: () => Buffer.concat(chunks).toString("utf8") };
}

const keys = (text: string) => new TextEncoder().encode(text);

/** Names of the copies that there are. */
async function copies(): Promise<string[]> {
  const { items } = await client.get<{ items: KubePod[] }>(pods, { labelSelector: DEBUG_LABEL });
  return items.map(({ metadata }) => metadata?.name ?? "");
}

async function refusal(opening: Promise<unknown>): Promise<[string, string]> {
  const error = await opening.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof MflowError)) throw error ?? new Error("it was not refused");
  return [error.code, error.message];
}

beforeAll(async () => {
  client = new ClusterClient(await kubeConfigOf({ kubeconfig: testKubeconfig() }));
  await client.create("/api/v1/namespaces", {
    apiVersion: "v1",
    kind: "Namespace",
    metadata: { name: namespace },
  });
  await makePod("running", {
    containers: [container("main", "sleep 3600"), container("side", "sleep 3600")],
  });
  await makePod("ended", {
    initContainers: [container("prepare", "true")],
    containers: [
      container("main", "exit 3", {
        env: [
          { name: "COLOR", value: "blue" },
          {
            name: "PASSWORD",
            valueFrom: { secretKeyRef: { name: "gone", key: "password", optional: true } },
          },
        ],
        volumeMounts: [{ name: "scratch", mountPath: "/scratch" }],
      }),
    ],
    volumes: [{ name: "scratch", emptyDir: {} }],
  });
  await Promise.all([inPhase("running", "Running"), inPhase("ended", "Failed")]);
});

afterAll(async () => {
  await client.delete(`/api/v1/namespaces/${namespace}`).catch(() => {});
  await client.close();
});

describe("in a running container", () => {
  test("what is typed reaches a shell, what it prints comes back, and its exit code is told", async () => {
    const terminal = await open("running");
    await terminal.write(keys("echo $((40+2)) 你好 ✓ $TERM\nexit 7\n"));
    expect(await terminal.ended).toEqual({ exitCode: 7 });
    expect(terminal.printed()).toContain("\r\n42 你好 ✓ xterm-256color\r\n");
    expect([terminal.container, terminal.isCopy]).toEqual(["main", false]);
  });

  test("the program sees the size of the window, and that it changes", async () => {
    const terminal = await open("running", { columns: 101, rows: 33 });
    await terminal.write(keys("stty size\n"));
    await expect.poll(terminal.printed).toContain("33 101");
    terminal.resize(77, 12);
    await terminal.write(keys("stty size; exit\n"));
    await terminal.ended;
    expect(terminal.printed()).toContain("12 77");
  });

  test("a command runs as it is, without a shell reading it", async () => {
    const terminal = await open("running", { container: "side", command: ["echo", "$HOME  *", "'"] });
    expect(await terminal.ended).toEqual({ exitCode: 0 });
    expect(terminal.printed()).toBe("$HOME  * '\r\n");
    expect(terminal.container).toBe("side");
  });

  test("megabytes of output arrive whole, as fast as they are taken", async () => {
    let size = 0;
    let atOnce = 0;
    let most = 0;
    const output = async (data: Uint8Array) => {
      most = Math.max(most, ++atOnce);
      size += data.length;
      await new Promise((resolve) => setImmediate(resolve));
      atOnce--;
    };
    const terminal = await open("running", { command: ["head", "-c", "3000000", "/dev/zero"], output });
    expect(await terminal.ended).toEqual({ exitCode: 0 });
    expect({ size, most }).toEqual({ size: 3_000_000, most: 1 });
  });

  test("what a session started ends with it, also in the background, when it is broken off", async () => {
    const terminal = await open("running");
    await terminal.write(keys("sleep 4444 &\nsleep 5555\n"));
    const place = { namespace, pod: "running", container: "main" };
    const sleeping = async () => {
      const chunks: Uint8Array[] = [];
      const output = async (data: Uint8Array) => void chunks.push(data);
      const ps = await startExec(client, place, { command: ["ps"], isTerminal: false, output });
      await ps.ended;
      return (
        Buffer.concat(chunks)
          .toString()
          .match(/sleep (4444|5555)/g)?.length ?? 0
      );
    };
    await expect.poll(sleeping).toBe(2);
    terminal.close("enough");
    expect(await terminal.ended).toEqual({ reason: "enough" });
    expect(await sleeping()).toBe(0);
  });

  test("a container that is not there is refused with those that are", async () => {
    expect(await refusal(open("running", { container: "sid" }))).toEqual([
      "NOT_FOUND",
      "The pod has no container `sid`; did you mean `side`?; there are `main`, `side`.",
    ]);
  });

  test("one that does not run yet is refused with the reason", async () => {
    const image = "nowhere.test/none:1";
    await makePod("pulling", { containers: [container("main", "true", { image })] });
    const isRefused = async () => (await refusal(open("pulling")))[1];
    await expect
      .poll(isRefused)
      .toMatch(/^Container `main` does not run yet: .*nowhere\.test\/none:1.* cannot be pulled/);
  });

  test("a pod that is gone is refused with how long pods are kept", async () => {
    const [code, message] = await refusal(open("never-was"));
    expect(code).toBe("CONFLICT");
    expect(message).toMatch(/^Pod never-was is gone: .*keepFailedFor/);
  });
});

describe("in a copy of an ended pod", () => {
  test("the environment is that of the work, the command is held, and the copy goes with the session", async () => {
    const terminal = await open("ended");
    expect([terminal.container, terminal.isCopy]).toEqual(["main", true]);
    const [name = ""] = await copies();
    const { metadata, spec } = await client.get<KubePod>(`${pods}/${name}`);
    expect(Object.keys(metadata?.labels ?? {}).sort()).toEqual([
      "app.kubernetes.io/managed-by",
      "mflow.dev/debug",
      "mflow.dev/installation",
    ]);
    expect([spec.initContainers, spec.restartPolicy, spec.activeDeadlineSeconds]).toEqual([
      undefined,
      "Never",
      28_800,
    ]);
    await terminal.write(keys("echo color=$COLOR password=$PASSWORD.; ls -d /scratch; exit 5\n"));
    expect(await terminal.ended).toEqual({ exitCode: 5 });
    expect(terminal.printed()).toContain("\r\ncolor=blue password=.\r\n/scratch\r\n");
    await expect.poll(copies).toEqual([]);
  });

  test("it goes when the session is broken off", async () => {
    const terminal = await open("ended");
    expect(await copies()).toHaveLength(1);
    terminal.close("the client left");
    expect(await terminal.ended).toEqual({ reason: "the client left" });
    await expect.poll(copies).toEqual([]);
  });

  test("it goes when nobody waits for it any more before it runs", async () => {
    const leaving = new AbortController();
    const opening = refusal(open("ended", { signal: leaving.signal }));
    await expect.poll(copies).toHaveLength(1);
    leaving.abort();
    // It may have been open already.
    await opening.catch(() => {});
    await expect.poll(copies).toEqual([]);
  });

  test("an init container can be looked into as well", async () => {
    const terminal = await open("ended", { container: "prepare", command: ["true"] });
    expect(await terminal.ended).toEqual({ exitCode: 0 });
    expect([terminal.container, terminal.isCopy]).toEqual(["prepare", true]);
  });

  test("one that cannot run is refused with the reason, and removed", async () => {
    const pod = await client.get<KubePod>(`${pods}/ended`);
    const [main] = pod.spec.containers;
    const broken = {
      ...pod,
      spec: { ...pod.spec, containers: [{ ...main, image: "nowhere.test/none:1" }] },
    } as KubePod;
    const parts = { namespace, container: "main", session: "broken", installation, cleanUps };
    const [code, message] = await refusal(makeDebugCopy(client, broken, parts));
    expect(code).toBe("CONFLICT");
    expect(message).toMatch(/^The copy of the pod cannot run: .*nowhere\.test\/none:1/);
    await expect.poll(copies).toEqual([]);
  });

  test("what an earlier life left is swept; that of another installation stays", async () => {
    const pod = await client.get<KubePod>(`${pods}/ended`);
    const parts = { namespace, container: "main", cleanUps };
    await makeDebugCopy(client, pod, { ...parts, session: "ours", installation });
    await makeDebugCopy(client, pod, { ...parts, session: "theirs", installation: "another" });
    await sweepDebugCopies(client, namespace, installation, cleanUps);
    await expect.poll(copies).toEqual(["mflow-debug-theirs"]);
    await sweepDebugCopies(client, namespace, "another", cleanUps);
    await expect.poll(copies).toEqual([]);
  });
});

describe("in a container without a shell", () => {
  const mounts = [
    { name: "nothing", mountPath: "/bin" },
    { name: "tools", mountPath: "/tools" },
  ];
  const [, tools] = mounts;
  beforeAll(async () => {
    const command = ["/tools/busybox", "sh", "-c", "/tools/busybox sleep 3600"];
    await makePod("bare", {
      initContainers: [container("prepare", "cp /bin/busybox /tools", { volumeMounts: [tools as never] })],
      containers: [container("main", "", { command, volumeMounts: mounts })],
      volumes: [
        { name: "nothing", emptyDir: {} },
        { name: "tools", emptyDir: {} },
      ],
    });
    await inPhase("bare", "Running");
  });

  test("a shell is refused with what to do instead", async () => {
    expect(await refusal(open("bare"))).toEqual([
      "CONFLICT",
      "Container `main` has no /bin/sh: name a program that it has, e.g. `mflow debug TASK -- PROGRAM`.",
    ]);
  });

  test("a program that it has runs, and one that it has not is named", async () => {
    const terminal = await open("bare", { command: ["/tools/busybox", "echo", "here"] });
    expect(await terminal.ended).toEqual({ exitCode: 0 });
    expect(terminal.printed()).toBe("here\r\n");
    const missing = await open("bare", { command: ["psql"] });
    const { exitCode, reason } = await missing.ended;
    expect(exitCode).toBe(undefined);
    expect(reason).toMatch(/^the container has no program `psql` that it can run/);
  });

  test("a copy of it is refused with the reason, and removed", async () => {
    const pod = await client.get<KubePod>(`${pods}/bare`);
    const parts = { namespace, container: "main", session: "bare", installation, cleanUps };
    const [code, message] = await refusal(makeDebugCopy(client, pod, parts));
    expect(code).toBe("CONFLICT");
    expect(message).toMatch(/^The copy of the pod cannot run: its image has no \/bin\/sh/);
    await expect.poll(copies).toEqual([]);
  });
});

test("a cluster that forbids it is refused with what to do", async () => {
  const account = { apiVersion: "v1", kind: "ServiceAccount", metadata: { name: "nobody" } };
  await client.create(`/api/v1/namespaces/${namespace}/serviceaccounts`, account);
  const tokens = `/api/v1/namespaces/${namespace}/serviceaccounts/nobody/token`;
  const spec = { audiences: [], expirationSeconds: 600 };
  const { status } = await client.create<{ status: { token: string } }>(tokens, { spec });
  const config = await kubeConfigOf({ kubeconfig: testKubeconfig() });
  config.loadFromClusterAndUser(config.getCurrentCluster() as never, { name: "nobody", token: status.token });
  const weak = new ClusterClient(config);
  const request = { columns: 80, rows: 24, output: async () => {} };
  const [code, message] = await refusal(
    openPodTerminal(weak, { namespace, pod: "running", installation }, request, cleanUps),
  );
  await weak.close();
  expect(code).toBe("RUNNER_REFUSED");
  expect(message).toContain("`mflow cluster check` prints the permissions that are missing");
});
