// What people are told of a Job that a cluster would not take.

import { MflowError } from "@mflow/core/errors";
import { RetryableStartError } from "../runner.ts";
import { KubeError } from "./api/cluster-client.ts";

/** What a trial came to: the sentence of the API server, and the place of each cause in the runner spec. */
export function refusedTrial(task: string, error: unknown): unknown {
  if (error instanceof RetryableStartError)
    return new MflowError("RUNNER_REFUSED", `task \`${task}\`: ${error.message}`);
  if (!(error instanceof KubeError)) return error;
  const details = error.causes.map(({ field, message }) => ({
    path: `/runnerSpec/${field
      .replace(/\[(\d+)\]/g, "/$1")
      .replace(/\[.*?\]/g, "")
      .replaceAll(".", "/")}`,
    message: `Kubernetes would refuse this: ${message}`,
  }));
  const message = `task \`${task}\`: Kubernetes would refuse the Job: ${error.message}`;
  return new MflowError("RUNNER_REFUSED", message, details);
}
