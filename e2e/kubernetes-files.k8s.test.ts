// Artifacts and caches of tasks on a real cluster: what one keeps the next one fetches, in pods that share nothing.

import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { JobManifest } from "@mflow/core/schema/job";
import type { StageSpec, TaskSpec } from "@mflow/core/schema/pipeline";
import { type Client, createClient } from "@mflow/sdk";
import { type RunningServer, readConfig, startServer } from "@mflow/server";
import { IMAGE, KubePlace, testKubeconfig } from "@mflow/server/runners/kubernetes/testing/kube-place";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { forwardFromPods, POD_ADDRESS, type PodForward } from "./pod-forward.ts";

describe.skipIf(POD_ADDRESS === undefined)("files of tasks on a cluster", () => {
  let place: KubePlace;
  let folder: string;
  let server: RunningServer;
  let client: Client;
  let forward: PodForward;

  beforeAll(async () => {
    place = await KubePlace.make();
    folder = await mkdtemp(join(tmpdir(), "mflow-k8s-"));
    forward = await forwardFromPods(POD_ADDRESS ?? "", () => Number(new URL(server.address).port));
    const publicUrl = forward.url;
    server = await startServer(
      readConfig({ data: folder, port: "0", logLevel: "warn", publicUrl, artifactLimit: "8MiB" }, {}),
    );
    const token = (await readFile(join(folder, "local.token"), "utf8")).trim();
    client = createClient({ url: server.address, token });
    const settings = { kubeconfig: testKubeconfig(), defaultNamespace: place.namespace };
    await client.clusters.put("default", {
      ...{ ...settings, helperImage: IMAGE, keepFailedFor: "0s", creationGrace: "5s" },
    });
  });
  afterAll(async () => {
    await server?.close();
    forward?.close();
    await rm(folder, { recursive: true, force: true });
    await place?.dispose();
  });

  type Spec = Partial<JobManifest["spec"]>;

  function job(
    name: string,
    script: string,
    spec: Spec = {},
    pod: Record<string, unknown> = {},
  ): JobManifest {
    const container = {
      name: "main",
      image: IMAGE,
      command: ["sh", "-ec", script],
      workingDir: "/workspace",
    };
    const runnerSpec = { spec: { template: { spec: { containers: [container], ...pod } } } };
    return { kind: "Job", metadata: { name }, spec: { runnerType: "K8S_JOB", runnerSpec, ...spec } };
  }

  const stage = (name: string, ...tasks: TaskSpec[]): StageSpec => ({ name, tasks });

  /** Runs and waits for the end: how each task ended, by name, and its log. */
  async function ran(stages: StageSpec[], jobs: JobManifest[]) {
    const { run } = await client.runs.start({ spec: { stages }, documents: jobs });
    await expect
      .poll(async () => (await client.runs.get(run.id)).run.status.stage, { timeout: 90_000 })
      .toMatch(/^(SUCCEEDED|FAILED|CANCELED)$/);
    const { tasks } = await client.runs.get(run.id);
    return Promise.all(
      tasks.map(async ({ id, name, status }) => {
        const { lines } = await client.logs.page(id, { limit: 1000 });
        return {
          ...{ id, run: run.id, name, stage: status.stage, reason: status.reason, message: status.message },
          steps: "steps" in status ? (status.steps ?? []).map((step) => step.name) : [],
          log: lines.map(({ stream, step, text }) => `${stream} ${step}| ${text}`),
        };
      }),
    );
  }

  async function downloaded(taskId: string, name: string): Promise<Buffer> {
    const answer = await client.artifacts.download(taskId, name);
    return Buffer.from(await answer.arrayBuffer());
  }

  test("what one keeps the next one fetches, and people download it", async () => {
    const make = `mkdir -p "out/it's"; echo one > "out/it's/a b"; ln -s "it's" out/link; printf 'x\\000y' > tool; chmod +x tool; head -c 7000000 /dev/urandom > big; sha256sum < big`;
    const use = `cat "out/it's/a b" out/link/*; test -x bin/tool; wc -c < bin/tool; sha256sum < big; ls`;
    const tasks = await ran(
      [
        stage("make", {
          name: "make",
          job: "make",
          artifacts: [
            { name: "out", path: "out" },
            { name: "tool", path: "./tool" },
            { name: "big", path: "big" },
            { name: "none", path: "none", optional: true },
          ],
        }),
        stage("use", {
          name: "use",
          job: "use",
          fetch: [
            { from: "make", name: "out" },
            { from: "make", name: "tool", path: "bin" },
            { from: "make", name: "big" },
            { from: "make", name: "none", optional: true },
          ],
        }),
      ],
      [job("make", make), job("use", use)],
    );
    const [made, used] = tasks;
    const sum = made?.log.find((line) => line.startsWith("stdout"));
    expect(tasks.map(({ id: _, run: _run, ...rest }) => rest)).toEqual([
      {
        ...{ name: "make", stage: "SUCCEEDED", reason: undefined, message: undefined, steps: ["main"] },
        log: [sum, "mflow mflow-keep| artifact `none`: there is no `none`"],
      },
      {
        ...{ name: "use", stage: "SUCCEEDED", reason: undefined, message: undefined, steps: ["main"] },
        log: [
          expect.stringMatching(/^mflow mflow-fetch\| fetched artifact `out` of `make` \(\d+ bytes\)$/),
          "mflow mflow-fetch| fetched artifact `tool` of `make` (3 bytes)",
          expect.stringMatching(/^mflow mflow-fetch\| fetched artifact `big` of `make` \(6.\d MiB\)$/),
          ...["one", "one", "3"].map((line) => `stdout main| ${line}`),
          sum,
          ...["big", "bin", "out"].map((line) => `stdout main| ${line}`),
        ],
      },
    ]);
    expect([used?.name, (await downloaded(made?.id ?? "", "tool")).toString("latin1")]).toEqual([
      "use",
      "x\0y",
    ]);
  });

  test("who is not root keeps and fetches too, also in a volume of the author's", async () => {
    const securityContext = { runAsUser: 1234, runAsNonRoot: true, allowPrivilegeEscalation: false };
    const volumeMounts = [{ name: "own", mountPath: "/workspace" }];
    const own = (name: string, script: string) => {
      const command = ["sh", "-ec", script];
      const main = {
        name: "main",
        image: IMAGE,
        command,
        workingDir: "/workspace",
        securityContext,
        volumeMounts,
      };
      return job(name, "", {}, { containers: [main], volumes: [{ name: "own", emptyDir: {} }] });
    };
    const tasks = await ran(
      [
        stage("make", { name: "make", job: "make", artifacts: [{ name: "d", path: "d" }] }),
        stage("use", { name: "use", job: "use", fetch: [{ from: "make", name: "d" }] }),
      ],
      [
        own("make", "mkdir d; echo mine > d/a; chmod 600 d/a"),
        own("use", "echo more >> d/a; cat d/a; id -u"),
      ],
    );
    expect(tasks[1]?.log.slice(1)).toEqual(["mine", "more", "1234"].map((line) => `stdout main| ${line}`));
  });

  test("the volume of a run holds what is kept and fetched, and people look into it after a failure", async () => {
    const name = `${place.namespace}-volume`;
    await place.client.create("/api/v1/persistentvolumes", {
      metadata: { name },
      spec: {
        ...{ capacity: { storage: "1Gi" }, accessModes: ["ReadWriteOnce"], storageClassName: name },
        ...{ hostPath: { path: `/tmp/${name}`, type: "DirectoryOrCreate" } },
        persistentVolumeReclaimPolicy: "Retain",
      },
    });
    await client.clusters.put("with-volumes", {
      ...{ kubeconfig: testKubeconfig(), defaultNamespace: place.namespace, helperImage: IMAGE },
      ...{ keepFailedFor: "5m", workspace: { storageClass: name } },
    });
    const claims = `/api/v1/namespaces/${place.namespace}/persistentvolumeclaims`;
    try {
      const runParams = [{ name: "_kube_config", usageType: "RUNNER" as const, value: "with-volumes" }];
      const own = (given: JobManifest) => {
        Object.assign(given.spec.runnerSpec, { workspace: "run" });
        return given;
      };
      const build = own(
        job("build", "mkdir out; echo built >out/app; echo beside >beside", {
          ...{ runParams, artifacts: [{ name: "app", path: "out/app" }] },
        }),
      );
      const check = own(
        job("check", "cat beside out/app fetched/app; echo found >why; exit 3", {
          ...{ runParams, fetch: [{ from: "build", name: "app", path: "fetched" }] },
        }),
      );
      const tasks = await ran(
        [stage("all", { name: "build", job: "build" }, { name: "check", job: "check" })],
        [build, check],
      );
      expect(tasks.map(({ stage, reason }) => [stage, reason])).toEqual([
        ["SUCCEEDED", undefined],
        ["FAILED", "EXIT_CODE"],
      ]);
      const failed = tasks[1];
      expect(failed?.log.filter((line) => line.startsWith("stdout"))).toEqual([
        ...["stdout main| beside", "stdout main| built", "stdout main| built"],
      ]);
      const chunks: Uint8Array[] = [];
      const output = (data: Uint8Array) => chunks.push(data);
      const terminal = await client.tasks.terminal(failed?.id ?? "", {
        command: ["cat", "/workspace/why"],
        output,
      });
      await terminal.ended;
      expect(Buffer.concat(chunks).toString("utf8").trim()).toBe("found");
      expect(await place.items(claims)).toHaveLength(1);
      await client.runs.remove(failed?.run ?? "");
      await expect.poll(() => place.items(claims)).toEqual([]);
    } finally {
      await place.client.delete(`/api/v1/persistentvolumes/${name}`);
      await rm(`/tmp/${name}`, { recursive: true, force: true });
    }
  });

  test("a cache is saved, and restored for the next run", async () => {
    const script = `[ -f deps/a ] && echo "there: $(cat deps/a)" || { mkdir -p deps; echo made > deps/a; }`;
    const cached = (name: string) =>
      job(name, script, { cache: { key: { prefix: "deps", files: ["**/*.lock"] }, paths: ["deps"] } });
    const lock = (name: string): TaskSpec => ({
      name,
      job: "lock",
      artifacts: [{ name: "lock", path: "sub" }],
    });
    const fetch = [{ from: "lock", name: "lock" }];
    const run = async (text: string) => {
      const locks = job("lock", `mkdir sub; echo ${text} > sub/a.lock`);
      const stages = [stage("lock", lock("lock")), stage("work", { name: "work", job: "work", fetch })];
      const tasks = await ran(stages, [locks, cached("work")]);
      return tasks.find(({ name }) => name === "work")?.log.slice(1);
    };
    const first = await run("one");
    expect(first).toEqual([
      expect.stringMatching(/^mflow mflow-fetch\| cache deps-[0-9a-f]{40}: there is none yet$/),
    ]);
    const key = /deps-[0-9a-f]{40}/.exec(first?.[0] ?? "")?.[0];
    expect(await run("one")).toEqual([
      `mflow mflow-fetch| cache ${key}: restored`,
      "stdout main| there: made",
    ]);
    expect(await run("two")).toEqual([
      expect.stringMatching(
        new RegExp(`^mflow mflow-fetch\\| cache deps-[0-9a-f]{40}: restored from ${key}$`),
      ),
      "stdout main| there: made",
    ]);
    const { items } = await client.caches.list();
    expect(items.length).toBe(2);
  });

  test.each([
    [
      "what is not there",
      "true",
      { name: "report", path: "report" },
      {
        reason: "ARTIFACT_MISSING",
        message: "there is no `report` in the workspace to keep as artifact `report`",
      },
    ],
    [
      "what leads out of the workspace",
      "ln -s /etc out",
      { name: "out", path: "out" },
      { reason: "ARTIFACT_REFUSED", message: "artifact `out`: `out` leads out of the workspace, by a link" },
    ],
    [
      "what is too large",
      "head -c 9000000 /dev/zero > big",
      { name: "big", path: "big" },
      { reason: "ARTIFACT_TOO_LARGE", message: "artifact `big`: it is larger than 8388608 bytes" },
    ],
    [
      "what the server refuses",
      "mkdir d; ln -s /etc/passwd d/x",
      { name: "d", path: "d" },
      {
        reason: "ARTIFACT_REFUSED",
        message:
          "artifact `d`: the archive is refused: `./d/x` in it is a link to `/etc/passwd`, out of the folder",
      },
    ],
    [
      "nothing of work that failed",
      "exit 3",
      { name: "x", path: "x" },
      { reason: "EXIT_CODE", message: "container `main` exited with code 3" },
    ],
  ])("a task fails that keeps %s", async (_what, script, artifact, why) => {
    const tasks = await ran([stage("s", { name: "t", job: "j", artifacts: [artifact] })], [job("j", script)]);
    expect(tasks.map(({ stage, reason, message, steps }) => ({ stage, reason, message, steps }))).toEqual([
      { stage: "FAILED", ...why, steps: ["main"] },
    ]);
  });

  test("a task fails before its work when what it fetches is not there", async () => {
    const tasks = await ran(
      [
        stage("one", { name: "one", job: "j", artifacts: [{ name: "x", path: "x", optional: true }] }),
        stage("two", { name: "two", job: "j", fetch: [{ from: "one", name: "x" }] }),
      ],
      [job("j", "echo worked")],
    );
    expect(tasks.map(({ id: _, run: _run, ...rest }) => rest)[1]).toEqual({
      ...{ name: "two", stage: "FAILED", reason: "FETCH_FAILED", steps: [] },
      message: "no task `one` of this run has ended and keeps an artifact `x`",
      log: ["mflow mflow-fetch| no task `one` of this run has ended and keeps an artifact `x`"],
    });
  });

  test("after a failure what is ALWAYS kept is there", async () => {
    const artifacts = [
      { name: "report", path: "report", when: "ALWAYS" as const },
      { name: "app", path: "app" },
    ];
    const [task] = await ran(
      [stage("s", { name: "t", job: "j", artifacts })],
      [job("j", "echo bad > report; echo app > app; exit 1")],
    );
    expect([task?.reason, (await downloaded(task?.id ?? "", "report")).toString()]).toEqual([
      "EXIT_CODE",
      "bad\n",
    ]);
    const { items } = await client.artifacts.ofTask(task?.id ?? "");
    expect(items.map(({ name }) => name)).toEqual(["report"]);
  });

  test("a task that is canceled while it works ends before its pod is killed, and keeps nothing", async () => {
    const artifacts = [{ name: "x", path: "x" }];
    const script = "trap 'exit 0' TERM; touch x; sleep 3 & wait; echo up; sleep 3600 & wait";
    const pod = { terminationGracePeriodSeconds: 90 };
    const { run } = await client.runs.start({
      spec: { stages: [stage("s", { name: "t", job: "j", artifacts })] },
      documents: [job("j", script, {}, pod)],
    });
    const first = async () => (await client.runs.get(run.id)).tasks[0];
    await expect
      .poll(async () => (await client.logs.page((await first())?.id ?? "", {})).lines.map(({ text }) => text))
      .toEqual(["up"]);
    const begun = Date.now();
    await client.runs.cancel(run.id);
    await expect.poll(async () => (await first())?.status.stage).toBe("CANCELED");
    expect(Date.now() - begun).toBeLessThan(60_000);
    expect((await client.artifacts.ofRun(run.id)).items).toEqual([]);
  });

  test("a pod that is deleted while it works ends the task", async () => {
    const artifacts = [{ name: "x", path: "x", when: "ALWAYS" as const }];
    const stages = [stage("s", { name: "t", job: "j", artifacts })];
    const { run } = await client.runs.start({ spec: { stages }, documents: [job("j", "sleep 3600")] });
    const first = async () => (await client.runs.get(run.id)).tasks[0];
    await expect.poll(async () => (await first())?.status.stage).toBe("ACTIVE");
    const [pod] = await place.items(place.podsPath);
    await place.client.delete(`${place.podsPath}/${pod?.metadata.name}`, { gracePeriodSeconds: 1 });
    await expect
      .poll(async () => (await first())?.status)
      .toMatchObject({ stage: "FAILED", reason: "EVICTED" });
  });

  test("a pod that does not reach the server ends the task, with what to do", async () => {
    forward.close();
    const artifacts = [{ name: "x", path: "x" }];
    const tasks = await ran([stage("s", { name: "t", job: "j", artifacts })], [job("j", "touch x")]);
    expect(tasks.map(({ stage, reason, message }) => ({ stage, reason, message }))).toEqual([
      {
        ...{ stage: "FAILED", reason: "RUNNER_ERROR" },
        message: expect.stringContaining(
          "it does not reach this server; start the server with a `--public-url`",
        ),
      },
    ]);
  }, 150_000);
});
