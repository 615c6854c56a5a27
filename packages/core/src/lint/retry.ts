// Rules on `retry`: it tries again, waits as was meant, and does nothing twice unawares.

import { retryProblems } from "../plan/problems.ts";
import { below } from "../pointer.ts";
import type { RetrySpec } from "../schema/retry.ts";
import { millisecondsOf } from "./durations.ts";
import { type Finding, warning } from "./finding.ts";

/** What is odd about a retry; what keeps a run from starting is told by `jobRetryRules` and plan/problems.ts. */
export function* retryRules(retry: RetrySpec | undefined, path: string): Generator<Finding> {
  if (!retry) return;
  if (retry.limit === 0) {
    const message = "`limit: 0` tries nothing again; raise it, or remove `retry`";
    yield warning(`${path}/limit`, message);
    return;
  }
  yield* backoffRules(retry, `${path}/backoff`);
  for (const [index, reason] of (retry.on ?? []).entries()) {
    const reasonPath = below(`${path}/on`, index);
    if (retry.on?.indexOf(reason) !== index) {
      yield warning(reasonPath, `\`${reason}\` is listed twice; remove one of them`);
    } else if (reason === "LOST") {
      const message =
        "after LOST nobody knows whether the work was done, so it may be done twice; keep this only for work that may";
      yield warning(reasonPath, message);
    }
  }
}

/** The same of the retry of a job, with the times that cannot be counted. */
export function* jobRetryRules(
  retry: RetrySpec | undefined,
  path: string,
  manualUpdateStatus: boolean,
): Generator<Finding> {
  for (const { path: where, message } of retryProblems(retry, path)) {
    yield { path: where, message, severity: "error" };
  }
  yield* retryRules(retry, path);
  if (retry && manualUpdateStatus) yield manualWarning(path);
}

/** A retry of work whose end comes from elsewhere. */
export function manualWarning(path: string): Finding {
  const message =
    "the job has `manualUpdateStatus`: each try waits for status calls of its own, with a new update token; make sure that its worker sends them, or remove `retry`";
  return warning(path, message);
}

function* backoffRules({ backoff }: RetrySpec, path: string): Generator<Finding> {
  if (!backoff) return;
  const initial = millisecondsOf(backoff.initial ?? "0s");
  if (initial === undefined) return;
  if (initial === 0) {
    const where = backoff.initial === undefined ? path : `${path}/initial`;
    yield warning(where, "without a time in `initial` nothing is waited for; give one, or remove `backoff`");
    return;
  }
  const max = millisecondsOf(backoff.max);
  if (backoff.max !== undefined && max !== undefined && max < initial) {
    const message = `no wait is as long as \`initial: ${backoff.initial}\`, because of this; raise it, or lower \`initial\``;
    yield warning(`${path}/max`, message);
  }
}
