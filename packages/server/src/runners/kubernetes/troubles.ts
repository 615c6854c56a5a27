// What keeps work from beginning is borne for a while: the cluster tries again, and somebody may mend it meanwhile.

import type { Observation } from "@mflow/core/kubernetes/observe";
import type { Placement } from "./placement.ts";

/** So long after its Job was made a Secret of our own that is missing is no trouble yet, milliseconds. */
const OWN_SECRET_MS = 15_000;

/** A trouble that does not heal by itself. */
export interface Trouble {
  reason: string;
  message: string;
  /** Until when it is borne, milliseconds since the epoch. */
  until: number;
}

export class Troubles {
  /** When the Job was made, or taken over. */
  readonly #madeAt: number;
  /** Since when the same trouble lasts. */
  #last: { reason: string; since: number } | undefined;

  constructor(now = Date.now()) {
    this.#madeAt = now;
  }

  /** The trouble that there is now, if any. */
  look(
    seen: Observation,
    placement: Pick<Placement, "jobName" | "creationGraceMs">,
    now = Date.now(),
  ): Trouble | undefined {
    const trouble =
      now < this.#madeAt + OWN_SECRET_MS && isOwnSecret(seen, placement) ? undefined : seen.trouble;
    // Between two tries the cluster shows no trouble; only work that runs, or another trouble, ends one.
    if (trouble?.heals || (!trouble && seen.stage === "ACTIVE")) this.#last = undefined;
    if (!trouble || trouble.heals) return undefined;
    const { reason, message } = trouble;
    if (this.#last?.reason !== reason) this.#last = { reason, since: now };
    return { reason, message, until: this.#last.since + placement.creationGraceMs };
  }
}

/** The Secret of the attempt is made after its Job, and a node that is quick misses it for a moment. */
function isOwnSecret({ trouble }: Observation, { jobName }: Pick<Placement, "jobName">): boolean {
  return trouble?.reason === "CONFIG_MISSING" && trouble.message.includes(`"${jobName}"`);
}
