// Clusters over real HTTP: made, masked, changed, checked, applied as manifests; who may do what.

import type { ApplyResult } from "@mflow/core/schema/api";
import type { Cluster, ClusterSpec } from "@mflow/core/schema/cluster";
import type { ClusterCheck } from "@mflow/core/schema/cluster-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { job } from "../testing/manifests.ts";
import { startTestServer, type TestServer } from "../testing/test-server.ts";

const found: ClusterCheck = { ok: true, reachable: true, namespaces: [] };
let server: TestServer;
/** What clusters were checked. */
const checked: [ClusterSpec, readonly string[]][] = [];
/** Clusters in which an attempt runs. */
const busy = new Set<string>();
beforeAll(async () => {
  server = await startTestServer({
    async checkCluster(spec, namespaces) {
      checked.push([spec, namespaces]);
      return found;
    },
    clusterWork: {
      inUse: (name) => (busy.has(name) ? 1 : 0),
      abandon: async (name) => void busy.delete(name),
    },
  });
});
afterAll(() => server.close());

const spec = { server: "https://10.0.0.1:6443", token: "a-secret-token" };
const ifMatch = (revision: number) => ({ headers: { "if-match": `"${revision}"` } });
const manifest = (name: string, more: Partial<ClusterSpec> = {}) => ({
  kind: "Cluster",
  metadata: { name },
  spec: { ...spec, ...more },
});

test("a cluster is made once, shown without its secrets, changed on a known revision, and deleted", async () => {
  const made = await server.call<Cluster>("PUT", "/clusters/first", { spec }, ifMatch(0));
  expect([made.status, made.headers.get("etag"), made.body]).toEqual([
    201,
    '"1"',
    {
      name: "first",
      spec: { ...spec, token: "***" },
      createdBy: "ada",
      createdAt: expect.any(String),
      updatedAt: expect.any(String),
      revision: 1,
    },
  ]);
  expect(await server.refusal("PUT", "/clusters/first", { spec }, ifMatch(0))).toEqual([409, "NAME_TAKEN"]);
  const changed = { ...spec, token: "***", maxTasks: 3 };
  const put = await server.call<Cluster>("PUT", "/clusters/first", { spec: changed }, ifMatch(1));
  expect([put.status, put.body.spec]).toEqual([200, changed]);
  expect(await server.refusal("PUT", "/clusters/first", { spec: changed }, ifMatch(1))).toEqual([
    412,
    "STALE_REVISION",
  ]);
  const { items } = await server.ok<{ items: Cluster[] }>("GET", "/clusters");
  expect(items).toEqual([put.body]);
  expect(await server.ok("GET", "/clusters/first")).toEqual(put.body);
  expect(server.clusters.open("first")).toEqual({ ...spec, maxTasks: 3 });
  expect((await server.call("DELETE", "/clusters/first")).status).toBe(204);
  expect(await server.refusal("GET", "/clusters/first")).toEqual([404, "NOT_FOUND"]);
  expect(await server.refusal("DELETE", "/clusters/first")).toEqual([404, "NOT_FOUND"]);
});

test("a cluster in which tasks run is deleted by force alone, which gives them up", async () => {
  await server.ok("PUT", "/clusters/dead", { spec });
  busy.add("dead");
  const refused = await server.call("DELETE", "/clusters/dead?force=false");
  expect([refused.status, refused.body.code, refused.body.message]).toEqual([
    409,
    "CONFLICT",
    expect.stringContaining("`mflow cluster delete dead --force`"),
  ]);
  expect(await server.refusal("DELETE", "/clusters/dead?force=yes")).toEqual([400, "BAD_REQUEST"]);
  const asOperator = server.refusal("DELETE", "/clusters/dead?force=true", undefined, { as: "otto" });
  expect(await asOperator).toEqual([403, "FORBIDDEN"]);
  expect([...busy]).toEqual(["dead"]);
  expect((await server.call("DELETE", "/clusters/dead?force=true")).status).toBe(204);
  expect([...busy]).toEqual([]);
  expect(await server.refusal("GET", "/clusters/dead")).toEqual([404, "NOT_FOUND"]);
});

test("viewers see clusters, operators check them, admins set them up, each everywhere", async () => {
  await server.ok("PUT", "/clusters/seen", { spec });
  const forbidden = [403, "FORBIDDEN"];
  for (const as of ["otto", "vera", "tim"]) {
    expect(await server.refusal("PUT", "/clusters/x", { spec }, { as })).toEqual(forbidden);
    expect(await server.refusal("DELETE", "/clusters/seen", undefined, { as })).toEqual(forbidden);
  }
  expect(await server.refusal("POST", "/clusters/seen/check", undefined, { as: "vera" })).toEqual(forbidden);
  expect(await server.refusal("GET", "/clusters", undefined, { as: "tim" })).toEqual(forbidden);
  expect(await server.refusal("GET", "/clusters/seen", undefined, { as: "tim" })).toEqual(forbidden);
  const seen = await server.ok<Cluster>("GET", "/clusters/seen", undefined, { as: "vera" });
  expect(seen.spec).toEqual({ ...spec, token: "***" });
});

test("a check gets the opened secrets and the namespace that is asked for", async () => {
  await server.ok("PUT", "/clusters/asked", { spec });
  expect(await server.ok("POST", "/clusters/asked/check", undefined, { as: "otto" })).toEqual(found);
  await server.ok("POST", "/clusters/asked/check?namespace=ci");
  expect(checked).toEqual([
    [spec, []],
    [spec, ["ci"]],
  ]);
  expect(await server.refusal("POST", "/clusters/asked/check?namespace=Not%20One")).toEqual([
    400,
    "BAD_REQUEST",
  ]);
  expect(await server.refusal("POST", "/clusters/none/check")).toEqual([404, "NOT_FOUND"]);
});

test("bad settings and names are refused with the place and the remedy", async () => {
  expect(await server.refusal("PUT", "/clusters/No%20Name", { spec })).toEqual([400, "BAD_REQUEST"]);
  const details = async (given: object) =>
    (await server.call("PUT", "/clusters/x", { spec: given })).body.details as { path: string }[];
  expect(await details({ server: "http://plain", token: "a" })).toMatchObject([{ path: "/spec/server" }]);
  expect(await details({ ...spec, defaultNamespace: "Not_One" })).toMatchObject([
    { path: "/spec/defaultNamespace" },
  ]);
  expect(await details({ ...spec, inCluster: true })).toEqual([
    { path: "/spec", message: expect.stringContaining("more than one way") },
  ]);
  expect(await details({ kubeconfig: "current-context: [" })).toEqual([
    { path: "/spec/kubeconfig", message: expect.stringContaining("is no YAML") },
  ]);
});

test("clusters are applied as manifests beside others, in any order, and again without a change", async () => {
  const documents = [manifest("applied", { maxTasks: 2 }), job("beside")];
  const dry = await server.ok<ApplyResult>("POST", "/apply", { documents, dryRun: true });
  expect(dry.documents[0]).toEqual({ kind: "Cluster", id: "", name: "applied", action: "CREATED" });
  expect(server.clusters.names()).not.toContain("applied");
  const first = await server.ok<ApplyResult>("POST", "/apply", { documents });
  expect(first.documents.map(({ kind, name, action }) => [kind, name, action])).toEqual([
    ["Cluster", "applied", "CREATED"],
    ["Job", "beside", "CREATED"],
  ]);
  expect(server.clusters.open("applied")).toEqual({ ...spec, maxTasks: 2 });
  const kept = manifest("applied", { maxTasks: 2, token: "***" });
  const again = await server.ok<ApplyResult>("POST", "/apply", { documents: [kept] });
  expect(again.documents).toEqual([{ kind: "Cluster", id: "applied", name: "applied", action: "UNCHANGED" }]);
  expect(server.clusters.get("applied").revision).toBe(1);
  const more = manifest("applied", { maxTasks: 4, token: "***" });
  const changed = await server.ok<ApplyResult>("POST", "/apply", { documents: [more] });
  expect(changed.documents[0]?.action).toBe("UPDATED");
  expect(server.clusters.open("applied")).toEqual({ ...spec, maxTasks: 4 });
});

test("applying a cluster needs admin everywhere, and a bad one keeps the others from being stored", async () => {
  const documents = [job("unstored"), manifest("unstored")];
  expect(await server.refusal("POST", "/apply", { documents }, { as: "otto" })).toEqual([403, "FORBIDDEN"]);
  const bad = [job("unstored"), manifest("unstored", { token: "***" })];
  const { status, body } = await server.call("POST", "/apply", { documents: bad });
  expect([status, body.code, body.details]).toEqual([
    400,
    "INVALID_DOCUMENT",
    [
      {
        path: "/documents/1/spec/token",
        message: expect.stringContaining("there is none"),
      },
    ],
  ]);
  const twice = [manifest("unstored"), manifest("unstored")];
  expect(await server.refusal("POST", "/apply", { documents: twice })).toEqual([400, "INVALID_DOCUMENT"]);
  expect(await server.refusal("GET", "/jobs/unstored")).toEqual([404, "NOT_FOUND"]);
  expect(server.clusters.names()).not.toContain("unstored");
});

test("a run cannot bring a cluster along", async () => {
  const documents = [job("lone"), manifest("brought")];
  const { status, body } = await server.call("POST", "/job-tasks", { job: "lone", documents });
  expect([status, body.code, body.details]).toEqual([
    400,
    "INVALID_DOCUMENT",
    [{ path: "/documents/1/kind", message: "`kind` must be `Job` or `Pipeline`, but is `Cluster`" }],
  ]);
});

test("an apply warns when with its new cluster tasks must name theirs", async () => {
  for (const name of server.clusters.names()) await server.clusters.remove(name);
  const warningsOf = async (...names: string[]) => {
    const documents = names.map((name) => manifest(name));
    return (await server.ok<ApplyResult>("POST", "/apply", { documents })).warnings;
  };
  expect(await warningsOf("east")).toEqual([]);
  const warning = {
    path: "/documents/1/metadata/name",
    message: expect.stringContaining("there are 2 clusters now, and none is called `default`"),
    severity: "warning",
  };
  const both = [manifest("east"), manifest("west")];
  const dry = await server.ok<ApplyResult>("POST", "/apply", { documents: both, dryRun: true });
  expect(dry.warnings).toMatchObject([warning]);
  expect(await warningsOf("east", "west")).toMatchObject([warning]);
  expect(await warningsOf("east", "west")).toEqual([]);
  expect(await warningsOf("north", "default")).toEqual([]);
});
