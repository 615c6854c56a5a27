// That copies of pods go whatever happens: a cluster that is away, a server that died.

import { LABELS } from "@mflow/core/kubernetes/job-identity";
import type { KubePod } from "@mflow/core/kubernetes/kube-objects";
import { beforeEach, describe, expect, test } from "vitest";
import { type ClusterClient, KubeError } from "../api/cluster-client.ts";
import { CleanUps } from "./clean-ups.ts";
import { makeDebugCopy, removeDebugCopy, sweepDebugCopies } from "./debug-copy.ts";
import { DEBUG_LABEL, debugPodName } from "./debug-pod.ts";

const AN_HOUR_MS = 3_600_000;
const NO_ANSWER = new KubeError(0, "connect ECONNREFUSED");
const FIRST_WARNING = (what: string) =>
  `${what} in namespace ci: connect ECONNREFUSED; it is tried again until it succeeds`;

/** Names of the pods that there are. */
let pods: Map<string, KubePod>;
/** Calls that get no answer from now on. */
let unanswered: number;
let asked: string[];
let warnings: string[];
const client = {
  create: async (_path: string, pod: KubePod) => {
    asked.push("create");
    if (unanswered-- > 0) throw NO_ANSWER;
    throw new KubeError(403, `pods is forbidden: ${pod.metadata?.name}`);
  },
  get: async (_path: string, { labelSelector }: { labelSelector: string }) => {
    asked.push("list");
    if (unanswered-- > 0) throw NO_ANSWER;
    expect(labelSelector).toContain(DEBUG_LABEL);
    return { items: [...pods.values()] };
  },
  delete: async (path: string) => {
    asked.push("delete");
    if (unanswered-- > 0) throw NO_ANSWER;
    if (!pods.delete(path.split("/").at(-1) ?? "")) throw new KubeError(404, "not found");
  },
} as unknown as ClusterClient;

beforeEach(() => {
  pods = new Map();
  unanswered = 0;
  asked = [];
  warnings = [];
});

function cleanUpsOf(patienceMs = AN_HOUR_MS): CleanUps {
  return new CleanUps((message) => warnings.push(message), { firstBackoffMs: 1, patienceMs });
}

/** There is a copy, made now; answers its name. */
function copyOf(session: string): string {
  const name = debugPodName(session);
  const labels = { [LABELS.managedBy]: "mflow", [DEBUG_LABEL]: session };
  const creationTimestamp = new Date().toISOString();
  pods.set(name, { metadata: { name, labels, creationTimestamp }, spec: { containers: [] } });
  return name;
}

describe("the copy of a session that ends", () => {
  test("is removed however often the cluster does not answer", async () => {
    const cleanUps = cleanUpsOf();
    const name = copyOf(cleanUps.newSession());
    unanswered = 8;
    await removeDebugCopy(client, "ci", name, cleanUps);
    expect([...pods.keys()]).toEqual([]);
    expect(warnings).toEqual([FIRST_WARNING(`copy ${name} of a pod`)]);
  });

  test("is not waited for while the cluster is away, and is removed when it is back", async () => {
    const cleanUps = cleanUpsOf(1);
    const name = copyOf(cleanUps.newSession());
    unanswered = Number.POSITIVE_INFINITY;
    await removeDebugCopy(client, "ci", name, cleanUps);
    expect([...pods.keys()]).toEqual([name]);
    unanswered = 0;
    await expect.poll(() => [...pods.keys()]).toEqual([]);
  });

  test("is left to the next life when the server stops", async () => {
    const cleanUps = cleanUpsOf();
    const name = copyOf(cleanUps.newSession());
    unanswered = Number.POSITIVE_INFINITY;
    const removing = removeDebugCopy(client, "ci", name, cleanUps);
    await expect.poll(() => asked.length).toBeGreaterThan(1);
    cleanUps.close();
    await removing;
    expect([...pods.keys()]).toEqual([name]);
  });
});

test("of a copy that the cluster refused there is nothing to remove; of one that it did not answer for there is", async () => {
  const cleanUps = cleanUpsOf();
  const pod: KubePod = { spec: { containers: [{ name: "main" }] } };
  const make = () => {
    const session = cleanUps.newSession();
    const parts = { namespace: "ci", container: "main", session, installation: "one", cleanUps };
    return makeDebugCopy(client, pod, parts);
  };
  await expect(make()).rejects.toMatchObject({ status: 403 });
  expect(asked.splice(0)).toEqual(["create"]);
  unanswered = 1;
  await expect(make()).rejects.toBe(NO_ANSWER);
  expect(asked).toEqual(["create", "delete"]);
});

describe("what an earlier life left", () => {
  test("is removed however new it is; copies of this life stay", async () => {
    const cleanUps = cleanUpsOf();
    copyOf(cleanUpsOf().newSession());
    const own = copyOf(cleanUps.newSession());
    await sweepDebugCopies(client, "ci", "one", cleanUps);
    expect([...pods.keys()]).toEqual([own]);
  });

  test("is removed when the cluster is back that was away when the server started", async () => {
    const cleanUps = cleanUpsOf();
    copyOf(cleanUpsOf().newSession());
    unanswered = 3;
    await sweepDebugCopies(client, "ci", "one", cleanUps);
    expect([...pods.keys()]).toEqual([]);
    expect(warnings).toEqual([FIRST_WARNING("copies of pods")]);
  });

  test("is listed again when one of it could not be removed", async () => {
    copyOf(cleanUpsOf().newSession());
    const failing = { ...client, delete: client.delete } as ClusterClient;
    failing.delete = async <T>(path: string): Promise<T> => {
      failing.delete = client.delete;
      asked.push(`no answer for ${path.split("/").at(-2)}`);
      throw NO_ANSWER;
    };
    await sweepDebugCopies(failing, "ci", "one", cleanUpsOf());
    expect(asked).toEqual(["list", "no answer for pods", "list", "delete"]);
    expect([...pods.keys()]).toEqual([]);
  });
});
