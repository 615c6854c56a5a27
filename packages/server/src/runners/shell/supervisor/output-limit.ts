// How much a task may log: so much in all, and so much per second. What is too much is dropped where it
// comes in: a step never waits for its log, and a task that writes without end fills neither disk nor memory.
// Bytes are counted as they are stored, so that a flood of empty lines is a flood too.

export type DropReason = "RATE" | "SIZE";

export class OutputLimit {
  readonly #bytesPerTask: number;
  readonly #bytesPerSecond: number;
  /** Bytes that may be stored at once; below zero after a piece that was larger. */
  #allowance: number;
  #filledAt: number;
  #stored = 0;

  constructor(limits: { bytesPerTask: number; bytesPerSecond: number }, now: number) {
    this.#bytesPerTask = limits.bytesPerTask;
    this.#bytesPerSecond = limits.bytesPerSecond;
    this.#allowance = limits.bytesPerSecond;
    this.#filledAt = now;
  }

  /** The task has logged all that it may. */
  get isReached(): boolean {
    return this.#stored >= this.#bytesPerTask;
  }

  /**
   * Why the next piece must be dropped; nothing when it may be stored. Who drops already begins again only
   * when half a second's worth may come, so that a log is not cut into shreds. `now`: milliseconds.
   */
  dropReason(now: number, dropping: boolean): DropReason | undefined {
    if (this.isReached) return "SIZE";
    const gained = ((now - this.#filledAt) / 1000) * this.#bytesPerSecond;
    this.#allowance = Math.min(this.#allowance + Math.max(gained, 0), this.#bytesPerSecond);
    this.#filledAt = now;
    return this.#allowance > (dropping ? this.#bytesPerSecond / 2 : 0) ? undefined : "RATE";
  }

  /** Counts what was stored. */
  stored(bytes: number): void {
    this.#stored += bytes;
    this.#allowance -= bytes;
  }
}

/** The line in the log at the place where output is missing. */
export function dropNote(
  reason: DropReason,
  bytes: number,
  limits: { bytesPerTask: number; bytesPerSecond: number },
): string {
  return reason === "RATE"
    ? `${readableBytes(bytes)} of output dropped here: more than ${readableBytes(limits.bytesPerSecond)} per second`
    : `${readableBytes(bytes)} of output dropped: the log has reached its limit of ${readableBytes(limits.bytesPerTask)}`;
}

function readableBytes(bytes: number): string {
  if (bytes < 1024) return `${bytes} B`;
  if (bytes < 1024 * 1024) return `${(bytes / 1024).toFixed(1)} KiB`;
  return `${(bytes / 1024 / 1024).toFixed(1)} MiB`;
}
