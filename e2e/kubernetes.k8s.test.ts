// A whole server with a real cluster: what tasks say over HTTP from their pods, what they hand on, the volume that they
// share, trials without a run, and people who go in.

import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { JobManifest } from "@mflow/core/schema/job";
import type { StageSpec } from "@mflow/core/schema/pipeline";
import { type Client, createClient } from "@mflow/sdk";
import { type RunningServer, readConfig, startServer } from "@mflow/server";
import { IMAGE, KubePlace, testKubeconfig } from "@mflow/server/runners/kubernetes/testing/kube-place";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { forwardFromPods, POD_ADDRESS, type PodForward } from "./pod-forward.ts";

let place: KubePlace;
let folder: string;
let server: RunningServer;
let client: Client;
let forward: PodForward | undefined;

beforeAll(async () => {
  place = await KubePlace.make();
  folder = await mkdtemp(join(tmpdir(), "mflow-k8s-"));
  const portNow = () => Number(new URL(server.address).port);
  if (POD_ADDRESS !== undefined) forward = await forwardFromPods(POD_ADDRESS, portNow);
  const config = readConfig(
    // One slot: tasks on a cluster take none.
    {
      data: folder,
      port: "0",
      maxTasks: "1",
      logLevel: "warn",
      ...(forward && { publicUrl: forward.url }),
    },
    {},
  );
  server = await startServer(config);
  client = createClient({ url: server.address, token: await readToken() });
  const spec = { kubeconfig: testKubeconfig(), defaultNamespace: place.namespace, keepFailedFor: "5m" };
  await client.clusters.put("default", spec);
});
afterAll(async () => {
  await server?.close();
  forward?.close();
  await rm(folder, { recursive: true, force: true });
  await place?.dispose();
});

async function readToken(): Promise<string> {
  return (await readFile(join(folder, "local.token"), "utf8")).trim();
}

type Spec = Partial<JobManifest["spec"]>;

function job(name: string, script: string, spec: Spec = {}, more: Record<string, unknown> = {}): JobManifest {
  const container = { name: "main", image: IMAGE, command: ["sh", "-ec", script] };
  const runnerSpec = { spec: { template: { spec: { containers: [container] } } }, ...more };
  return { kind: "Job", metadata: { name }, spec: { runnerType: "K8S_JOB", runnerSpec, ...spec } };
}

/** Runs documents and waits for the end: run and tasks by name. */
async function ran(stages: StageSpec[], jobs: JobManifest[]) {
  const documents = [
    ...jobs,
    { kind: "Pipeline" as const, metadata: { name: "p" }, spec: { isParallel: true, stages } },
  ];
  const { run } = await client.runs.start({ documents });
  await expect
    .poll(async () => (await client.runs.get(run.id)).run.status.stage)
    .toMatch(/SUCCEEDED|FAILED|CANCELED/);
  const { run: ended, tasks } = await client.runs.get(run.id);
  return { run: ended, tasks: new Map(tasks.map((task) => [task.name, task])) };
}

async function ended(id: string) {
  await expect
    .poll(async () => (await client.tasks.get(id)).status.stage)
    .toMatch(/SUCCEEDED|FAILED|CANCELED/);
  return client.tasks.get(id);
}

const CALL = (path: string, body: string) =>
  `wget -q -O /dev/null --header "Authorization: Bearer $JOB_TASK_UPDATE_TOKEN" --header "Content-Type: application/json" --post-data '${body}' "$MFLOW_URL/api/v1/job-tasks/$JOB_TASK_ID/${path}"`;

describe("what a task says", () => {
  test.runIf(POD_ADDRESS !== undefined)(
    "by the output and status calls from its pod is what the run knows",
    async () => {
      const script = [
        CALL("output", '{"runtimeEnvs":{"VERSION":"1.4"},"markdownOutput":"# built"}'),
        CALL("status", '{"stage":"SUCCEEDED","message":"said by the pod"}'),
      ].join("\n");
      const { task } = await client.tasks.run({
        documents: [job("calls", script, { manualUpdateStatus: true })],
      });
      const { status } = await ended(task.id);
      expect(status).toMatchObject({
        stage: "SUCCEEDED",
        message: "said by the pod",
        runtimeEnvs: { VERSION: "1.4" },
        markdownOutput: "# built",
      });
      expect(
        (await place.items(`${place.jobsPath}?labelSelector=mflow.dev/task-id=${task.id}`)).length,
      ).toBeLessThan(2);
    },
  );

  test("as its last words goes on to later tasks, and its log stays when the pod is gone", async () => {
    const build = job("build", "echo building; printf 'VERSION=1.5\\n' > /dev/termination-log");
    const deploy = job("deploy", 'echo "deploy $VERSION"', {
      runParams: [{ name: "VERSION", required: true }],
    });
    const { run, tasks } = await ran(
      [
        {
          name: "all",
          tasks: [
            { name: "build", job: "build" },
            { name: "deploy", job: "deploy" },
          ],
        },
      ],
      [build, deploy],
    );
    expect(run.status.stage).toBe("SUCCEEDED");
    const id = tasks.get("deploy")?.id ?? "";
    await expect.poll(() => place.podsOf({ taskId: id })).toEqual([]);
    const lines = await client.logs.page(id);
    expect(lines.lines.map(({ text, step }) => `${step}| ${text}`)).toEqual(["main| deploy 1.5"]);
  });
});

test("tasks on a cluster take no slot of the server", async () => {
  const names = ["one", "two", "three"];
  const barrier = job("barrier", 'for i in 1 2 3; do while [ ! -e "/shared/$i" ]; do sleep 0.1; done; done');
  const runnerSpec = barrier.spec.runnerSpec as { spec: { template: { spec: Record<string, unknown> } } };
  const pod = runnerSpec.spec.template.spec as { containers: Record<string, unknown>[] };
  const [container] = pod.containers;
  // Each says that it is there, and ends once all three are.
  Object.assign(container ?? {}, {
    command: [
      "sh",
      "-ec",
      'touch "/shared/$NUMBER"; for i in 1 2 3; do while [ ! -e "/shared/$i" ]; do sleep 0.1; done; done',
    ],
    volumeMounts: [{ name: "shared", mountPath: "/shared" }],
  });
  Object.assign(pod, {
    volumes: [{ name: "shared", hostPath: { path: `/tmp/${place.namespace}`, type: "DirectoryOrCreate" } }],
  });
  barrier.spec.runParams = [{ name: "NUMBER" }];
  const tasks = names.map((name, index) => ({
    name,
    job: "barrier",
    runParams: [{ name: "NUMBER", value: String(index + 1) }],
  }));
  const { run } = await ran([{ name: "all", isParallel: true, tasks }], [barrier]);
  expect(run.status.stage).toBe("SUCCEEDED");
  await rm(`/tmp/${place.namespace}`, { recursive: true, force: true });
});

test("the tasks of a run share a volume, which goes with the run", async () => {
  const name = `${place.namespace}-volume`;
  const volume = {
    metadata: { name },
    spec: {
      ...{ capacity: { storage: "1Gi" }, accessModes: ["ReadWriteOnce"], storageClassName: name },
      ...{
        hostPath: { path: `/tmp/${name}`, type: "DirectoryOrCreate" },
        persistentVolumeReclaimPolicy: "Retain",
      },
    },
  };
  await place.client.create("/api/v1/persistentvolumes", volume);
  const spec = {
    kubeconfig: testKubeconfig(),
    defaultNamespace: place.namespace,
    workspace: { storageClass: name },
  };
  await client.clusters.put("with-volumes", spec);
  try {
    const runParams = [{ name: "_kube_config", usageType: "RUNNER" as const, value: "with-volumes" }];
    const write = job("write", "echo from the first > /workspace/file", { runParams }, { workspace: "run" });
    const read = job(
      "read",
      "cat /data/file",
      { runParams },
      { workspace: "run", workspaceMountPath: "/data" },
    );
    const { run, tasks } = await ran(
      [
        {
          name: "all",
          tasks: [
            { name: "write", job: "write" },
            { name: "read", job: "read" },
          ],
        },
      ],
      [write, read],
    );
    expect(run.status.stage).toBe("SUCCEEDED");
    const { lines } = await client.logs.page(tasks.get("read")?.id ?? "");
    expect(lines.map(({ text }) => text)).toEqual(["from the first"]);
    const claims = `/api/v1/namespaces/${place.namespace}/persistentvolumeclaims`;
    await expect.poll(() => place.items(claims)).toEqual([]);
  } finally {
    await place.client.delete(`/api/v1/persistentvolumes/${name}`);
    await rm(`/tmp/${name}`, { recursive: true, force: true });
  }
});

describe("without a run", () => {
  const wrong = job("wrong", "true");
  const pod = (wrong.spec.runnerSpec as { spec: { template: { spec: { containers: { image: string }[] } } } })
    .spec.template.spec;
  Object.assign(pod.containers[0] ?? {}, { resources: { limits: { memory: "a lot" } } });

  test("a dry run says what the cluster would refuse and what would be made, and makes nothing", async () => {
    const refused = client.tasks.run({ documents: [wrong], dryRun: true });
    await expect(refused).rejects.toMatchObject({
      code: "RUNNER_REFUSED",
      message: expect.stringMatching(/task `wrong`: Kubernetes would refuse the Job: .*quantit/s),
    });
    const { rendered } = await client.tasks.run({ documents: [job("right", "true")], dryRun: true });
    expect(rendered).toMatchObject({
      name: "right",
      made: { kind: "Job", metadata: { namespace: place.namespace }, spec: { backoffLimit: 0 } },
    });
    expect(await place.items(`${place.jobsPath}?labelSelector=mflow.dev/job=right`)).toEqual([]);
  });

  test("lint with a cluster names the place in the document", async () => {
    const bad = job("bad", "true");
    const spec = bad.spec.runnerSpec.spec as { template: { spec: Record<string, unknown> } };
    Object.assign(spec.template.spec, { volumes: [{ name: "v", configMap: {} }] });
    const { problems } = await client.manifests.lint({ documents: [bad] }, { cluster: "default" });
    expect(problems).toEqual([
      {
        path: "/documents/0/spec/runnerSpec/spec/template/spec/volumes/0/configMap/name",
        message: "Kubernetes would refuse this: Required value",
        severity: "error",
      },
    ]);
    await expect(client.manifests.lint({ documents: [bad] }, { cluster: "nowhere" })).rejects.toMatchObject({
      code: "NOT_FOUND",
    });
  });
});

describe("people", () => {
  /** What a session prints until its end. */
  async function session(id: string, typed: string) {
    const chunks: Uint8Array[] = [];
    const terminal = await client.tasks.terminal(id, { output: (data) => chunks.push(data) });
    await terminal.write(typed);
    const end = await terminal.ended;
    return { ...end, isCopy: terminal.isCopy, output: Buffer.concat(chunks).toString("utf8") };
  }

  test("go into work that runs, and into a copy of what failed, as long as it is kept", async () => {
    // The end of the work ends the session too: it gets a moment to say its own exit code.
    const script = "trap 'sleep 1; exit 4' TERM; echo $GREETING > /tmp/there; sleep 600 & wait";
    const runParams = [{ name: "GREETING", value: "héllo" }];
    const { task } = await client.tasks.run({ documents: [job("open", script, { runParams })] });
    await expect.poll(async () => (await client.tasks.get(task.id)).status.stage).toBe("ACTIVE");
    const untilThere = "until [ -s /tmp/there ]; do sleep 0.1; done";
    const running = await session(task.id, `${untilThere}; cat /tmp/there; kill 1; exit 3\n`);
    expect(running).toMatchObject({ exitCode: 3, isCopy: false, output: expect.stringContaining("héllo") });
    expect((await ended(task.id)).status).toMatchObject({ stage: "FAILED", reason: "EXIT_CODE" });
    const copy = await session(task.id, "echo again $GREETING; exit 5\n");
    expect(copy).toMatchObject({ exitCode: 5, isCopy: true, output: expect.stringContaining("again héllo") });
    await expect.poll(() => place.items(`${place.podsPath}?labelSelector=mflow.dev/debug`)).toEqual([]);
  });

  test("are told why there is nothing to go into", async () => {
    const { task } = await client.tasks.run({ documents: [job("gone", "true")] });
    expect((await ended(task.id)).status.stage).toBe("SUCCEEDED");
    await expect.poll(() => place.podsOf({ taskId: task.id })).toEqual([]);
    const refused = client.tasks.terminal(task.id, { output: () => {} });
    await expect(refused).rejects.toThrow(
      /its pod is removed; pods of ended tasks stay as long as `keepFor`/,
    );
  });

  test("see in the metrics how it stands with a cluster", async () => {
    const response = await fetch(`${server.address}/metrics`, {
      headers: { authorization: `Bearer ${await readToken()}` },
    });
    expect(await response.text()).toMatch(/^mflow_cluster_watched\{cluster="default"\} 1$/m);
  });

  test("cannot delete a cluster in which something runs", async () => {
    const { task } = await client.tasks.run({
      documents: [job("runs", "trap 'exit 0' TERM; sleep 600 & wait")],
    });
    await expect.poll(async () => (await client.tasks.get(task.id)).status.stage).toBe("ACTIVE");
    await expect(client.clusters.remove("default")).rejects.toMatchObject({ code: "CONFLICT" });
    await client.tasks.cancel(task.id);
    expect((await ended(task.id)).status.stage).toBe("CANCELED");
  });
});
