// Calls about objects that others remove too.

import { KubeError } from "./cluster-client.ts";

/** What is gone already, or is another of the same name by now, needs nothing more. */
export async function ignoreGone<T>(call: Promise<T>): Promise<T | undefined> {
  try {
    return await call;
  } catch (error) {
    if (error instanceof KubeError && (error.status === 404 || isOfAnother(error))) return undefined;
    throw error;
  }
}

/**
 * The uid is another one's: Kubernetes says so in words alone. Any other conflict is one with a change at the same moment,
 * and passes.
 */
function isOfAnother({ status, message }: KubeError): boolean {
  return status === 409 && /\buid\b/i.test(message);
}
