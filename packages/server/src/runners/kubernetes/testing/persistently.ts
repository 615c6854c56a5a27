// Repeats a call to a runner as the engine does, for tests in which the API server is away.

import { setTimeout as delay } from "node:timers/promises";
import { RetryableStartError } from "../../runner.ts";

const PATIENCE_MS = 60_000;
const PAUSE_MS = 100;

/** What the call answers, once it is not refused with RetryableStartError any more; rejects after a minute of that. */
export async function persistently<T>(call: () => Promise<T>): Promise<T> {
  for (const deadline = Date.now() + PATIENCE_MS; ; await delay(PAUSE_MS)) {
    try {
      return await call();
    } catch (error) {
      if (!(error instanceof RetryableStartError) || Date.now() > deadline) throw error;
    }
  }
}
