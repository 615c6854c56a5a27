// Bytes on their way into a store: counted, hashed, and ended where they are too many.

import { createHash } from "node:crypto";
import { type Stored, tooLarge } from "./artifact-store.ts";

export interface Counted {
  bytes: AsyncIterable<Uint8Array>;
  /** What has gone through; complete when `bytes` has ended. */
  stored(): Stored;
}

/** The same bytes; they end with ARTIFACT_TOO_LARGE above the limit. */
export function counted(bytes: AsyncIterable<Uint8Array>, limit: number): Counted {
  const hash = createHash("sha256");
  let size = 0;
  async function* through(): AsyncGenerator<Uint8Array> {
    for await (const chunk of bytes) {
      size += chunk.length;
      if (size > limit) throw tooLarge(limit);
      hash.update(chunk);
      yield chunk;
    }
  }
  return { bytes: through(), stored: () => ({ size, sha256: hash.copy().digest("hex") }) };
}
