// Callbacks that were refused, in the decision record. Anybody may call without a token, so only so many a minute and
// channel get a row; the others are counted, and the log has how many there were.

import type { ErrorCode } from "@mflow/core/errors";
import type { NewDecisionRecord } from "@mflow/core/schema/decision-record";
import type { FastifyBaseLogger } from "fastify";
import type { DecisionRecordStore } from "../store/store.ts";

const ROWS_PER_WINDOW = 60;
const WINDOW_MS = 60_000;

interface Window {
  /** Milliseconds since the epoch. */
  until: number;
  rows: number;
  left: number;
}

/** What is known of a refused callback; of one that was not verified it is very little. */
export type RefusedCallback = Omit<NewDecisionRecord, "at" | "act" | "code" | "domain" | "namespace"> &
  Partial<Pick<NewDecisionRecord, "domain" | "namespace">> & { code: ErrorCode };

export class RefusedCallbacks {
  readonly #records: Pick<DecisionRecordStore, "append">;
  readonly #windows = new Map<string, Window>();

  constructor(records: Pick<DecisionRecordStore, "append">) {
    this.#records = records;
  }

  /**
   * Records one, unless there were too many. `channel`: a channel that there is, or one name for all others. It was
   * refused already, so a store that cannot write changes nothing.
   */
  async note(channel: string, refused: RefusedCallback, now: number, log: FastifyBaseLogger): Promise<void> {
    const window = this.#window(channel, now);
    if (window.rows >= ROWS_PER_WINDOW) {
      if (window.left++ === 0) this.#tellLater(channel, window, now, log);
      return;
    }
    window.rows++;
    const at = new Date(now).toISOString();
    // Nothing says where one belongs that was not verified.
    const record: NewDecisionRecord = { at, domain: "*", namespace: "*", act: "REFUSE", ...refused };
    try {
      await this.#records.append([record]);
    } catch (error) {
      log.error({ err: error, channel }, "a refused callback could not be recorded");
    }
  }

  #window(channel: string, now: number): Window {
    const known = this.#windows.get(channel);
    if (known && now < known.until) return known;
    const window = { until: now + WINDOW_MS, rows: 0, left: 0 };
    this.#windows.set(channel, window);
    return window;
  }

  #tellLater(channel: string, window: Window, now: number, log: FastifyBaseLogger): void {
    log.warn(
      { channel },
      `more than ${ROWS_PER_WINDOW} callbacks of a minute were refused; the rest is counted`,
    );
    const tell = () => log.warn({ channel, count: window.left }, "refused callbacks were not recorded");
    setTimeout(tell, window.until - now).unref();
  }
}
