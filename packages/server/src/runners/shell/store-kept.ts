// Brings the files that an attempt keeps into the store, before its result is told: who hears that a task SUCCEEDED finds
// its artifacts.

import { MflowError } from "@mflow/core/errors";
import type { AttemptRef, RunnerHost } from "../runner.ts";
import type { Result } from "./supervisor/protocol.ts";

/**
 * The result without the files, which are durable; FAILED when one is refused for good. Rejects when the store cannot be
 * reached: then it is to be tried again, and nothing is stored twice.
 */
export async function storeKept(host: RunnerHost, ref: AttemptRef, result: Result): Promise<Result> {
  const { kept, ...told } = result;
  if (!kept || !host.files) return told;
  // What is canceled or out of time keeps nothing, and does not wait for a store that is away.
  if ((await host.standing(ref)) === "UNKNOWN" || (await host.isStopping(ref))) return told;
  let final: Result = told;
  try {
    await host.files.keep(ref, kept.artifacts);
  } catch (error) {
    if (!(error instanceof MflowError) || error.status >= 500) throw error;
    // A failure of the steps counts more.
    if (told.stage === "SUCCEEDED") {
      const reason = error.code.startsWith("ARTIFACT_") ? error.code : "ARTIFACT_REFUSED";
      final = { ...told, stage: "FAILED", reason, message: error.message };
    }
  }
  await host.files.save(ref, kept.caches);
  return final;
}
