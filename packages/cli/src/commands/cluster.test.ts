// Clusters from the command line: set up, shown, changed, deleted; a kubeconfig of this machine made into one for the
// server; what a check found, in words. No cluster answers here: see cluster.k8s.test.ts.

import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import type { ClusterCheck } from "@mflow/core/schema/cluster-check";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { makeServedWorkplace, type Workplace } from "../testing/command.ts";
import { checkLines, grantCommand } from "./cluster-check.ts";

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

const kubeconfig = `
apiVersion: v1
kind: Config
current-context: prod
contexts:
  - {name: prod, context: {cluster: near, user: files, namespace: ci}}
  - {name: cloud, context: {cluster: far, user: program}}
  - {name: lost, context: {cluster: none, user: files}}
clusters:
  - {name: near, cluster: {server: "https://127.0.0.1:1", certificate-authority: pki/ca.pem}}
  - {name: far, cluster: {server: "https://far.example"}}
users:
  - {name: files, user: {client-certificate: pki/crt.pem, client-key: pki/key.pem}}
  - {name: program, user: {exec: {apiVersion: client.authentication.k8s.io/v1, command: aws}}}
`;

let place: Workplace;
beforeAll(async () => {
  place = await makeServedWorkplace();
  await mkdir(join(place.path, "kube/pki"), { recursive: true });
  for (const name of ["ca", "crt", "key"]) await place.write(`kube/pki/${name}.pem`, `the ${name}`);
  await place.write("kube/config", kubeconfig);
  await place.write("token", "a-secret-token\n");
});
afterAll(() => place.remove());

const lines = (text: string) => text.trimEnd().split("\n");

/** Exit code and stderr of a call that must be refused. */
async function refusal(...args: string[]): Promise<[number, string]> {
  const { exitCode, stderr } = await place.mflow(["cluster", ...args]);
  return [exitCode, stderr];
}

test("a cluster is added by its token, changed, shown without it, and deleted", async () => {
  const added = await place.mflow([
    ...["cluster", "add", "edge", "--server", "https://127.0.0.1:1", "--account-token", "@token"],
    ...["--namespace", "ci", "--allow-namespace", "web", "--allow-namespace", "api", "--scope", "web"],
    ...["--scope", "*.corp", "--max-tasks", "20", "--create-rate", "5", "--set", "workspace.size=5Gi"],
  ]);
  expect(added).toEqual({
    stdout:
      "cluster edge: server=https://127.0.0.1:1 token=*** defaultNamespace=ci\n" +
      "  maxTasks=20 createRate=5 allowedNamespaces=web,api scopes=web,*.corp\n" +
      "  workspace.size=5Gi\n",
    stderr: "",
    exitCode: 0,
  });
  const { stdout } = await place.mflow(["cluster", "get", "edge", "-o", "json"]);
  expect(JSON.parse(stdout).spec).toEqual({
    server: "https://127.0.0.1:1",
    token: "***",
    defaultNamespace: "ci",
    allowedNamespaces: ["web", "api"],
    scopes: [
      { domain: "*", namespace: "web" },
      { domain: "corp", namespace: "*" },
    ],
    maxTasks: 20,
    createRate: 5,
    workspace: { size: "5Gi" },
  });
  const settings = ["workspace.size=", "allowedNamespaces=web", "scopes=", "createRate=", "keepFor=5m"];
  expect((await place.mflow(["cluster", "set", "edge", ...settings])).stdout).toBe(
    "cluster edge: server=https://127.0.0.1:1 token=*** defaultNamespace=ci\n" +
      "  maxTasks=20 keepFor=5m allowedNamespaces=web\n",
  );
  expect(lines((await place.mflow(["cluster", "list"])).stdout)).toEqual([
    "NAME  REACHED BY                    NAMESPACES  TASKS",
    "edge  token at https://127.0.0.1:1  ci, web     20",
  ]);
  expect((await place.mflow(["cluster", "delete", "edge"])).stdout).toBe("cluster edge deleted\n");
  expect((await place.mflow(["cluster", "list"])).stderr).toContain("no clusters; set one up");
});

test("of a certificate is told how long it is, and documents have it whole", async () => {
  const pem = [
    "-----BEGIN CERTIFICATE-----",
    "A".repeat(64),
    "B".repeat(64),
    "-----END CERTIFICATE-----",
    "",
  ];
  await place.write("ca.pem", pem.join("\n"));
  const byToken = ["--server", "https://127.0.0.1:1", "--account-token", "abc", "--ca", "ca.pem"];
  const text = "cluster signed: server=https://127.0.0.1:1 token=***\n  certificateAuthority=(4 lines)\n";
  expect((await place.mflow(["cluster", "add", "signed", ...byToken])).stdout).toBe(text);
  expect((await place.mflow(["cluster", "get", "signed"])).stdout).toBe(text);
  const { stdout } = await place.mflow(["cluster", "get", "signed", "-o", "json"]);
  expect(JSON.parse(stdout).spec.certificateAuthority.trim()).toBe(pem.join("\n").trim());
  await place.mflow(["cluster", "delete", "signed"]);
});

test("of a kubeconfig one context is sent, with the files that it names written into it", async () => {
  const added = await place.mflow(["cluster", "add", "prod", "--kubeconfig", "kube/config"]);
  expect(added).toEqual({
    stdout: "cluster prod: kubeconfig=***\n",
    stderr:
      "mflow: of kube/config the context prod alone is sent\n" +
      "mflow: what is in these files is sent along: pki/ca.pem, pki/crt.pem, pki/key.pem\n",
    exitCode: 0,
  });
  // From stdin, paths are those of the folder one is in.
  const piped = await place.mflow(["cluster", "set", "prod", "kubeconfig=@-"], {
    stdin: kubeconfig.replaceAll("pki/", "kube/pki/"),
  });
  expect([piped.exitCode, piped.stdout]).toEqual([0, "cluster prod: kubeconfig=***\n"]);
  await place.mflow(["cluster", "delete", "prod"]);
});

test("a kubeconfig that runs a program is refused with the commands that make an account instead", async () => {
  const [exitCode, stderr] = await refusal("add", "far", "--kubeconfig", "kube/config", "--context", "cloud");
  expect([exitCode, lines(stderr)]).toEqual([
    2,
    [
      "mflow: context `cloud` of kube/config logs in by a program (`exec`), which a server does not run",
      "Make a service account, and give its token:",
      "",
      "kubectl --context cloud -n default create serviceaccount mflow",
      "kubectl --context cloud -n default apply -f - <<'END'",
      "apiVersion: v1",
      "kind: Secret",
      "type: kubernetes.io/service-account-token",
      "metadata:",
      "  name: mflow-token",
      "  annotations: { kubernetes.io/service-account.name: mflow }",
      "END",
      "kubectl --context cloud -n default get secret mflow-token -o jsonpath='{.data.token}' | base64 -d > mflow.token",
      "kubectl --context cloud -n default get secret mflow-token -o jsonpath='{.data.ca\\.crt}' | base64 -d > mflow.ca",
      "mflow cluster add far --server https://far.example \\",
      "  --account-token @mflow.token --ca mflow.ca --namespace default",
      "mflow cluster check far --role | kubectl --context cloud apply -f -",
    ],
  ]);
});

test("what is wrong with a cluster is said with the remedy", async () => {
  const said = (text: string) => [2, expect.stringContaining(text)];
  expect(await refusal("add", "x")).toEqual(said("Give --kubeconfig FILE, --in-cluster, or --server URL"));
  expect(await refusal("add", "x", "--server", "https://a")).toEqual(
    said("Give it with --account-token @FILE"),
  );
  expect(await refusal("add", "x", "--server", "https://a", "--kubeconfig", "b")).toEqual(
    said("'--server <url>' cannot be used with option '--kubeconfig <file>'"),
  );
  expect(await refusal("add", "x", "--kubeconfig", "none")).toEqual(said("none cannot be read"));
  const local = ["--kubeconfig", "kube/config", "--context"];
  expect(await refusal("add", "x", ...local, "stage")).toEqual(said("It has prod, cloud, lost."));
  expect(await refusal("add", "x", ...local, "lost")).toEqual(said("names no cluster that is there"));
  expect(await refusal("add", "x", "--in-cluster", "--scope", "a.b.c")).toEqual(said("`a.b.c` is no scope"));
  expect(await refusal("add", "x", "--in-cluster", "--max-tasks", "many")).toEqual(said("maxTasks"));
  expect(await refusal("set", "none", "maxTasks=1")).toEqual(said("there is no cluster `none`"));
  await place.mflow(["cluster", "add", "here", "--in-cluster"]);
  expect(await refusal("add", "here", "--in-cluster")).toEqual(said("There is a cluster `here` already"));
  expect(await refusal("set", "here", "maxTasks")).toEqual(said("`maxTasks` is no setting"));
  expect(await refusal("set", "here", "kubeconfig=text")).toEqual(said("Write kubeconfig=@FILE"));
  await place.write("kube/broken", kubeconfig.replace("pki/key.pem", "pki/gone.pem"));
  expect(await refusal("set", "here", "inCluster=", "kubeconfig=@kube/broken")).toEqual(
    said("put what belongs there into client-key-data"),
  );
});

test("a cluster that does not answer is told by a check, by the exit code too", async () => {
  await place.mflow(["cluster", "add", "away", "--server", "https://127.0.0.1:1", "--account-token", "abc"]);
  const { stdout, exitCode } = await place.mflow(["cluster", "check", "away"]);
  expect([exitCode, lines(stdout)]).toEqual([
    1,
    [
      "cluster away cannot be used: the API server https://127.0.0.1:1 cannot be",
      "reached: nothing listens there; check address and port, and whether the cluster",
      "runs (ECONNREFUSED)",
    ],
  ]);
  const roles = await place.mflow(["cluster", "check", "away", "--role"]);
  expect([roles.exitCode, roles.stdout]).toEqual([1, ""]);
  expect(roles.stderr).toContain("nothing listens there");
  const json = await place.mflow(["cluster", "check", "away", "-o", "json"]);
  expect([json.exitCode, JSON.parse(json.stdout).reachable]).toEqual([1, false]);
});

test("names of clusters are completed wherever one is asked for", async () => {
  await place.mflow(["cluster", "add", "zone-1", "--in-cluster"]);
  const offered = async (...words: string[]) =>
    (await place.mflow(["__complete", "--", ...words])).stdout.split(/\t?\n/).filter(Boolean);
  for (const command of ["set", "get", "delete", "check"])
    expect(await offered("cluster", command, "zo")).toEqual(["zone-1"]);
  expect(await offered("lint", "--cluster", "zo")).toEqual(["zone-1"]);
  expect(await offered("lint", "--cluster=zo")).toEqual(["--cluster=zone-1"]);
  expect(await offered("cluster", "set", "zone-1", "zo")).toEqual([]);
  await place.mflow(["cluster", "delete", "zone-1"]);
});

test("a cluster beside others brings a note when none of them is the default one", async () => {
  const { items } = JSON.parse((await place.mflow(["cluster", "list", "-o", "json"])).stdout);
  const names = (items as { name: string }[]).map(({ name }) => name);
  if (names.length > 0) await place.mflow(["cluster", "delete", ...names]);
  const add = async (name: string) => (await place.mflow(["cluster", "add", name, "--in-cluster"])).stderr;
  expect(await add("east")).toBe("");
  const note =
    "there are 2 clusters now, and none is called `default`: tasks that name no cluster are refused; call one `default`, or name it in `_kube_config`\n";
  expect(await add("west")).toBe(`mflow: ${note}`);
  await place.mflow(["cluster", "delete", "west"]);
  await place.write("west.yaml", "kind: Cluster\nmetadata: {name: west}\nspec: {inCluster: true}\n");
  const { stderr } = await place.mflow(["apply", "-f", "west.yaml"]);
  expect(stderr).toBe(`west.yaml:2:18: warning: ${note}`);
  expect(await add("default")).toBe("");
  await place.mflow(["cluster", "delete", "east", "west", "default"]);
});

test("a cluster that is gone for good is deleted by force", async () => {
  await place.mflow(["cluster", "add", "dead", "--server", "https://127.0.0.1:1", "--account-token", "abc"]);
  expect(await place.mflow(["cluster", "delete", "dead", "--force"])).toEqual({
    stdout: "cluster dead deleted\n",
    stderr: "",
    exitCode: 0,
  });
  expect(await refusal("delete", "dead", "--force")).toEqual([
    expect.any(Number),
    expect.stringContaining("there is no cluster `dead`"),
  ]);
});

test("a file with a cluster is linted and applied, but is nothing to run", async () => {
  const text = "kind: Cluster\nmetadata: {name: filed}\nspec: {inCluster: true}\n";
  await place.write("cluster.yaml", text);
  await place.write("bad.yaml", `${text}---\n${text.replace("true", "true, token: a")}`);
  expect((await place.mflow(["lint", "cluster.yaml"])).exitCode).toBe(0);
  const bad = await place.mflow(["lint", "bad.yaml"]);
  expect([bad.exitCode, lines(bad.stdout)]).toEqual([
    2,
    [
      "bad.yaml:6:18: error: Cluster `filed` is given twice, first in line 2; remove one or rename it",
      expect.stringMatching(/^bad\.yaml:7:1: error: more than one way to the cluster is given/),
    ],
  ]);
  expect((await place.mflow(["apply", "-f", "cluster.yaml"])).stdout).toBe("cluster filed created\n");
  expect((await place.mflow(["apply", "-f", "cluster.yaml"])).stdout).toBe("cluster filed unchanged\n");
  const run = await place.mflow(["run", "-f", "cluster.yaml"]);
  expect([run.exitCode, run.stderr]).toEqual([2, expect.stringContaining("clusters and limits are not run")]);
  const named = await place.mflow(["run", "any", "-f", "cluster.yaml"]);
  expect([named.exitCode, named.stderr]).toEqual([
    2,
    expect.stringContaining("a run cannot bring a cluster along"),
  ]);
});

test("what is missing is told in lines of 80 columns", () => {
  const check: ClusterCheck = {
    ok: false,
    server: "https://10.0.0.1:6443",
    reachable: true,
    version: "v1.33.1",
    user: "system:serviceaccount:ci:mflow",
    namespaces: [
      { namespace: "fine", exists: true, missing: [] },
      { namespace: "gone", exists: false, missing: [] },
      {
        namespace: "ci",
        missing: [
          {
            apiGroup: "batch",
            resource: "jobs",
            verbs: ["create", "patch"],
            why: "run tasks, follow them, keep them until their result is stored, and remove them",
            optional: false,
          },
          {
            apiGroup: "",
            resource: "events",
            verbs: ["list"],
            why: "give the cluster's own words for why a task cannot start",
            optional: true,
          },
        ],
        role: "kind: Role\n",
      },
    ],
  };
  expect(checkLines("prod", check, 80)).toEqual([
    "cluster prod answers: https://10.0.0.1:6443, Kubernetes v1.33.1, as",
    "system:serviceaccount:ci:mflow",
    "namespace fine: nothing is missing",
    "namespace gone does not exist; make it: kubectl create namespace gone",
    "namespace ci: tasks cannot run without these permissions",
    "  jobs: create, patch  to run tasks, follow them, keep them until their result",
    "                       is stored, and remove them",
    "namespace ci: tasks run, but these permissions are missing",
    "  events: list  to give the cluster's own words for why a task cannot start",
  ]);
});

test("what grants the missing permissions looks at the same namespaces", () => {
  expect([grantCommand("mflow", "prod"), grantCommand("mflow", "prod", "web")]).toEqual([
    "mflow cluster check prod --role | kubectl apply -f -",
    "mflow cluster check prod --namespace web --role | kubectl apply -f -",
  ]);
});
