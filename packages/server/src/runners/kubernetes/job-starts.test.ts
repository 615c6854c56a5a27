// How starts and stops of one attempt meet, and that it stays where it was placed, against a cluster that answers as the
// test says.

import type { KubeJob } from "@mflow/core/kubernetes/kube-objects";
import type { ClusterSpec } from "@mflow/core/schema/cluster";
import { beforeEach, expect, test } from "vitest";
import type { RunnerAttempt } from "../../store/store.ts";
import { attemptKey } from "../attempt-key.ts";
import { type AttemptRef, RetryableStartError, type StartRequest } from "../runner.ts";
import { RecordingHost } from "../testing/recording-host.ts";
import { startRequest } from "../testing/start-request.ts";
import { Admission } from "./admission.ts";
import { KubeError } from "./api/cluster-client.ts";
import { JobStarts, type JobStartsParts } from "./job-starts.ts";
import type { Placement, Where } from "./placement.ts";
import { Placements } from "./placements.ts";

const JOB = { spec: { template: { spec: { containers: [{ name: "main", image: "busybox" }] } } } };
const OTHER = "task-other/1";
const MANUAL = { _kube_config_from: "MANUAL", _kube_config: "apiVersion: v1" };
const AT_LEISURE = { graceMs: 0 };

let clusters: Record<string, ClusterSpec>;
let host: RecordingHost;
let placements: Placements;
/** What the API servers answer to a creation. */
let create: () => Promise<KubeJob>;
/** Called when a placement is about to be stored. */
let stored: (placement: Placement) => void;
/** Clusters in which Jobs were made. */
let made: string[];
let left: Where[];
let admissions: Map<string, Admission>;
let starts: JobStarts;

beforeEach(() => {
  clusters = { a: { maxTasks: 1 } };
  host = new RecordingHost();
  create = async () => ({ metadata: { uid: "job" } }) as KubeJob;
  stored = () => {};
  made = [];
  left = [];
  admissions = new Map();
  const store = {
    put: async (_runner: string, { body }: RunnerAttempt) => stored(body as Placement),
    remove: async () => {},
  };
  placements = new Placements(store as unknown as ConstructorParameters<typeof Placements>[0], "K8S_JOB");
  const works = {
    of: (where: Where) => ({
      admission: admissionOf(where.cluster ?? "own"),
      client: async () => clientOf(where.cluster ?? "own"),
      reach: async () => clientOf(where.cluster ?? "own"),
      watch: async () => {},
    }),
    leaveSoon: (where: Where) => {
      left.push(
        where.kubeconfig === undefined ? { cluster: where.cluster } : { kubeconfig: where.kubeconfig },
      );
    },
  };
  starts = new JobStarts({
    ...{ host, placements, installation: "one" },
    works: works as unknown as JobStartsParts["works"],
    workspaces: {} as unknown as JobStartsParts["workspaces"],
    clusters: { names: () => Object.keys(clusters), open: (name) => clusters[name] },
    seal: (plain) => `sealed ${plain}`,
    unseal: (sealed) => sealed.replace("sealed ", ""),
    follow: async () =>
      ({ stop: async () => {} }) as unknown as Awaited<ReturnType<JobStartsParts["follow"]>>,
    forget: (ref) => placements.remove(ref),
    warn: () => {},
  });
});

function admissionOf(name: string): Admission {
  const known = admissions.get(name) ?? new Admission({ maxTasks: 1, createRate: 50 });
  admissions.set(name, known);
  return known;
}

function clientOf(name: string) {
  return {
    server: `https://${name}`,
    create: async () => {
      made.push(name);
      return create();
    },
    get: async () => {
      throw new KubeError(404, "not found", { reason: "NotFound" });
    },
  };
}

function wanted(runnerParams: Record<string, string> = {}): StartRequest {
  const request = startRequest(JOB, { runnerParams });
  host.requests.set(attemptKey(request), request);
  return request;
}

const stateOf = (ref: AttemptRef) => placements.find(ref)?.state;
const refusing = (status: number) => async () => {
  throw new KubeError(status, "busy");
};

/** A creation that goes on until the test lets it end. */
function slowCreation() {
  const begun = Promise.withResolvers<void>();
  const answer = Promise.withResolvers<KubeJob>();
  create = () => {
    begun.resolve();
    return answer.promise;
  };
  return { begun: begun.promise, end: () => answer.resolve({ metadata: { uid: "job" } } as KubeJob) };
}

/** A place comes free between the look for one and the wait for it. */
function freeWhenQueued(then: () => void = () => {}): void {
  admissionOf("a").hold(OTHER);
  stored = ({ state }) => {
    if (state !== "QUEUED") return;
    admissionOf("a").leave(OTHER);
    then();
  };
}

test("a stop waits for the creation that began while the start was being answered", async () => {
  const { begun, end } = slowCreation();
  const request = wanted();
  freeWhenQueued();
  expect(await starts.start(request)).toEqual({ state: "STARTED" });
  await begun;
  expect(starts.isCreating(request)).toBe(true);
  const stopped = starts.stop(request, AT_LEISURE);
  end();
  expect([await stopped, stateOf(request), starts.isCreating(request)]).toEqual([
    "STOPPING",
    "CREATED",
    false,
  ]);
});

test("a stop that waits for a start waits for the creation that follows it, too", async () => {
  const { begun, end } = slowCreation();
  const request = wanted();
  const stopped = Promise.withResolvers<string>();
  freeWhenQueued(() => stopped.resolve(starts.stop(request, AT_LEISURE)));
  await starts.start(request);
  await begun;
  end();
  expect([await stopped.promise, stateOf(request)]).toEqual(["STOPPING", "CREATED"]);
});

test("a task that waits for a place gets it in its cluster, although another one was set up meanwhile", async () => {
  admissionOf("a").hold(OTHER);
  const request = wanted();
  await starts.start(request);
  clusters.b = {};
  admissionOf("a").leave(OTHER);
  await expect.poll(() => stateOf(request)).toBe("CREATED");
  expect([made, host.reports]).toEqual([["a"], []]);
});

test("a start whose Job may exist goes on in its cluster, also when its scope may not use it any more", async () => {
  create = refusing(503);
  const request = wanted();
  await expect(starts.start(request)).rejects.toThrow(RetryableStartError);
  clusters = { a: { scopes: [{ domain: "*", namespace: "ops" }] }, b: {} };
  create = async () => ({ metadata: { uid: "job" } }) as KubeJob;
  expect([await starts.start(request), stateOf(request)]).toEqual([{ state: "STARTED" }, "CREATED"]);
  expect(made).toEqual(["a", "a"]);
});

test("a start that is refused after one that may have helped leaves nothing, and no place taken", async () => {
  create = refusing(503);
  const request = wanted();
  await expect(starts.start(request)).rejects.toThrow(RetryableStartError);
  const refused = starts.start({ ...request, spec: {} });
  await expect(refused).rejects.toMatchObject({ code: "RUNNER_REFUSED" });
  expect([placements.all(), admissionOf("a").held]).toEqual([[], 0]);
});

test("a kubeconfig of a task's own is left when the task is stopped before its Job is known to exist", async () => {
  const own = [{ kubeconfig: "sealed apiVersion: v1" }];
  // One whose creation was answered by nothing.
  create = refusing(503);
  const placed = wanted(MANUAL);
  await expect(starts.start(placed)).rejects.toThrow(RetryableStartError);
  expect([await starts.stop(placed, AT_LEISURE), stateOf(placed)]).toEqual(["GONE", "STOPPED"]);
  expect(left.splice(0)).toEqual(own);
  // One that waits in line.
  admissionOf("own").hold(OTHER);
  const queued = wanted(MANUAL);
  await starts.start(queued);
  expect([await starts.stop(queued, AT_LEISURE), stateOf(queued)]).toEqual(["GONE", "STOPPED"]);
  expect(left.splice(0)).toEqual(own);
  // One whose turn comes when it is not wanted any more.
  const unwanted = wanted(MANUAL);
  await starts.start(unwanted);
  host.requests.delete(attemptKey(unwanted));
  admissionOf("own").leave(OTHER);
  await expect.poll(() => left).toEqual(own);
  expect(stateOf(unwanted)).toBe("STOPPED");
});
