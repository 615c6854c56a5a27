// How it stands between the server and mflow's own containers in the pod of one attempt: who waits for the end of the work,
// and whether anything is heard of a container that should fetch or keep now.

import type { HelperAtWork } from "@mflow/core/kubernetes/helper-view";

/** A question for the end of the work is answered after so long at the latest, milliseconds. */
const LONGEST_WAIT_MS = 25_000;
/** Several signs of life, milliseconds. */
const LEAST_SILENCE_MS = 60_000;

export interface Silence {
  /** When it will have lasted too long, milliseconds since the epoch. */
  until: number;
  /** It has. */
  failure?: { reason: string; message: string };
}

export class HelperTalk {
  readonly #longestMs: number;
  readonly #waiting = new Set<() => void>();
  #helper: HelperAtWork | undefined;
  /** When something was heard last, or else when it was first to be heard, milliseconds since the epoch. */
  #since = Date.now();
  #isClosed = false;

  /** `graceMs`: how long a reason is borne that does not heal by itself. */
  constructor(graceMs: number) {
    this.#longestMs = Math.max(graceMs, LEAST_SILENCE_MS);
  }

  /** A container has asked something. */
  heard(): void {
    this.#since = Date.now();
  }

  /** What of mflow's own is at work now, if anything. */
  seen(helper: HelperAtWork | undefined): void {
    if (helper && helper.step !== this.#helper?.step) this.#since = Date.now();
    this.#helper = helper;
    if (helper?.workEnd !== undefined) this.#wake();
  }

  /** Nobody waits any more. */
  close(): void {
    this.#isClosed = true;
    this.#wake();
  }

  /** How the work ended, once it has; undefined when it goes on for long, or nobody waits any more. */
  async workEnd(): Promise<HelperAtWork["workEnd"]> {
    if (this.#helper?.workEnd === undefined && !this.#isClosed) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(() => done(), LONGEST_WAIT_MS);
        const done = () => {
          clearTimeout(timer);
          this.#waiting.delete(done);
          resolve();
        };
        this.#waiting.add(done);
      });
    }
    return this.#helper?.workEnd;
  }

  /** Undefined when nothing is to be heard now. */
  silence(): Silence | undefined {
    if (!this.#helper) return undefined;
    const until = this.#since + this.#longestMs;
    if (Date.now() < until) return { until };
    const isFetch = this.#helper.step === "fetch";
    const seconds = Math.round(this.#longestMs / 1000);
    const message = `nothing was heard for ${seconds} s of container \`mflow-${this.#helper.step}\`, which ${isFetch ? "fetches" : "keeps"} files: it does not reach this server; start the server with a \`--public-url\` that pods reach, and see the container's log`;
    return { until, failure: { reason: isFetch ? "FETCH_FAILED" : "RUNNER_ERROR", message } };
  }

  #wake(): void {
    for (const done of [...this.#waiting]) done();
  }
}
