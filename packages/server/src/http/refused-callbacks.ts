// Callbacks that were refused, in the decision record. Anybody may call without a token, so only so many a minute and
// channel get a row; the others are counted, and the log has how many there were.

import type { ErrorCode } from "@mflow/core/errors";
import type { NewDecisionRecord } from "@mflow/core/schema/decision-record";
import type { FastifyBaseLogger } from "fastify";
import { RefusalLimit } from "../engine/refusal-limit.ts";
import type { DecisionRecordStore } from "../store/store.ts";

const ROWS_PER_MINUTE = 60;

/** What is known of a refused callback; of one that was not verified it is very little. */
export type RefusedCallback = Omit<NewDecisionRecord, "at" | "act" | "code" | "domain" | "namespace"> &
  Partial<Pick<NewDecisionRecord, "domain" | "namespace">> & { code: ErrorCode };

export class RefusedCallbacks {
  readonly #records: Pick<DecisionRecordStore, "append">;
  readonly #limit = new RefusalLimit(ROWS_PER_MINUTE);
  readonly #strays = new RefusalLimit(0);

  constructor(records: Pick<DecisionRecordStore, "append">) {
    this.#records = records;
  }

  /** Records one, unless there were too many. It was refused already, so a store that cannot write changes nothing. */
  async note(channel: string, refused: RefusedCallback, now: number, log: FastifyBaseLogger): Promise<void> {
    const mayJoin = this.#limit.take(channel, now, {
      began: () =>
        log.warn(
          { channel },
          `more than ${ROWS_PER_MINUTE} callbacks of a minute were refused; the rest is counted`,
        ),
      ended: (count) => log.warn({ channel, count }, "refused callbacks were not recorded"),
    });
    if (!mayJoin) return;
    const at = new Date(now).toISOString();
    // Nothing says where one belongs that was not verified.
    const record: NewDecisionRecord = { at, domain: "*", namespace: "*", act: "REFUSE", ...refused };
    try {
      await this.#records.append([record]);
    } catch (error) {
      log.error({ err: error, channel }, "a refused callback could not be recorded");
    }
  }

  /** Counts one to a channel that there is not: no gate is near it, so the record has no word of it. */
  leave(now: number, log: FastifyBaseLogger): void {
    this.#strays.take("", now, {
      began: () => log.warn("a callback to no app channel was refused; those of this minute are counted"),
      ended: (count) => log.warn({ count }, "callbacks to no app channel were refused"),
    });
  }
}
