// What becomes of creations that the API server refuses, or answers late.

import type { KubeJob, KubeObject, KubeSecret } from "@mflow/core/kubernetes/kube-objects";
import { LABELS } from "@mflow/core/kubernetes/render-job";
import { beforeEach, expect, test } from "vitest";
import { RetryableStartError } from "../runner.ts";
import { type ClusterClient, KubeError } from "./api/cluster-client.ts";
import { createJob } from "./create-job.ts";

const JOBS = "/apis/batch/v1/namespaces/ci/jobs";
const SECRETS = "/api/v1/namespaces/ci/secrets";
const labels = {
  [LABELS.managedBy]: "mflow",
  [LABELS.installation]: "one",
  [LABELS.taskId]: "task",
  [LABELS.attempt]: "1",
};
const metadata = { name: "task-1", namespace: "ci", labels };
const job: KubeJob = { kind: "Job", metadata, spec: { template: { spec: { containers: [] } } } };
const secret: KubeSecret = { kind: "Secret", metadata, data: {} };
const made = { ...job, metadata: { ...metadata, uid: "job" } };

const crowded = new KubeError(409, "Operation cannot be fulfilled on resourcequotas", { reason: "Conflict" });
const full = new KubeError(403, "task-1 is forbidden: exceeded quota: small", { reason: "Forbidden" });
const forbidden = new KubeError(403, "task-1 is forbidden: not allowed", { reason: "Forbidden" });
const gone = new KubeError(404, "task-1 not found", { reason: "NotFound" });

/** By method and path: what the API server answers, or refuses with. */
let answers: Record<string, KubeObject | KubeError>;
let asked: string[];
/** Which object was meant by each deletion. */
let deletedUids: string[];
const answer = async (call: string) => {
  asked.push(call);
  const given = answers[call];
  if (given instanceof Error) throw given;
  if (given === undefined) throw new Error(`${call} is not expected`);
  return given;
};
const client = {
  server: "https://cluster",
  create: (path: string) => answer(`POST ${path}`),
  get: (path: string) => answer(`GET ${path}`),
  patch: (path: string) => answer(`PATCH ${path}`),
  delete: (path: string, { preconditions }: { preconditions: { uid: string } }) => {
    deletedUids.push(preconditions.uid);
    return answer(`DELETE ${path}`);
  },
} as unknown as ClusterClient;

beforeEach(() => {
  asked = [];
  deletedUids = [];
  answers = {};
});

const refusalOf = (rendered: Parameters<typeof createJob>[1]) =>
  createJob(client, rendered).then(
    () => undefined,
    (error: unknown) => ({
      mayPass: error instanceof RetryableStartError,
      message: (error as Error).message,
    }),
  );

test("a Job that a quota could not count at this moment is tried again", async () => {
  answers = { [`POST ${JOBS}`]: crowded };
  expect(await refusalOf({ job })).toEqual({ mayPass: true, message: crowded.message });
});

test("a Secret that a quota could not count at this moment is tried again, and its Job stays", async () => {
  answers = { [`POST ${JOBS}`]: made, [`POST ${SECRETS}`]: crowded };
  expect(await refusalOf({ job, secret })).toEqual({ mayPass: true, message: crowded.message });
  expect(asked).toEqual([`POST ${JOBS}`, `POST ${SECRETS}`]);
});

test("a Job whose creation was not answered is found when the quota is full by then, also because of it", async () => {
  answers = { [`POST ${JOBS}`]: full, [`GET ${JOBS}/task-1`]: made };
  expect(await createJob(client, { job })).toEqual(made);
});

test.each<[string, KubeObject | KubeError]>([
  ["there is none", gone],
  ["it may not be read", forbidden],
  ["it is of another attempt", { ...made, metadata: { ...metadata, labels: { [LABELS.attempt]: "2" } } }],
])("a refused creation is a refusal when nothing was made before: %s", async (_, existing) => {
  answers = { [`POST ${JOBS}`]: full, [`GET ${JOBS}/task-1`]: existing };
  expect(await refusalOf({ job })).toEqual({ mayPass: true, message: full.message });
  answers = { [`POST ${JOBS}`]: forbidden, [`GET ${JOBS}/task-1`]: existing };
  expect(await refusalOf({ job })).toEqual({
    mayPass: false,
    message: `Kubernetes refuses the Job: ${forbidden.message}`,
  });
});

test("a refused creation is tried again while it is unknown whether something was made before", async () => {
  const overloaded = new KubeError(429, "too many requests");
  answers = { [`POST ${JOBS}`]: forbidden, [`GET ${JOBS}/task-1`]: overloaded };
  expect(await refusalOf({ job })).toEqual({ mayPass: true, message: overloaded.message });
});

test("a Secret that may not be read is found by asking for the deletion of another one", async () => {
  const other = new KubeError(409, "the UID in the precondition is another", { reason: "Conflict" });
  const unread = { [`POST ${JOBS}`]: made, [`POST ${SECRETS}`]: full, [`GET ${SECRETS}/task-1`]: forbidden };
  answers = { ...unread, [`DELETE ${SECRETS}/task-1`]: other };
  expect(await createJob(client, { job, secret })).toEqual(made);
  expect(deletedUids).toEqual([expect.stringMatching(/^[0-9a-f-]{36}$/)]);
  answers = { ...unread, [`DELETE ${SECRETS}/task-1`]: gone };
  expect(await refusalOf({ job, secret })).toEqual({ mayPass: true, message: full.message });
  answers = { ...unread, [`DELETE ${SECRETS}/task-1`]: forbidden };
  expect(await refusalOf({ job, secret })).toEqual({ mayPass: true, message: full.message });
});

test("a refused Secret is a refusal once its Job is removed", async () => {
  const own = `${JOBS}/task-1`;
  const secretRefused = { [`GET ${SECRETS}/task-1`]: gone, [`POST ${SECRETS}`]: forbidden };
  answers = { [`POST ${JOBS}`]: made, ...secretRefused };
  answers[`DELETE ${own}`] = new KubeError(500, "etcd is away");
  expect(await refusalOf({ job, secret })).toEqual({
    mayPass: true,
    message: `Kubernetes refuses the Job: ${forbidden.message}; its Job cannot be removed now: etcd is away`,
  });
  for (const removal of [made, gone, forbidden]) {
    answers[`DELETE ${own}`] = removal;
    answers[`PATCH ${own}`] = made;
    expect(await refusalOf({ job, secret })).toEqual({
      mayPass: false,
      message: `Kubernetes refuses the Job: ${forbidden.message}`,
    });
  }
});
