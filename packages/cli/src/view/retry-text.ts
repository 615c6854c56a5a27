// How a job or task is tried again by itself, in a few words.

import { DEFAULT_RETRY_REASONS, type RetrySpec } from "@mflow/core/schema/retry";

/** How often, after what and how long after. */
export function retryText({ limit, on, backoff }: RetrySpec): string {
  const wait = backoff?.initial === undefined ? "" : `, first after ${backoff.initial}`;
  const usual = on === undefined || String(on) === String(DEFAULT_RETRY_REASONS);
  return `up to ${limit} times${usual ? "" : ` after ${on.join(" or ")}`}${wait}`;
}
