// Stored clusters: sealed at rest, masked in answers, restored when `***` comes back, opened to reach them; and what
// settings are refused.

import { randomBytes } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ErrorDetail } from "@mflow/core/errors";
import type { ClusterSpec } from "@mflow/core/schema/cluster";
import { afterEach, beforeEach, expect, test } from "vitest";
import { createKeys, type Keys } from "../../../auth/keys.ts";
import { openSqliteStore } from "../../../store/sqlite/sqlite.ts";
import type { Store } from "../../../store/store.ts";
import { Clusters } from "./clusters.ts";

let folder: string;
let store: Store;
let keys: Keys;
let clusters: Clusters;
/** Attempts that run in each cluster. */
let running: number;
/** Clusters that were given up, and what giving up fails with. */
let abandoned: string[];
let abandonError: Error | undefined;

async function open(vault = keys): Promise<Clusters> {
  const now = () => "2026-01-31T12:00:00.000Z";
  const abandon = async (name: string) => {
    abandoned.push(`${name} of ${clusters.names()}`);
    if (abandonError) throw abandonError;
    running = 0;
  };
  const opened = new Clusters({ store: store.clusters, vault, now, inUse: () => running, abandon });
  await opened.load();
  return opened;
}

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "mflow-clusters-"));
  store = await openSqliteStore(join(folder, "mflow.db"));
  keys = createKeys({ current: randomBytes(32) });
  running = 0;
  abandoned = [];
  abandonError = undefined;
  clusters = await open();
});
afterEach(async () => {
  await store.close();
  await rm(folder, { recursive: true, force: true });
});

const kubeconfig = `
apiVersion: v1
kind: Config
current-context: prod
contexts:
  - {name: prod, context: {cluster: c, user: u}}
  - {name: test, context: {cluster: c, user: u}}
clusters: [{name: c, cluster: {server: "https://10.0.0.1:6443"}}]
users: [{name: u, user: {token: a-secret-token}}]
`;
const byToken: ClusterSpec = { server: "https://10.0.0.1:6443", token: "a-secret-token", maxTasks: 5 };

/** `/spec/token: ...` of everything that a spec is refused for. */
async function problems(spec: ClusterSpec, name = "new"): Promise<string[]> {
  const error = await clusters.put(name, spec, "ada").then(
    () => ({ code: "none", details: [] }),
    (cause) => cause,
  );
  expect(error.code).toBe("INVALID_DOCUMENT");
  return error.details.map(({ path, message }: ErrorDetail) => `${path}: ${message}`);
}

test("secrets are sealed in the store, masked in answers, and opened in the next life too", async () => {
  expect(await clusters.put("prod", { kubeconfig, context: "test" }, "ada")).toEqual({
    name: "prod",
    spec: { kubeconfig: "***", context: "test" },
    createdBy: "ada",
    createdAt: "2026-01-31T12:00:00.000Z",
    updatedAt: "2026-01-31T12:00:00.000Z",
    revision: 1,
  });
  await clusters.put("edge", byToken, "ada");
  expect(JSON.stringify(await store.clusters.list())).not.toContain("a-secret-token");
  const next = await open();
  expect(next.names()).toEqual(["edge", "prod"]);
  expect(next.list().map(({ spec }) => spec)).toEqual([
    { ...byToken, token: "***" },
    { kubeconfig: "***", context: "test" },
  ]);
  expect(next.get("edge").spec).toEqual({ ...byToken, token: "***" });
  expect([next.open("edge"), next.open("prod"), next.open("none")]).toEqual([
    byToken,
    { kubeconfig, context: "test" },
    undefined,
  ]);
});

test("what was shown can be sent back with a change: `***` stands for the stored secret", async () => {
  const { spec } = await clusters.put("edge", byToken, "ada");
  const changed = await clusters.put(
    "edge",
    { ...spec, server: "https://10.0.0.1:6443/", maxTasks: 9 },
    "otto",
  );
  expect([changed.revision, changed.createdBy]).toEqual([2, "ada"]);
  expect(clusters.open("edge")).toEqual({ ...byToken, server: "https://10.0.0.1:6443/", maxTasks: 9 });
});

test("a token does not go along to another server, and `***` without a secret is refused", async () => {
  const { spec } = await clusters.put("edge", byToken, "ada");
  expect(await problems({ ...spec, server: "https://evil.example" }, "edge")).toEqual([
    "/spec/token: `***` stands for the stored value, but the cluster goes to another address now; give the value itself",
  ]);
  expect(await problems({ kubeconfig: "***" }, "edge")).toEqual([
    "/spec/kubeconfig: `***` stands for the stored value, but there is none; give the value itself",
  ]);
  expect(await problems({ ...byToken, token: keys.seal("stolen") })).toEqual([
    "/spec/token: a sealed text cannot be given; give the value itself",
  ]);
  expect(clusters.open("edge")).toEqual(byToken);
});

test("a kept kubeconfig is looked into again when its context changes", async () => {
  const { spec } = await clusters.put("prod", { kubeconfig }, "ada");
  await clusters.put("prod", { ...spec, context: "test" }, "ada");
  expect(await problems({ ...spec, context: "stage" }, "prod")).toEqual([
    "/spec/kubeconfig: the kubeconfig has no context `stage`; it has `prod`, `test`",
  ]);
});

test("a cluster whose secrets were sealed by a key that is gone can be given new ones", async () => {
  const { spec } = await clusters.put("edge", byToken, "ada");
  const later = await open(createKeys({ current: randomBytes(32) }));
  await expect(later.put("edge", spec, "ada")).rejects.toMatchObject({ code: "SECRET_KEY_UNKNOWN" });
  await later.put("edge", { ...byToken, token: "another-token" }, "ada");
  expect(later.open("edge")).toEqual({ ...byToken, token: "another-token" });
});

test("there is one way to a cluster, and nothing that belongs to another", async () => {
  const ways = "`kubeconfig`, `inCluster: true`, or `server` with `token`";
  expect(await problems({})).toEqual([`/spec: nothing says how the cluster is reached; give ${ways}`]);
  expect(await problems({ kubeconfig, ...byToken })).toEqual([
    `/spec: more than one way to the cluster is given; keep one of ${ways}`,
  ]);
  expect(await problems({ server: "https://a" })).toEqual([
    "/spec/server: `server` needs the `token` of a service account; add it",
  ]);
  expect(
    await problems({ inCluster: true, context: "a", certificateAuthority: "-----BEGIN CERTIFICATE-----" }),
  ).toEqual([
    "/spec/certificateAuthority: `certificateAuthority` goes with `server`; a kubeconfig has `certificate-authority-data`",
    "/spec/context: `context` names one of a kubeconfig, but there is none; remove it",
  ]);
});

test("a token and a certificate that cannot be ones are refused", async () => {
  expect(await problems({ server: "https://a", token: "two\nlines", certificateAuthority: "MIIB" })).toEqual([
    "/spec/certificateAuthority: this is no certificate in PEM form, which begins with `-----BEGIN CERTIFICATE-----`; give its text",
    "/spec/token: a token has no spaces and no line ends; give it without them",
  ]);
});

test("a kubeconfig that names programs or files is refused with the remedies", async () => {
  const bad = kubeconfig
    .replace("{server:", '{certificate-authority: /etc/ca.pem, "server":')
    .replace("{token: a-secret-token}", "{exec: {command: aws}, client-key: key.pem}");
  expect(await problems({ kubeconfig: bad })).toEqual([
    "/spec/kubeconfig: cluster `c` has `certificate-authority`, which is refused in a kubeconfig that is handed in; give `certificate-authority-data`",
    "/spec/kubeconfig: user `u` has `exec`, which is refused in a kubeconfig that is handed in; give a token or a client certificate",
    "/spec/kubeconfig: user `u` has `client-key`, which is refused in a kubeconfig that is handed in; give `client-key-data`",
  ]);
});

test("durations that cannot be counted, and a template beside other settings, are refused", async () => {
  const found = await problems({
    ...byToken,
    keepFor: `${"9".repeat(20)}d`,
    workspace: { size: "1Gi", sizeLimit: "2Gi", template: { accessModes: ["ReadWriteOnce"] } },
  });
  expect(found).toEqual([
    expect.stringMatching(/^\/spec\/keepFor: .* is not a duration/),
    "/spec/workspace/size: `size` and `template` exclude each other; write it into the template, or remove the template",
  ]);
});

test("what is planned is there once somebody has stored it", async () => {
  const made = await clusters.plan("edge", byToken, "ada");
  expect(made).toMatchObject({ isSame: false, record: { name: "edge", revision: 1 }, expectedRevision: 0 });
  expect(clusters.names()).toEqual([]);
  clusters.written(made.record);
  expect(clusters.open("edge")).toEqual(byToken);
});

test("a plan tells whether anything would be another", async () => {
  const { spec } = await clusters.put("edge", byToken, "ada");
  const before = (await store.clusters.list())[0];
  expect(await clusters.plan("edge", spec, "ada")).toMatchObject({ before, isSame: true });
  expect((await clusters.plan("edge", { ...spec, maxTasks: 6 }, "ada")).isSame).toBe(false);
});

test("a cluster is made once, changed on what was seen, and gone when it is removed", async () => {
  const heard: string[] = [];
  const unsubscribe = clusters.onChange((name) => heard.push(name));
  await clusters.put("edge", byToken, "ada", 0);
  await expect(clusters.put("edge", byToken, "ada", 0)).rejects.toMatchObject({ code: "NAME_TAKEN" });
  await expect(clusters.put("edge", byToken, "ada", 7)).rejects.toMatchObject({ code: "STALE_REVISION" });
  await clusters.put("edge", byToken, "ada", 1);
  await expect(clusters.remove("none")).rejects.toThrow("there is no cluster `none`; there are edge");
  await clusters.remove("edge");
  expect(heard).toEqual(["edge", "edge", "edge"]);
  unsubscribe();
  await clusters.put("next", byToken, "ada");
  expect(heard).toHaveLength(3);
  expect(() => clusters.get("edge")).toThrow("there is no cluster `edge`; there are next");
});

test("a cluster in which attempts run is not removed", async () => {
  await clusters.put("edge", byToken, "ada");
  running = 3;
  await expect(clusters.remove("edge")).rejects.toMatchObject({
    code: "CONFLICT",
    message:
      "3 attempts run in cluster `edge`; wait until nothing runs there, or cancel the tasks; if the cluster will not come back, `mflow cluster delete edge --force` gives them up",
  });
  running = 1;
  await expect(clusters.remove("edge")).rejects.toThrow("1 attempt runs in cluster `edge`");
  running = 0;
  await clusters.remove("edge");
  expect(clusters.names()).toEqual([]);
});

test("a cluster that is gone for good is removed by force, and what ran there is given up after it", async () => {
  await clusters.put("edge", byToken, "ada");
  await clusters.put("next", byToken, "ada");
  running = 3;
  await clusters.remove("edge", { force: true });
  expect(clusters.names()).toEqual(["next"]);
  await clusters.remove("next", { force: true });
  expect(abandoned).toEqual(["edge of next", "next of "]);
  await expect(clusters.remove("edge", { force: true })).rejects.toMatchObject({ code: "NOT_FOUND" });
});

test("giving up what ran in a cluster can be repeated when it failed", async () => {
  await clusters.put("edge", byToken, "ada");
  running = 1;
  abandonError = new Error("the disk is full");
  await expect(clusters.remove("edge", { force: true })).rejects.toThrow("the disk is full");
  await expect(clusters.remove("edge")).rejects.toMatchObject({ code: "NOT_FOUND" });
  abandonError = undefined;
  await clusters.remove("edge", { force: true });
  expect([abandoned, running]).toEqual([["edge of ", "edge of "], 0]);
});
