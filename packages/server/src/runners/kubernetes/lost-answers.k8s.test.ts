// Single answers of the API server that never come, what an earlier life left behind, and watches that have to begin anew.

import { LABELS, RESULT_FINALIZER } from "@mflow/core/kubernetes/render-job";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import type { Runner, StartRequest } from "../runner.ts";
import { RecordingHost } from "../testing/recording-host.ts";
import { freshTaskId } from "../testing/start-request.ts";
import { GOES_ON, KubePlace, scriptJob, unplaceableJob, WITH_PASSWORD } from "./testing/kube-place.ts";
import { type Asked, KubeProxy, type Meddling } from "./testing/kube-proxy.ts";
import { persistently } from "./testing/persistently.ts";
import { PodCounter } from "./testing/pod-counter.ts";

let place: KubePlace;
let proxy: KubeProxy;
let runner: Runner;
let host: RecordingHost;
let counter: PodCounter;

beforeAll(async () => {
  proxy = await KubeProxy.make();
  place = await KubePlace.make({ keepFor: "0s", keepFailedFor: "0s", kubeconfig: proxy.kubeconfig() });
  counter = new PodCounter(place.client, place.namespace);
  host = new RecordingHost();
  runner = await place.openRunner(host);
});
afterEach(() => {
  proxy.meddle = () => undefined;
});
afterAll(async () => {
  await runner.close();
  await counter.close();
  await proxy.close();
  await place.dispose();
});

/** Does so with the first request that fits. */
function meddleOnce(fits: (asked: Asked) => boolean, meddling: Meddling): void {
  let isDone = false;
  proxy.meddle = (asked) => {
    if (isDone || !fits(asked)) return undefined;
    isDone = true;
    return meddling;
  };
}

const isPost =
  (kind: string) =>
  ({ method, path }: Asked) =>
    method === "POST" && path.endsWith(`/${kind}`);

async function nothingIsLeft(): Promise<void> {
  await expect.poll(() => place.left()).toEqual([]);
  const known = () => [...place.attempts.rows.values()].map(({ body }) => (body as { state: string }).state);
  await expect.poll(() => known().filter((state) => state !== "STOPPED")).toEqual([]);
}

describe("an answer that is lost", () => {
  test.each(["jobs", "secrets"])(
    "of the creation of %s: there is one, and the task succeeds",
    async (kind) => {
      const before = proxy.count("POST", new RegExp(`/${kind}$`));
      meddleOnce(isPost(kind), { kind: "lose" });
      const request = place.request(scriptJob('echo "$PASSWORD" | wc -c'), WITH_PASSWORD);
      expect(await persistently(() => runner.start(request))).toEqual({ state: "STARTED" });
      expect((await host.final(request)).stage).toBe("SUCCEEDED");
      expect(host.texts(request)).toEqual(["stdout main| 14"]);
      expect(counter.of(request.taskId)).toEqual({ jobs: 1, pods: 1 });
      expect(proxy.count("POST", new RegExp(`/${kind}$`)) - before).toBe(2);
      await nothingIsLeft();
    },
  );

  test("of the removal of the finalizer: it is removed, and nothing is left", async () => {
    meddleOnce(({ method }) => method === "PATCH", { kind: "lose" });
    const request = place.request(scriptJob("echo one"));
    await runner.start(request);
    expect((await host.final(request)).stage).toBe("SUCCEEDED");
    await nothingIsLeft();
    expect(host.reportsOf(request).filter(({ stage }) => stage === "SUCCEEDED")).toHaveLength(1);
  });

  test("of a conflict: the finalizer is removed at the next try", async () => {
    const message = 'Operation cannot be fulfilled on jobs.batch "x": the object has been modified';
    const body = { kind: "Status", code: 409, reason: "Conflict", message };
    meddleOnce(({ method }) => method === "PATCH", { kind: "answer", status: 409, body });
    const request = place.request(scriptJob("echo one"));
    await runner.start(request);
    expect((await host.final(request)).stage).toBe("SUCCEEDED");
    await nothingIsLeft();
  });

  test("of a deletion: CANCELED once the pod is gone", async () => {
    const request = place.request(GOES_ON);
    await runner.start(request);
    await host.logged(request, "begun");
    meddleOnce(({ method }) => method === "DELETE", { kind: "lose" });
    expect(await runner.stop(request, { graceMs: 1000 })).toBe("STOPPING");
    expect((await host.final(request)).stage).toBe("CANCELED");
    expect(await place.items(place.podsPath)).toEqual([]);
    await nothingIsLeft();
  });

  test("of a creation that is stopped then: what was made of it is brought down first", async () => {
    meddleOnce(isPost("jobs"), { kind: "lose" });
    const request = place.request(unplaceableJob());
    await expect(runner.start(request)).rejects.toThrow("did not answer");
    expect(await persistently(() => runner.stop(request, { graceMs: 1000 }))).toBe("STOPPING");
    expect((await host.final(request)).stage).toBe("CANCELED");
    expect(counter.of(request.taskId).jobs).toBe(1);
    await nothingIsLeft();
  });

  test("of a creation that an earlier life was in: it is taken up, or brought down when it is not wanted any more", async () => {
    proxy.meddle = (asked) => (isPost("jobs")(asked) ? { kind: "lose" } : undefined);
    const [wanted, unwanted] = [place.request(scriptJob("echo one")), place.request(unplaceableJob())];
    for (const request of [wanted, unwanted])
      await expect(runner.start(request)).rejects.toThrow("did not answer");
    await runner.close();
    proxy.meddle = () => undefined;
    host.requests.set(`${wanted.taskId}.1`, wanted);
    runner = await place.openRunner(host);
    expect((await host.final(wanted)).stage).toBe("SUCCEEDED");
    expect((await host.final(unwanted)).stage).toBe("CANCELED");
    expect([wanted, unwanted].map(({ taskId }) => counter.of(taskId).jobs)).toEqual([1, 1]);
    await nothingIsLeft();
  });
});

/** Makes a Job with labels and finalizer as mflow does; answers with the task's id. */
async function leftBehind(
  labels: Record<string, string | undefined>,
  script = "sleep 3600",
  taskId = freshTaskId(),
): Promise<string> {
  const all = { [LABELS.managedBy]: "mflow", [LABELS.taskId]: taskId, [LABELS.attempt]: "1", ...labels };
  const job = scriptJob(script);
  const template = { metadata: { labels: all }, spec: { ...job.spec.template.spec, restartPolicy: "Never" } };
  await place.client.create(place.jobsPath, {
    metadata: { name: `${taskId}-1`, labels: all, finalizers: [RESULT_FINALIZER] },
    spec: { backoffLimit: 0, template: template },
  });
  return taskId;
}

/** As an admin does. */
async function removeByHand(taskId: string): Promise<void> {
  const path = `${place.jobsPath}/${taskId}-1`;
  await place.client.delete(path, { propagationPolicy: "Background" });
  await place.client.patch(path, { metadata: { finalizers: null } }, "application/merge-patch+json");
}

async function jobsLeft(): Promise<string[]> {
  return (await place.names(place.jobsPath)).map((name) => name.replace(/-1$/, ""));
}

describe("what an earlier life left", () => {
  test("is removed when its attempt is over; what is unknown, another's or nobody's stays", async () => {
    const [own, other] = [await place.attempts.installationId(), "another-installation"];
    const ours = { [LABELS.installation]: own };
    const [over, unknown] = [freshTaskId(), freshTaskId()];
    host.over.add(`${over}.1`);
    const standing = host.standing.bind(host);
    host.standing = async (ref) => (ref.taskId === unknown ? "UNKNOWN" : standing(ref));
    for (const task of [over, unknown]) await leftBehind(ours, "sleep 3600", task);
    const anothers = await leftBehind({ [LABELS.installation]: other });
    const nobodys = freshTaskId();
    await leftBehind(
      { ...ours, [LABELS.taskId]: nobodys, [LABELS.managedBy]: undefined },
      "sleep 3600",
      nobodys,
    );
    const request = place.request(scriptJob("true"));
    await runner.start(request);
    await host.final(request);
    await expect.poll(async () => (await jobsLeft()).sort()).toEqual([unknown, anothers, nobodys].sort());
    const warned = place.warnings.filter((warning) => warning.includes(unknown));
    for (const task of [unknown, anothers, nobodys]) await removeByHand(task);
    expect(warned[0]).toMatch(/nothing is known of its task; when no other server uses the same database/);
    expect(place.warnings.some((warning) => [anothers, nobodys].some((id) => warning.includes(id)))).toBe(
      false,
    );
  });

  test("a Job that a late creation makes of a stopped attempt is removed, also after a restart", async () => {
    const ours = { [LABELS.installation]: await place.attempts.installationId() };
    let withheld = 0;
    proxy.meddle = (asked) => {
      if (!isPost("jobs")(asked)) return undefined;
      withheld++;
      return { kind: "withhold", until: new Promise(() => {}) };
    };
    const requests = [place.request(GOES_ON), place.request(GOES_ON)];
    const starts = requests.map((request) => runner.start(request).catch((error: Error) => error.message));
    await expect.poll(() => withheld).toBe(2);
    await proxy.away();
    await Promise.all(starts);
    proxy.meddle = () => undefined;
    await proxy.back();
    for (const request of requests) {
      expect(await persistently(() => runner.stop(request, { graceMs: 1000 }))).toBe("GONE");
      host.over.add(`${request.taskId}.1`);
    }
    const [first = "", second = ""] = requests.map(({ taskId }) => taskId);
    await leftBehind(ours, "sleep 3600", first);
    await expect.poll(jobsLeft).toEqual([]);
    await runner.close();
    await leftBehind(ours, "sleep 3600", second);
    runner = await place.openRunner(host);
    await expect.poll(jobsLeft).toEqual([]);
    expect(await runner.start(requests[1] as StartRequest)).toEqual({ state: "STOPPED" });
  });
});

test("the workspace of a run is made once, known before it exists, and removed with the run", async () => {
  const claimsPath = `/api/v1/namespaces/${place.namespace}/persistentvolumeclaims`;
  const spec = { ...scriptJob("true"), workspace: "run" };
  const pipelineTaskId = freshTaskId();
  const requests = [1, 2].map(() => place.request(spec, { pipelineTaskId }));
  // The first creation is cut off: whoever goes on has to know what may exist.
  meddleOnce(isPost("persistentvolumeclaims"), { kind: "lose" });
  const [first, second] = requests as [StartRequest, StartRequest];
  await expect(runner.start(first)).rejects.toThrow("did not answer");
  await runner.close();
  for (const request of requests) host.requests.set(`${request.taskId}.1`, request);
  runner = await place.openRunner(host);
  await persistently(() => runner.start(second));
  await expect.poll(() => counter.of(first.taskId).jobs + counter.of(second.taskId).jobs).toBe(2);
  expect(await place.items(claimsPath)).toHaveLength(1);
  for (const request of requests) await persistently(() => runner.stop(request, { graceMs: 1000 }));
  for (const request of requests) expect((await host.final(request)).stage).toBe("CANCELED");
  await runner.release(pipelineTaskId);
  await expect.poll(() => place.items(claimsPath)).toEqual([]);
  await nothingIsLeft();
});

describe("watches", () => {
  const isWatch = ({ path, query }: Asked) => query.get("watch") === "true" && /\/(jobs|pods)$/.test(path);

  test("ask for bookmarks, of our labels alone, one a kind however many tasks there are", async () => {
    await runner.close();
    runner = await place.openRunner(host);
    const before = proxy.asked.length;
    const requests = Array.from({ length: 5 }, () => place.request(scriptJob("echo one")));
    await Promise.all(requests.map((request) => runner.start(request)));
    for (const request of requests) expect((await host.final(request)).stage).toBe("SUCCEEDED");
    const watches = proxy.asked.slice(before).filter(isWatch);
    expect(watches.map(({ path }) => path).sort()).toEqual([place.podsPath, place.jobsPath].sort());
    const selector = `app.kubernetes.io/managed-by=mflow,mflow.dev/installation=${await place.attempts.installationId()}`;
    for (const { query } of watches) {
      expect(query.get("allowWatchBookmarks")).toBe("true");
      expect(query.get("labelSelector")).toBe(selector);
    }
  });

  test("that the server has forgotten (410) begin anew and miss no deletion", async () => {
    const requests = [place.request(GOES_ON), place.request(scriptJob("echo one; sleep 3; echo two"))];
    for (const request of requests) await runner.start(request);
    for (const request of requests) await host.logged(request, request === requests[0] ? "begun" : "one");
    // All watches are cut, and their next ones are told that the place is forgotten, once a kind.
    const told = new Set<string>();
    const gone = { kind: "Status", code: 410, reason: "Expired", message: "too old resource version" };
    proxy.meddle = (asked) => {
      if (!isWatch(asked) || told.has(asked.path)) return undefined;
      told.add(asked.path);
      return { kind: "answer", status: 200, body: `${JSON.stringify({ type: "ERROR", object: gone })}\n` };
    };
    await proxy.away();
    // Meanwhile somebody deletes the first one, finalizer and all.
    const [first = "", second = ""] = requests.map(({ taskId }) => taskId);
    await removeByHand(first);
    await expect.poll(jobsLeft).toEqual([second]);
    await proxy.back();
    const [one, other] = await Promise.all(requests.map((request) => host.final(request)));
    expect([one?.stage, one?.reason, other?.stage]).toEqual(["FAILED", "DELETED_OUTSIDE", "SUCCEEDED"]);
    expect([...told].sort()).toEqual([place.podsPath, place.jobsPath].sort());
    expect(host.texts(requests[1] as StartRequest)).toEqual(["stdout main| one", "stdout main| two"]);
    await nothingIsLeft();
  });
});
