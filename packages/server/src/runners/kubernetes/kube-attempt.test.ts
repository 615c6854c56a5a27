// How an attempt comes to its end when the cluster, or somebody in it, does not play along.

import type { KubeJob, KubePod } from "@mflow/core/kubernetes/kube-objects";
import { expect, test } from "vitest";
import { RecordingHost } from "../testing/recording-host.ts";
import { type ClusterClient, KubeError } from "./api/cluster-client.ts";
import { KubeAttempt } from "./kube-attempt.ts";
import type { AttemptLogs } from "./logs/attempt-logs.ts";
import type { NamespaceWatch, Snapshot } from "./namespace-watch.ts";
import type { Placement } from "./placement.ts";

const REF = { taskId: "task-1", attempt: 1 };
const PLACEMENT: Placement = {
  ...{ state: "CREATED", since: 0, namespace: "ci", jobName: "task-1-1", uid: "job", secrets: "" },
  ...{ creationGraceMs: 0, keepForMs: 0, keepFailedForMs: 0 },
};
const GOING = { deletionTimestamp: "2026-01-01T00:00:00Z" };
const job = (metadata: KubeJob["metadata"] = {}): KubeJob => ({
  metadata: { name: "task-1-1", uid: "job", ...metadata },
  spec: { backoffLimit: 0, template: { spec: { containers: [] } } },
  status: {},
});
const pod = (metadata: KubePod["metadata"], status: KubePod["status"]): KubePod => ({
  metadata: { name: "pod-1", uid: "pod", ...metadata },
  spec: { nodeName: "node-1", containers: [{ name: "main" }] },
  status,
});
const cannotPull = pod(
  {},
  {
    phase: "Pending",
    containerStatuses: [
      { name: "main", state: { waiting: { reason: "ErrImagePull", message: "no such image" } } },
    ],
  },
);

/** A cluster of one Job, as one life of a server sees it. */
class Life {
  readonly host = new RecordingHost();
  readonly did: string[] = [];
  placement: Placement;
  refusal: KubeError | undefined;
  readonly #snapshot: Snapshot;

  constructor(placement: Placement, jobs: KubeJob, ...pods: KubePod[]) {
    this.placement = placement;
    this.#snapshot = { job: jobs, pods, warnings: [] };
  }

  follow(): KubeAttempt {
    const client = {
      get: async (path: string) => (path.endsWith("/pods") ? { items: [] } : this.#snapshot.job),
      delete: async (path: string) => {
        if (this.refusal) throw this.refusal;
        this.did.push(`delete ${path.split("/").at(-1)}`);
      },
      patch: async () => undefined,
    } as unknown as ClusterClient;
    const watch = {
      attach: () => {},
      detach: () => {},
      mark: () => ({ jobs: 0, pods: 0 }),
      isListedSince: () => true,
      snapshot: () => this.#snapshot,
    } as unknown as NamespaceWatch;
    const logs = {
      follow: () => {},
      podGone: () => {},
      close: () => {},
      finish: async () => {},
      runtimeEnvs: {},
    } as unknown as AttemptLogs;
    const save = async (placement: Placement) => {
      this.placement = placement;
      if (placement.verdict && placement.state === "CREATED")
        this.did.push(`keep ${placement.verdict.reason}`);
    };
    const parts = { host: this.host, client, watch, logs, save, nodeSilenceMs: 0 };
    const rest = { left: () => {}, forget: async () => {}, mask: (text: string) => text, warn: () => {} };
    return new KubeAttempt(REF, this.placement, { ...parts, ...rest }, false);
  }
}

test("an end that was decided here is kept before the Job goes for it, and is the end after a restart", async () => {
  const life = new Life(PLACEMENT, job(), cannotPull);
  const attempt = life.follow();
  await expect.poll(() => life.did).toEqual(["keep IMAGE_PULL", "delete task-1-1", "delete pod-1"]);
  attempt.close();
  const next = new Life(life.placement, job(GOING));
  next.follow();
  expect(await next.host.final(REF)).toMatchObject({ stage: "FAILED", reason: "IMAGE_PULL" });
});

test("a cluster that refuses to end it is named to who asks what it waits for", async () => {
  const life = new Life(PLACEMENT, job(), pod({}, { phase: "Running" }));
  life.refusal = new KubeError(403, 'jobs.batch "task-1-1" is forbidden');
  const attempt = life.follow();
  await attempt.stop({ graceMs: 1000 });
  await expect
    .poll(() => attempt.heldBy)
    .toBe('the cluster does not end it: jobs.batch "task-1-1" is forbidden; that is tried again');
  attempt.close();
});

test("a pod that has ended and that somebody's finalizer holds is named; by force it is not waited for", async () => {
  const stopping = { ...PLACEMENT, isStopping: true };
  const held = pod({ ...GOING, finalizers: ["example.com/hold"] }, { phase: "Succeeded" });
  const foreground = job({ ...GOING, finalizers: ["foregroundDeletion"] });
  const life = new Life(stopping, foreground, held);
  const attempt = life.follow();
  await expect
    .poll(() => attempt.heldBy)
    .toBe(
      "pod pod-1 has ended, but is not removed: it has the finalizers `example.com/hold`; `mflow cancel --force` does not wait for it",
    );
  await attempt.stop({ graceMs: 0 });
  expect((await life.host.final(REF)).stage).toBe("CANCELED");
});

test("a stop that comes while an end is being kept is kept as well", async () => {
  const life = new Life(PLACEMENT, job(), cannotPull);
  const attempt = life.follow();
  await attempt.stop({ graceMs: 1000 });
  await expect.poll(() => life.did).toContain("delete task-1-1");
  expect(life.placement).toMatchObject({ isStopping: true });
  attempt.close();
});
