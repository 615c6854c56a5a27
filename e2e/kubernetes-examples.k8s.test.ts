// The examples for Kubernetes are Jobs that a cluster takes, and what of them needs nothing from the internet does what
// it says: their scripts run here, with the rights that the example grants.

import { execFile } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { KubeJob } from "@mflow/core/kubernetes/kube-objects";
import { renderJob } from "@mflow/core/kubernetes/render-job";
import { lint } from "@mflow/core/lint";
import { type ParsedDocument, parseManifests } from "@mflow/core/manifest";
import { renderSpec } from "@mflow/core/render";
import type { JobManifest } from "@mflow/core/schema/job";
import type { EffectiveParam } from "@mflow/core/schema/param";
import type { K8sJobSpec } from "@mflow/core/schema/runner-spec";
import { DEFAULT_SCOPE } from "@mflow/core/schema/scalars";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { parseAllDocuments } from "yaml";
import { kubectl, kubectlJson, kubectlProgram, listOf } from "../deploy/check/kubectl.ts";

const folder = join(import.meta.dirname, "..", "examples", "kubernetes");
const id = randomBytes(4).toString("hex");
const namespace = `mflow-examples-${id}`;

async function documentsOf(name: string): Promise<ParsedDocument[]> {
  const { documents, problems } = parseManifests(await readFile(join(folder, name)), { file: name });
  expect(problems).toEqual([]);
  return documents;
}

const documents = [...(await documentsOf("hello.yaml")), ...(await documentsOf("release.yaml"))];
const jobs = documents.flatMap(({ manifest }) => (manifest.kind === "Job" ? [manifest] : []));

let work: string;

beforeAll(async () => {
  work = await mkdtemp(join(tmpdir(), "mflow-k8s-examples-"));
  await kubectl(["create", "namespace", namespace]);
});
afterAll(async () => {
  await rm(work, { recursive: true, force: true });
  await kubectl(["delete", "namespace", namespace, "--ignore-not-found"]);
});

/** The Job that the cluster is given, with the params' defaults and examples. */
function rendered({ metadata, spec }: JobManifest): KubeJob {
  const declared = spec.runParams ?? [];
  const params = declared.map(
    ({ name, value, example, usageType = "ENV", valueType = "TEXT" }): EffectiveParam => ({
      ...{ name, value: String(value ?? example ?? ""), usageType, valueType, setBy: "JOB" },
    }),
  );
  const env = params.filter(({ usageType }) => usageType === "ENV").map(({ name, value }) => [name, value]);
  return renderJob({
    ...{ taskId: `task-${metadata.name}`, attempt: 1, name: metadata.name, job: metadata.name },
    ...{ domain: "default", namespace: "default", installation: "examples" },
    spec: renderSpec(spec.runnerSpec, params, declared) as K8sJobSpec,
    env: Object.fromEntries(env),
    secretEnv: [],
    manualUpdateStatus: false,
    kubeNamespace: namespace,
    workspaceClaim: "workspace",
  }).job;
}

test("they have no problem, not even a warning", () => {
  expect(lint(documents, { scope: DEFAULT_SCOPE, findJob: () => undefined })).toEqual([]);
});

test.each(jobs.map((job) => ({ name: job.metadata.name, job })))(
  "$name is a Job that the cluster takes",
  async ({ job }) => {
    // An older cluster drops fields that it does not know, and kubectl would refuse them.
    const said = await kubectl(["create", "--dry-run=server", "--validate=false", "-f", "-"], rendered(job));
    expect(said).toMatch(/^job.batch\/\S+ created \(server dry run\)\n$/);
  },
);

describe("hello.yaml", () => {
  test("greets in a pod, and hands on whom", async () => {
    const job = jobs.find(({ metadata }) => metadata.name === "k8s-hello");
    const text = JSON.stringify(rendered(job as JobManifest)).replace("busybox:1.36.1", "k8s.test/busybox:1");
    const hello = JSON.parse(text) as KubeJob;
    // Nobody here takes the result and lets it go.
    delete hello.metadata?.finalizers;
    await kubectl(["create", "--validate=false", "-f", "-"], hello);
    const name = hello.metadata?.name ?? "";
    await kubectl(["-n", namespace, "wait", `job/${name}`, "--for=condition=complete", "--timeout=60s"]);
    expect(await kubectl(["-n", namespace, "logs", `job/${name}`])).toBe("Hello, world!\n");
    const { items } = await kubectlJson<{ items: PodOutcome[] }>([
      ...["-n", namespace, "get", "pods", "-l", `job-name=${name}`],
    ]);
    expect(items.map(({ status }) => status.containerStatuses[0]?.state.terminated?.message)).toEqual([
      "GREETED=world\n",
    ]);
  });
});

interface PodOutcome {
  status: { containerStatuses: { state: { terminated?: { message?: string } } }[] };
}

interface Outcome {
  code: number;
  output: string;
  /** What was handed on. */
  handedOn: string;
}

/** Runs the script of a job here, as its container would, with these params over the defaults. */
async function runScript(name: string, env: Record<string, string>): Promise<Outcome> {
  const job = jobs.find(({ metadata }) => metadata.name === name) as JobManifest;
  const [container] = rendered(job).spec.template.spec.containers;
  const script = String(container?.args?.[0]);
  const message = join(work, "termination-log");
  await writeFile(message, "");
  const defaults = (container?.env ?? []).map((entry) => [entry.name, entry.value ?? ""]);
  const { promise, resolve } = Promise.withResolvers<Outcome>();
  const options = { env: { PATH: process.env.PATH, ...Object.fromEntries(defaults), ...env } };
  const args = ["-ec", script.replaceAll("/dev/termination-log", message)];
  execFile("sh", args, options, async (error, stdout, stderr) => {
    const code = typeof error?.code === "number" ? error.code : 0;
    resolve({ code, output: stdout + stderr, handedOn: await readFile(message, "utf8") });
  });
  return promise;
}

describe("the smoke test", () => {
  let server: Server;
  let answers: number[];
  let url: string;

  beforeAll(async () => {
    server = createServer((_request, response) => {
      response.statusCode = answers.shift() ?? 200;
      response.end('{"version":"1.4.0"}');
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/health`;
  });
  afterAll(() => server.close());

  test("passes once the answers are good so often in a row", async () => {
    answers = [503, 200, 503];
    const { code, handedOn } = await runScript("k8s-smoke-test", { URL: url, IN_A_ROW: "2" });
    expect({ code, handedOn }).toEqual({ code: 0, handedOn: "SMOKE_TRIES=5\n" });
  });

  test("fails when they do not hold what is wanted", async () => {
    answers = [];
    const { code, output } = await runScript("k8s-smoke-test", { URL: url, TRIES: "2", EXPECT: "1.5.0" });
    expect(code).toBe(1);
    expect(output).toContain("did not answer well 5 times in a row in 2 tries");
  });
});

test("a deployment that does not run is undone, with no more rights than rbac.k8s gives", async () => {
  const rbac = (await readFile(join(folder, "rbac.k8s"), "utf8")).replaceAll(
    /namespace: (ci|shop)$/gm,
    `namespace: ${namespace}`,
  );
  const objects = parseAllDocuments(rbac).map((document) => document.toJS() as object);
  await kubectl(["apply", "-f", "-"], listOf(objects));
  const app = { labels: { app: "web" } };
  const container = { name: "web", image: "k8s.test/busybox:1", command: ["sleep", "3600"] };
  await kubectl(["apply", "-f", "-"], {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { name: "web", namespace },
    spec: {
      selector: { matchLabels: app.labels },
      template: { metadata: app, spec: { terminationGracePeriodSeconds: 0, containers: [container] } },
    },
  });
  await kubectl(["-n", namespace, "rollout", "status", "deployment/web", "--timeout=60s"]);

  const { code, output } = await runScript("k8s-set-image", {
    PATH: `${await kubectlAs("deployer")}:${process.env.PATH}`,
    ...{ HOME: work, TARGET_NAMESPACE: namespace, DEPLOYMENT: "web", CONTAINER: "web" },
    ...{ IMAGE: "nowhere.test/web", WEB_DIGEST: `sha256:${"0".repeat(64)}`, ROLLOUT_TIMEOUT: "3s" },
  });
  expect({ code, output }).toEqual({ code: 1, output: expect.stringContaining("rolled back") });
  const image = "jsonpath={.spec.template.spec.containers[0].image}";
  expect(await kubectl(["-n", namespace, "get", "deployment", "web", "-o", image])).toBe(
    "k8s.test/busybox:1",
  );
});

/** A folder with a `kubectl` that acts as a service account. */
async function kubectlAs(account: string): Promise<string> {
  const program = join(work, "kubectl");
  const as = `system:serviceaccount:${namespace}:${account}`;
  const lines = [
    "#!/bin/sh",
    `KUBECONFIG='${process.env.KUBECONFIG}' exec '${kubectlProgram()}' --as='${as}' "$@"`,
  ];
  await writeFile(program, `${lines.join("\n")}\n`, { mode: 0o755 });
  return work;
}
