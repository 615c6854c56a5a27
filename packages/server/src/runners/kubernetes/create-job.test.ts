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

/** By method and path: what the API server answers, or refuses with. */
let answers: Record<string, KubeObject | KubeError>;
let asked: string[];
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
  delete: (path: string) => answer(`DELETE ${path}`),
} as unknown as ClusterClient;

beforeEach(() => {
  asked = [];
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
