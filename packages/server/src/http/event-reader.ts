// Reads the history as it grows: whoever reads pulls, so that nothing piles up for a slow reader, and a place
// in the history is all that has to be remembered.

import { setTimeout as delay } from "node:timers/promises";
import { MflowError } from "@mflow/core/errors";
import type { HistoryEvent } from "@mflow/core/schema/event";
import type { HistoryQuery, HistoryStore } from "../store/store.ts";
import type { EventBell } from "./event-bell.ts";

const CHUNK_EVENTS = 500;

/** The least time between two looks, so that a busy server's many commits are read together. */
const PAUSE_MS = 25;

/** Looks without a wake-up: the safety net, and how a filtered reader gets on. */
const SAFETY_MS = 10_000;

export interface EventBatch {
  events: HistoryEvent[];
  /** Everything up to here has been looked at. */
  position: number;
}

export class EventReader {
  readonly #history: HistoryStore;
  readonly #bell: EventBell;
  readonly #query: Omit<HistoryQuery, "limit">;

  constructor(history: HistoryStore, bell: EventBell, query: Omit<HistoryQuery, "limit">) {
    this.#history = history;
    this.#bell = bell;
    this.#query = query;
  }

  #isWanted(event: HistoryEvent): boolean {
    const { scope, pipelineTaskId, taskId } = this.#query;
    return (
      (scope?.domain === undefined || scope.domain === event.domain) &&
      (scope?.namespace === undefined || scope.namespace === event.namespace) &&
      (pipelineTaskId === undefined || pipelineTaskId === event.pipelineTaskId) &&
      (taskId === undefined || taskId === event.taskId)
    );
  }

  /**
   * Batches in order as they come, until `signal` aborts. Empty ones tell of progress alone. Throws EVENTS_ARCHIVED when
   * what comes next is no longer in the store.
   */
  async *read(signal: AbortSignal): AsyncGenerator<EventBatch> {
    let after = this.#query.after;
    const alarm = new Alarm();
    const deaf = this.#bell.listen((event) => {
      if (this.#isWanted(event)) alarm.ring();
    });
    const stop = () => alarm.ring();
    signal.addEventListener("abort", stop);
    try {
      while (!signal.aborted) {
        alarm.reset();
        // Whatever has a place up to here is in the list that is read after it.
        const seen = await this.#history.lastSeq();
        const events = await this.#history.list({ ...this.#query, after, limit: CHUNK_EVENTS });
        const { upTo } = await this.#history.archived();
        if (upTo > after) throw archivedMeanwhile(after, upTo);
        const isAll = events.length < CHUNK_EVENTS;
        const newest = events.at(-1)?.seq ?? after;
        const position = isAll ? Math.max(newest, seen) : newest;
        if (position > after) {
          after = position;
          yield { events, position };
        }
        if (!isAll || signal.aborted) continue;
        if (await alarm.within(SAFETY_MS))
          await delay(PAUSE_MS, undefined, { signal }).catch(() => undefined);
      }
    } finally {
      deaf();
      signal.removeEventListener("abort", stop);
    }
  }
}

/** Events after the place `after` are in the archive, which ends with `upTo`. */
export function archivedMeanwhile(after: number, upTo: number): MflowError {
  return new MflowError(
    "EVENTS_ARCHIVED",
    `Events after place ${after} are in the archive, up to place ${upTo}; the stream goes on after that.`,
  );
}

/** A bell that is heard also when it rang before anybody waited. */
class Alarm {
  #hasRung = false;
  #wake: () => void = () => undefined;

  ring(): void {
    this.#hasRung = true;
    this.#wake();
  }

  reset(): void {
    this.#hasRung = false;
  }

  /** Waits for a ring; whether there was one within the time. */
  async within(ms: number): Promise<boolean> {
    if (!this.#hasRung) {
      let timer: NodeJS.Timeout | undefined;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
        timer = setTimeout(resolve, ms);
      });
      clearTimeout(timer);
    }
    return this.#hasRung;
  }
}
