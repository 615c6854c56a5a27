// Checking a real cluster: of `$KUBECONFIG`, whose credentials must be an admin's. Makes a namespace of its own.

import { execFile, spawnSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { promisify } from "node:util";
import { PERMISSIONS } from "@mflow/core/kubernetes/permissions";
import type { ClusterSpec } from "@mflow/core/schema/cluster";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { parseAllDocuments } from "yaml";
import { ClusterClient, KubeError } from "../api/cluster-client.ts";
import { kubeConfigOf } from "../api/kube-config.ts";
import { testKubeconfig } from "../testing/kube-place.ts";
import { checkCluster } from "./check-cluster.ts";

const kubeconfig = testKubeconfig();
const namespace = `check-${randomBytes(5).toString("hex")}`;
const account = `system:serviceaccount:${namespace}:limited`;
const RBAC = `/apis/rbac.authorization.k8s.io/v1/namespaces/${namespace}`;

/** A certificate that signed nothing here. */
const otherCertificate = `-----BEGIN CERTIFICATE-----
MIIBezCCASGgAwIBAgIULDMhyCbT0eFZ5mHGc4gyFAlkrTMwCgYIKoZIzj0EAwIw
EjEQMA4GA1UEAwwHYW5vdGhlcjAgFw0yNjExMzAxNzQ1MTVaGA8yMTI2MTEwNjE3
NDUxNVowEjEQMA4GA1UEAwwHYW5vdGhlcjBZMBMGByqGSM49AgEGCCqGSM49AwEH
A0IABEOuc0CGtM19Ejb4uKWACO8HYIociuchTBzAXAbZsTnRJmqIWsgHNjDzFR3A
K9YnncGnCqar+nrPVOgZ7uKYdzajUzBRMB0GA1UdDgQWBBTT9YFEd05SmYjfVyMv
3BLMNCfrZzAfBgNVHSMEGDAWgBTT9YFEd05SmYjfVyMv3BLMNCfrZzAPBgNVHRMB
Af8EBTADAQH/MAoGCCqGSM49BAMCA0gAMEUCIGPmdO2Ic0zqbyv7OhREV83mOhx8
xeYDnHrIOuJuNz+8AiEAyEmyOL/shfRrbL4CkvjtXEzbS7sW21A/clUUagLBGyM=
-----END CERTIFICATE-----
`;

/** Where there is no kubectl, the Role is still applied by the API. */
const hasKubectl = spawnSync("kubectl", ["version", "--client"]).status === 0;

let admin: ClusterClient;
/** The service account `limited`. */
let limited: ClusterSpec;

beforeAll(async () => {
  const config = await kubeConfigOf({ kubeconfig });
  admin = new ClusterClient(config);
  await admin.create("/api/v1/namespaces", { metadata: { name: namespace } });
  await admin.create(`/api/v1/namespaces/${namespace}/serviceaccounts`, { metadata: { name: "limited" } });
  const token = await tokenOf("limited");
  const certificate = config.getCurrentCluster()?.caData ?? "";
  limited = {
    server: admin.server,
    token,
    certificateAuthority: Buffer.from(certificate, "base64").toString("utf8"),
    defaultNamespace: namespace,
  };
});
afterAll(async () => {
  await admin.delete(`/api/v1/namespaces/${namespace}`);
  await admin.close();
});

/** A token from a Secret, as the how-to says to make one: also where accounts get none by themselves. */
async function tokenOf(name: string): Promise<string> {
  const secrets = `/api/v1/namespaces/${namespace}/secrets`;
  await admin.create(secrets, {
    metadata: { name: `${name}-token`, annotations: { "kubernetes.io/service-account.name": name } },
    type: "kubernetes.io/service-account-token",
  });
  const filled = await vi.waitFor(
    async () => {
      const { data } = await admin.get<{ data?: { token?: string } }>(`${secrets}/${name}-token`);
      if (data?.token === undefined) throw new Error("the Secret has no token yet");
      return data.token;
    },
    { timeout: 20_000 },
  );
  return Buffer.from(filled, "base64").toString("utf8");
}

/** All rules but those of some verbs, by `resource:verb`. */
function rulesWithout(left: readonly string[]): object[] {
  return PERMISSIONS.map(({ apiGroup, resource, subresource, verbs }) => {
    const full = subresource === undefined ? resource : `${resource}/${subresource}`;
    const kept = verbs.filter((verb) => !left.includes(`${full}:${verb}`));
    return { apiGroups: [apiGroup], resources: [full], verbs: kept };
  }).filter(({ verbs }) => verbs.length > 0);
}

test("an admin lacks nothing, and a namespace that is not there is told", async () => {
  expect(await checkCluster({ kubeconfig, defaultNamespace: namespace }, [`${namespace}-none`])).toEqual({
    ok: false,
    server: admin.server,
    reachable: true,
    version: expect.stringMatching(/^v1\.\d+/),
    user: expect.any(String),
    namespaces: [
      { namespace, exists: true, missing: [] },
      { namespace: `${namespace}-none`, exists: false, missing: [] },
    ],
  });
});

test("exactly what is missing is named, and the printed Role grants it", async () => {
  await admin.create(`${RBAC}/roles`, {
    metadata: { name: "limited" },
    rules: rulesWithout(["jobs:patch", "pods/exec:create"]),
  });
  await admin.create(`${RBAC}/rolebindings`, {
    metadata: { name: "limited" },
    roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "Role", name: "limited" },
    subjects: [{ kind: "ServiceAccount", name: "limited", namespace }],
  });
  const why = (resource: string, subresource?: string) =>
    PERMISSIONS.find((one) => one.resource === resource && one.subresource === subresource)?.why;
  const missing = [
    { apiGroup: "batch", resource: "jobs", verbs: ["patch"], why: why("jobs"), optional: false },
    { apiGroup: "", resource: "pods/exec", verbs: ["create"], why: why("pods", "exec"), optional: true },
  ];
  const facts = { server: admin.server, reachable: true, version: expect.any(String), user: account };
  // The API server learns of a new binding in a moment.
  await expect
    .poll(() => checkCluster(limited))
    .toEqual({
      ...facts,
      ok: false,
      namespaces: [{ namespace, missing, role: expect.stringContaining(`name: mflow-${namespace}-limited`) }],
    });
  const found = await checkCluster(limited, ["default"]);
  expect(found.namespaces.map(({ namespace: name, missing: some }) => [name, some.length])).toEqual([
    [namespace, 2],
    ["default", PERMISSIONS.length],
  ]);
  for (const document of parseAllDocuments(found.namespaces[0]?.role ?? "")) {
    const made = document.toJS();
    await admin.create(`${RBAC}/${made.kind.toLowerCase()}s`, made);
  }
  await expect
    .poll(() => checkCluster(limited))
    .toEqual({ ...facts, ok: true, namespaces: [{ namespace, missing: [] }] });
});

test.runIf(hasKubectl)("kubectl takes the Role as it is printed", async () => {
  const { namespaces } = await checkCluster(limited, ["default"]);
  const printed = namespaces.find(({ namespace: name }) => name === "default")?.role ?? "";
  const running = promisify(execFile)("kubectl", ["apply", "--dry-run=server", "-f", "-"]);
  running.child.stdin?.end(printed);
  expect((await running).stdout.split("\n").filter(Boolean)).toEqual([
    expect.stringMatching(
      /^role\.rbac\.authorization\.k8s\.io\/mflow-.*-limited created \(server dry run\)$/,
    ),
    expect.stringMatching(/^rolebinding\.rbac\.authorization\.k8s\.io\/mflow-.*-limited created/),
  ]);
});

test("a wrong token, address or certificate is told in words", async () => {
  const wrong = async (more: Partial<ClusterSpec>) => {
    const { problem, ...rest } = await checkCluster({ ...limited, ...more });
    expect(rest).toEqual({
      ok: false,
      server: more.server ?? limited.server,
      reachable: false,
      namespaces: [],
    });
    return problem;
  };
  expect(await wrong({ token: "nobody's" })).toContain("does not take the credentials (401)");
  expect(await wrong({ server: "https://127.0.0.1:1" })).toContain("nothing listens there");
  expect(await wrong({ server: "https://nowhere.invalid" })).toContain("its name cannot be resolved");
  const { certificateAuthority: _, ...withoutCertificate } = limited;
  expect((await checkCluster(withoutCertificate)).problem).toContain("give the certificate that signed it");
  expect(await wrong({ certificateAuthority: otherCertificate })).toContain("is not signed by the one");
  expect(await wrong({ certificateAuthority: "no certificate" })).toContain("cannot be reached");
});

test("nothing was made in the cluster by checking it", async () => {
  const jobs = await admin.get<{ items: unknown[] }>(`/apis/batch/v1/namespaces/${namespace}/jobs`);
  expect(jobs.items).toEqual([]);
  await expect(admin.get(`/api/v1/namespaces/${namespace}-none`)).rejects.toBeInstanceOf(KubeError);
});
