// A masker that takes no memory while nobody needs it. What it is compiled to takes 12 KB for a single secret, more than
// all else that is kept of an attempt, and of a thousand attempts most only wait.

import { createMasker, type Masker } from "@mflow/core/mask";

/** Compiled when it is first used, and again when it was not used for so long that its memory was taken back. */
export function idleMasker(secrets: () => readonly string[]): Masker {
  let compiled: WeakRef<Masker> | undefined;
  return (text) => {
    let mask = compiled?.deref();
    if (!mask) {
      mask = createMasker(secrets());
      compiled = new WeakRef(mask);
    }
    return mask(text);
  };
}
