// A clock that stands still until it is told to go on, for scenarios in virtual time.

import type { Clock } from "@mflow/server/engine/clock";

interface Alarm {
  at: number;
  order: number;
  callback: () => void;
}

export class VirtualClock implements Clock {
  #now: number;
  #order = 0;
  readonly #alarms = new Set<Alarm>();

  constructor(start: number) {
    this.#now = start;
  }

  now(): number {
    return this.#now;
  }

  setTimeout(callback: () => void, ms: number): () => void {
    const alarm = { at: this.#now + Math.max(ms, 0), order: this.#order++, callback };
    this.#alarms.add(alarm);
    return () => this.#alarms.delete(alarm);
  }

  /** Time of the next alarm; undefined when none is set. */
  get nextAt(): number | undefined {
    return this.#next()?.at;
  }

  /** Goes on to the next alarm and rings it. */
  ringNext(): void {
    const alarm = this.#next();
    if (!alarm) return;
    this.#alarms.delete(alarm);
    this.#now = Math.max(this.#now, alarm.at);
    alarm.callback();
  }

  /** Goes on to a time before the next alarm. */
  goTo(time: number): void {
    this.#now = Math.max(this.#now, time);
  }

  #next(): Alarm | undefined {
    let first: Alarm | undefined;
    for (const alarm of this.#alarms) {
      if (!first || alarm.at < first.at || (alarm.at === first.at && alarm.order < first.order))
        first = alarm;
    }
    return first;
  }
}
