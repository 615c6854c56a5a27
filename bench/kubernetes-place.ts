// The cluster that KUBECONFIG names, for benchmarks: a namespace of its own, a job that does nothing, and waiting until
// nothing of the last measurement runs any more.

import { setTimeout as delay } from "node:timers/promises";
import type { JobManifest } from "@mflow/core/schema/job";
import { IMAGE, KubePlace } from "@mflow/server/runners/kubernetes/testing/kube-place";
import { noop } from "./engine-rig.ts";

/** The tasks' Jobs are created at once: what the limits of a cluster cost is not measured here. */
const NO_LIMITS = { maxTasks: 1000, createRate: 200 } as const;

const EMPTY_MS = 120_000;

/** A sentence when no cluster is named. */
export function missingCluster(): string | undefined {
  return process.env.KUBECONFIG
    ? undefined
    : "set KUBECONFIG to the kubeconfig of a cluster for tests, and MFLOW_TEST_IMAGE to an image with `true` unless it has k8s.test/busybox:1";
}

export function makePlace(): Promise<KubePlace> {
  return KubePlace.make(NO_LIMITS);
}

/** The spec of a Job whose pod runs `true`: every default of mflow is written out, so that a plain Job is the same. */
export const trueSpec = {
  backoffLimit: 0,
  template: {
    spec: {
      restartPolicy: "Never",
      terminationGracePeriodSeconds: 10,
      automountServiceAccountToken: false,
      containers: [{ name: "main", image: IMAGE, imagePullPolicy: "IfNotPresent", command: ["true"] }],
    },
  },
};

/** A job named `noop` of Kubernetes, with a spec of a Job. */
export function kubeNoop(spec: object = trueSpec): JobManifest {
  return { ...noop, spec: { runnerType: "K8S_JOB", runnerSpec: { spec: { ...spec } } } };
}

/** Resolves when the namespace has neither Jobs nor pods, so that nothing of before is measured with what follows. */
export async function untilEmpty(place: KubePlace): Promise<void> {
  for (const end = Date.now() + EMPTY_MS; Date.now() < end; await delay(250)) {
    const left = [...(await place.items(place.jobsPath)), ...(await place.items(place.podsPath))];
    if (left.length === 0) return;
  }
  throw new Error(`namespace ${place.namespace} is not empty after ${EMPTY_MS / 1000} s`);
}
