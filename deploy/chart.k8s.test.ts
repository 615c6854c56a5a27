// The chart and the image on a real cluster: rendered, checked by the API server, applied, called, killed, upgraded.
//
// On the cluster for tests the image is made here from what the Dockerfile is made from. Elsewhere MFLOW_TEST_IMAGE names
// one that the cluster can pull, and the default storage class gives the volume.

import { randomBytes } from "node:crypto";
import { mkdir, mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { minimalRole, PERMISSIONS } from "@mflow/core/kubernetes/permissions";
import { parseManifests } from "@mflow/core/manifest";
import { createClient } from "@mflow/sdk";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  buildRenderer,
  defaultValues,
  type KubeObject,
  type Release,
  renderChart,
  renderTemplates,
  valueProblems,
} from "./check/chart.ts";
import { buildImage, importImage, removeImage } from "./check/image.ts";
import { kubectl, kubectlJson, listOf, testContainerd } from "./check/kubectl.ts";

const id = randomBytes(4).toString("hex");
const namespace = `mflow-chart-${id}`;
const taskNamespace = `mflow-chart-tasks-${id}`;
const containerd = testContainerd();
const reference = process.env.MFLOW_TEST_IMAGE ?? `k8s.test/mflow:${id}`;
const hasImage = containerd !== undefined || process.env.MFLOW_TEST_IMAGE !== undefined;

/** The image is installed and packed anew, and the renderer may have to compile Go's library first. */
const IMAGE_TIMEOUT_MS = 400_000;

let folder: string;
let renderer: string;
let versions: string[];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "mflow-chart-"));
  renderer = await buildRenderer(folder);
  const names = (await kubectl(["api-versions"])).trim().split("\n");
  const kinds = (await kubectl(["api-resources", "--no-headers"])).trim().split("\n");
  const lists = kinds.map((line) => line.split(/ +/));
  versions = [...names, ...lists.map((words) => `${words.at(-3)}/${words.at(-1)}`)];
  for (const name of [namespace, taskNamespace]) await kubectl(["create", "namespace", name]);
}, IMAGE_TIMEOUT_MS);

afterAll(async () => {
  try {
    await kubectl(["delete", "namespace", namespace, taskNamespace, "--ignore-not-found"]);
    await kubectl(["delete", "pv", `mflow-${id}`, "--ignore-not-found"]);
  } finally {
    if (containerd !== undefined && hasImage) await removeImage(containerd, reference).catch(() => {});
    await rm(folder, { recursive: true, force: true, maxRetries: 10 });
  }
});

function release(values: Record<string, unknown> = {}, more: Partial<Release> = {}): Release {
  return { name: "mflow", namespace, values, versions, ...more };
}

function render(values: Record<string, unknown> = {}, more: Partial<Release> = {}): Promise<KubeObject[]> {
  return renderChart(renderer, release(values, more));
}

function objectOf(objects: readonly KubeObject[], kind: string): KubeObject {
  const found = objects.find((each) => each.kind === kind);
  if (!found) throw new Error(`the chart has no ${kind}`);
  return found;
}

function namesOf(objects: readonly KubeObject[]): string[] {
  return objects.map(({ kind, metadata }) => `${kind} ${metadata.namespace}/${metadata.name}`).sort();
}

const everything = {
  fullnameOverride: "pipelines",
  publicUrl: "https://mflow.example.com",
  image: { repository: "registry.example.com/tools/mflow", tag: "1.2.3", pullPolicy: "Always" },
  imagePullSecrets: [{ name: "registry" }],
  server: { allowHosts: ["mflow.corp"], allowTargets: ["10.0.0.0/8"], language: "zh", maxTasks: 7 },
  secrets: { existingSecret: "own" },
  database: { existingSecret: "db" },
  persistence: { existingClaim: "own-data" },
  serviceAccount: { annotations: { "example.com/identity": "mflow" } },
  taskNamespaces: [taskNamespace],
  rbac: { extraRules: [{ apiGroups: [""], resources: ["configmaps"], verbs: ["get"] }] },
  cluster: { name: "here", spec: { maxTasks: 9, workspace: { size: "5Gi" } } },
  service: { type: "NodePort", port: 7070, annotations: { "example.com/a": "b" } },
  ingress: {
    enabled: true,
    className: "nginx",
    annotations: { "nginx.ingress.kubernetes.io/proxy-buffering": "off" },
    tlsSecret: "tls",
  },
  networkPolicy: { enabled: true, from: [{ namespaceSelector: { matchLabels: { name: "ingress" } } }] },
  podDisruptionBudget: { enabled: true },
  metrics: { scrape: true },
  podAnnotations: { "example.com/c": "d" },
  podLabels: { tier: "tools" },
  priorityClassName: "system-cluster-critical",
  extraEnv: [{ name: "MFLOW_LOG_LIMIT", value: "256MiB" }],
  extraEnvFrom: [{ configMapRef: { name: "more", optional: true } }],
  extraVolumes: [{ name: "more", emptyDir: {} }],
  extraVolumeMounts: [{ name: "more", mountPath: "/more" }],
  nodeSelector: { "kubernetes.io/os": "linux" },
  tolerations: [{ key: "tools", operator: "Exists" }],
  affinity: { nodeAffinity: {} },
};

const bare = {
  persistence: { enabled: false },
  serviceAccount: { create: false, name: "default" },
  rbac: { create: false },
  database: { url: "sqlite" },
};

describe("the rendered chart", () => {
  test("takes its own defaults, and refuses a value that it does not know", async () => {
    expect(await valueProblems(await defaultValues())).toEqual([]);
    expect(await valueProblems(everything)).toEqual([]);
    expect(await valueProblems(bare)).toEqual([]);
    expect(await valueProblems({ replicas: 3 })).toContain("/replicas");
    expect(await valueProblems({ persistence: { accessModes: [] }, publicUrl: "mflow" })).toEqual([
      "/publicUrl",
      "/persistence/accessModes",
    ]);
  });

  test.each([
    ["with its defaults", {}],
    ["with everything that it can", everything],
    ["with the least", bare],
  ])("is what the API server takes, %s", async (_name, values) => {
    const objects = await render(values);
    const answer = await kubectl(
      ["apply", "--dry-run=server", "--validate=true", "-f", "-"],
      listOf(objects),
    );
    expect(answer.trim().split("\n")).toEqual(
      objects.map(() => expect.stringMatching(/ created \(server dry run\)$/)),
    );
  });

  test("holds what its values ask for, and no more", async () => {
    const own = (kind: string, name = "mflow") => `${kind} ${namespace}/${name}`;
    expect(namesOf(await render())).toEqual([
      own("ConfigMap"),
      own("PersistentVolumeClaim", "mflow-data"),
      own("Role", "mflow-tasks"),
      own("RoleBinding", "mflow-tasks"),
      own("Secret"),
      own("Service"),
      own("ServiceAccount"),
      own("StatefulSet"),
    ]);
    expect(namesOf(await render(everything))).toEqual([
      own("ConfigMap", "pipelines"),
      own("Ingress", "pipelines"),
      own("NetworkPolicy", "pipelines"),
      own("PodDisruptionBudget", "pipelines"),
      `Role ${taskNamespace}/pipelines-tasks`,
      `RoleBinding ${taskNamespace}/pipelines-tasks`,
      own("Service", "pipelines"),
      own("ServiceAccount", "pipelines"),
      own("StatefulSet", "pipelines"),
    ]);
    expect(namesOf(await render(bare))).toEqual([
      own("ConfigMap"),
      own("Secret"),
      own("Service"),
      own("StatefulSet"),
    ]);
  });

  test("tells the server every name that it is called by", async () => {
    const [plain, full] = [await render({ service: { port: 8080 } }), await render(everything)];
    expect([plain, full].map((objects) => addressesIn(objectOf(objects, "StatefulSet")))).toEqual([
      {
        MFLOW_PUBLIC_URL: `http://mflow.${namespace}.svc:8080`,
        MFLOW_ALLOW_HOST: `mflow,mflow.${namespace},mflow.${namespace}.svc,mflow.${namespace}.svc.cluster.local`,
      },
      {
        MFLOW_PUBLIC_URL: "https://mflow.example.com",
        MFLOW_ALLOW_HOST: `pipelines,pipelines.${namespace},pipelines.${namespace}.svc,pipelines.${namespace}.svc.cluster.local,mflow.example.com,mflow.corp`,
      },
    ]);
  });

  test("grants what `mflow cluster check` asks for, and nothing else", async () => {
    const [wanted] = minimalRole(namespace, "mflow-tasks");
    const { rules } = objectOf(await render(), "Role") as { rules?: typeof wanted.rules };
    expect(sortedRules(rules ?? [])).toEqual(sortedRules(wanted.rules));
  });

  test("makes the secret key once: an upgrade keeps what it finds", async () => {
    const made = objectOf(await render(), "Secret");
    const other = objectOf(await render(), "Secret");
    const kept = objectOf(await render({}, { objects: [made] }), "Secret");
    expect(other.data).not.toEqual(made.data);
    expect(kept.data).toEqual(made.data);
  });

  test("tells in its notes how to get the token and to add the cluster", async () => {
    const { "NOTES.txt": notes } = await renderTemplates(renderer, release());
    expect(notes).toContain(`kubectl -n ${namespace} get secret mflow -o jsonpath='{.data.admin-token}'`);
    expect(notes).toContain("mflow apply -f /etc/mflow/cluster.yaml");
    expect(notes).not.toContain("WARNING");
    const { "NOTES.txt": risky } = await renderTemplates(renderer, release(bare));
    expect(risky).toContain("WARNING: persistence.enabled is false");
  });
});

/** Rules in an order that does not depend on who wrote them. */
function sortedRules(
  rules: readonly { apiGroups: string[]; resources: string[]; verbs: string[] }[],
): string[] {
  return rules
    .map(({ apiGroups, resources, verbs }) => `${apiGroups}/${resources}: ${[...verbs].sort().join(" ")}`)
    .sort();
}

/** The addresses that the container of a StatefulSet gets by its environment. */
function addressesIn({ spec }: KubeObject): Record<string, string> {
  const { template } = spec as {
    template: { spec: { containers: { env: { name: string; value?: string }[] }[] } };
  };
  const env = template.spec.containers[0]?.env ?? [];
  const wanted = env.filter(({ name }) => name === "MFLOW_PUBLIC_URL" || name === "MFLOW_ALLOW_HOST");
  return Object.fromEntries(wanted.map(({ name, value = "" }) => [name, value]));
}

interface Pod {
  metadata: { uid: string };
  status: {
    podIP?: string;
    containerStatuses?: { ready: boolean; lastState: { terminated?: { exitCode: number } } }[];
  };
}

describe.runIf(hasImage)("the installed chart", () => {
  const values = {
    image: { repository: reference.replace(/:[^:/]+$/, ""), tag: reference.replace(/^.*:/, "") },
    taskNamespaces: [taskNamespace],
    persistence: { size: "1Gi" },
  };
  let token: string;

  const pod = (name = "mflow-0") => kubectlJson<Pod>(["-n", namespace, "get", "pod", name]);
  const inPod = (...command: string[]) => kubectl(["-n", namespace, "exec", "mflow-0", "--", ...command]);
  const rollout = () =>
    kubectl(["-n", namespace, "rollout", "status", "statefulset/mflow", "--timeout=180s"]);

  async function client() {
    const { podIP } = (await pod()).status;
    return createClient({ url: `http://${podIP}:7070`, token });
  }

  beforeAll(async () => {
    if (containerd !== undefined && process.env.MFLOW_TEST_IMAGE === undefined) {
      const images = join(folder, "image");
      await mkdir(images);
      await importImage(containerd, await buildImage(reference, images));
      await kubectl(["apply", "-f", "-"], await localVolume(join(folder, "volume")));
    }
    await kubectl(["apply", "-f", "-"], listOf(await render(values)));
    await rollout();
    const path = "jsonpath={.data.admin-token}";
    const encoded = await kubectl(["-n", namespace, "get", "secret", "mflow", "-o", path]);
    token = Buffer.from(encoded, "base64").toString();
  }, IMAGE_TIMEOUT_MS);

  test("runs as a user without rights, on a root that it cannot write to, and serves its first admin", async () => {
    expect((await inPod("id", "-u")).trim()).toBe("10001");
    await expect(inPod("touch", "/app/x")).rejects.toThrow("Read-only file system");
    expect((await inPod("stat", "-c", "%a %u", "/data/mflow")).trim()).toBe("2700 10001");
    expect(await (await client()).whoami()).toMatchObject({ name: "admin", local: false });
    const anonymous = await fetch(`http://${(await pod()).status.podIP}:7070/api/v1/jobs`);
    expect(anonymous.status).toBe(401);
  });

  test("has the command line beside the server", async () => {
    const said = await inPod("sh", "-c", "MFLOW_TOKEN=$MFLOW_ADMIN_TOKEN mflow whoami");
    expect(said.trim()).toMatch(/^admin/);
  });

  test("runs a task, and has it still when its pod was killed and came back on the same volume", async () => {
    const documents = [
      {
        kind: "Job" as const,
        metadata: { name: "noop" },
        spec: { runnerType: "FAKE" as const, runnerSpec: {} },
      },
    ];
    const stages = [{ name: "only", tasks: [{ name: "noop", job: "noop" }] }];
    const { run } = await (await client()).runs.start({ documents, name: "once", spec: { stages } });
    const { uid } = (await pod()).metadata;
    await kubectl(["-n", namespace, "delete", "pod", "mflow-0", "--grace-period=0", "--force"]);
    await expect.poll(async () => (await pod().catch(() => undefined))?.metadata.uid ?? uid).not.toBe(uid);
    await rollout();
    expect((await (await client()).runs.get(run.id)).run.id).toBe(run.id);
    expect(await (await client()).whoami()).toMatchObject({ name: "admin" });
  });

  test("may do in the namespaces of tasks what tasks take, and nothing else", async () => {
    const may = async (verb: string, resource: string, where: string) => {
      const as = `--as=system:serviceaccount:${namespace}:mflow`;
      const answer = await kubectl(["auth", "can-i", verb, resource, "-n", where, as]).catch(String);
      return /^yes/.test(answer);
    };
    const pairs = PERMISSIONS.flatMap(({ apiGroup, resource, subresource, verbs }) => {
      const full = subresource === undefined ? resource : `${resource}/${subresource}`;
      return verbs.map((verb) => ({ verb, resource: apiGroup === "" ? full : `${full}.${apiGroup}` }));
    });
    const refused = [];
    for (const { verb, resource } of pairs)
      if (!(await may(verb, resource, taskNamespace))) refused.push(`${verb} ${resource}`);
    expect(refused).toEqual([]);
    expect(await may("get", "secrets", taskNamespace)).toBe(false);
    expect(await may("list", "secrets", taskNamespace)).toBe(false);
    expect(await may("create", "jobs.batch", namespace)).toBe(false);
    expect(await may("list", "pods", "kube-system")).toBe(false);
  });

  test("reaches the API server of its cluster with its service account", async () => {
    const script = `
      const { readFileSync } = require("node:fs");
      const at = "/var/run/secrets/kubernetes.io/serviceaccount/";
      const { KUBERNETES_SERVICE_HOST: host, KUBERNETES_SERVICE_PORT: port } = process.env;
      const options = {
        host, port, path: "/apis/batch/v1/namespaces/${taskNamespace}/jobs", ca: readFileSync(at + "ca.crt"),
        headers: { authorization: "Bearer " + readFileSync(at + "token", "utf8") },
      };
      require("node:https").get(options, (answer) => { console.log(answer.statusCode); answer.resume(); });`;
    expect((await inPod("node", "-e", script)).trim()).toBe("200");
  });

  test("runs a task as a Job of its own cluster, once the record is applied as the notes say", async () => {
    const asAdmin = (command: string) => inPod("sh", "-c", `MFLOW_TOKEN=$MFLOW_ADMIN_TOKEN ${command}`);
    await asAdmin("mflow apply -f /etc/mflow/cluster.yaml");
    // Fails when a permission is missing.
    await asAdmin("mflow cluster check in-cluster");
    const hello = join(import.meta.dirname, "..", "examples", "kubernetes", "hello.yaml");
    const parsed = parseManifests(await readFile(hello));
    const documents = parsed.documents.flatMap(({ manifest }) =>
      manifest.kind === "Job" || manifest.kind === "Pipeline" ? [manifest] : [],
    );
    const runParams = containerd === undefined ? undefined : { IMAGE: "k8s.test/busybox:1" };
    const { run } = await (await client()).runs.start({ documents, runParams });
    const view = async () => (await client()).runs.get(run.id);
    await expect.poll(async () => (await view()).run.status.stage).toMatch(/^(SUCCEEDED|FAILED)$/);
    const { tasks } = await view();
    expect(tasks.map(({ status }) => [status.stage, status.runtimeEnvs])).toEqual([
      ["SUCCEEDED", { GREETED: "world" }],
    ]);
    const { lines } = await (await client()).logs.page(tasks[0]?.id ?? "");
    expect(lines.map(({ text }) => text)).toEqual(["Hello, world!"]);
    await expect.poll(() => kubectl(["-n", taskNamespace, "get", "jobs", "-o", "name"])).toBe("");
  });

  test("is made of an image that starts by itself, too", async () => {
    const env = [{ name: "MFLOW_ADMIN_TOKEN", value: `mft_0123456789abcdef_${"s".repeat(43)}` }];
    const container = { name: "mflow", image: reference, imagePullPolicy: "IfNotPresent", env };
    await kubectl(["apply", "-f", "-"], {
      apiVersion: "v1",
      kind: "Pod",
      metadata: { name: "alone", namespace },
      spec: { automountServiceAccountToken: false, enableServiceLinks: false, containers: [container] },
    });
    const answer = async () => {
      const { podIP } = (await pod("alone")).status;
      return (await fetch(`http://${podIP}:7070/readyz`)).status;
    };
    await expect.poll(() => answer().catch(String)).toBe(200);
  });

  test("refuses a PostgreSQL URL in words", async () => {
    const wrong = { ...values, ...bare, database: { url: "postgres://mflow:hunter2@db/mflow" } };
    const objects = await render(wrong, { name: "wrong-mflow" });
    await kubectl(["apply", "-f", "-"], listOf(objects));
    await expect
      .poll(async () => (await pod("wrong-mflow-0").catch(() => undefined))?.status.containerStatuses?.[0])
      .toMatchObject({ lastState: { terminated: { exitCode: 2 } } });
    const said = "MFLOW_DATABASE_URL: names PostgreSQL, but this version keeps its state in SQLite";
    // Between two tries of the container there may be no log of either.
    const log = () => kubectl(["-n", namespace, "logs", "wrong-mflow-0"]).catch(String);
    await expect.poll(log).toContain(said);
    expect(await log()).not.toContain("hunter2");
    await kubectl(["delete", "-f", "-"], listOf(objects));
  });
});

/** A volume on a disk of this machine, for the one node of the cluster for tests, which has no storage class. */
async function localVolume(path: string): Promise<KubeObject> {
  await mkdir(path);
  const { items } = await kubectlJson<{ items: { metadata: { labels: Record<string, string> } }[] }>([
    ...["get", "nodes"],
  ]);
  const host = items[0]?.metadata.labels["kubernetes.io/hostname"] ?? "";
  const onThisNode = { key: "kubernetes.io/hostname", operator: "In", values: [host] };
  return {
    apiVersion: "v1",
    kind: "PersistentVolume",
    metadata: { name: `mflow-${id}` },
    spec: {
      capacity: { storage: "1Gi" },
      accessModes: ["ReadWriteOnce"],
      persistentVolumeReclaimPolicy: "Retain",
      claimRef: { namespace, name: "mflow-data" },
      // `local` and not `hostPath`: Kubernetes gives such a volume to the group of the pod, as it does with real ones.
      local: { path },
      nodeAffinity: { required: { nodeSelectorTerms: [{ matchExpressions: [onThisNode] }] } },
    },
  };
}
