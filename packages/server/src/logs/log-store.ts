// The contract of the log store: lines of attempts, addressed by number, so that a writer that repeats
// itself after a crash leaves neither gap nor duplicate. log-store.conformance.ts tests each sentence here.
//
// An attempt that says nothing leaves nothing behind. Hence nobody can tell after a restart whether a log
// without lines is finished: who shows an attempt that has ended reads what there is and does not follow.

export interface LogRef {
  taskId: string;
  /** From 1. */
  attempt: number;
}

export interface LogLine {
  /** From 1, without gaps. */
  line: number;
  /** Milliseconds since the epoch. */
  time: number;
  /** `mflow`: a note of mflow itself, e.g. that output was cut. */
  stream: "stdout" | "stderr" | "mflow";
  step: string;
  text: string;
}

/** The writing side, as runners see it. Texts are masked before they get here. */
export interface LogAppender {
  /** Number of lines stored. */
  length(ref: LogRef): Promise<number>;
  /**
   * Appends lines; those whose number is stored already are skipped. Resolves when they survive the end of
   * this process. A gap, and a new line after `finish`, reject with `CONFLICT`, a full disk with `STORE_FULL`;
   * then ask `length` and go on from there.
   */
  append(ref: LogRef, lines: LogLine[]): Promise<void>;
  /** At most `limit` lines from line `from` on (from 1). */
  read(ref: LogRef, from: number, limit: number): Promise<LogLine[]>;
  /** No more lines come: followers end, the log is compressed (later, and after a restart if need be). Idempotent. */
  finish(ref: LogRef): Promise<void>;
}

export interface LogSearch {
  text: string;
  /** Case counts (default false). */
  caseSensitive?: boolean;
  limit: number;
}

export interface LogStore extends LogAppender {
  /** The last `count` lines. */
  tail(ref: LogRef, count: number): Promise<LogLine[]>;
  /**
   * Lines from `from` on, those stored and then each as it comes, in batches as the reader takes them. Ends
   * after the last line of a finished log, and without an error when the signal aborts or the store closes.
   */
  follow(ref: LogRef, from: number, signal: AbortSignal): AsyncIterable<LogLine[]>;
  /** The first lines whose text contains the text searched for. */
  search(ref: LogRef, search: LogSearch): Promise<LogLine[]>;
  /** Attempts of a task that have a log, in order. */
  attempts(taskId: string): Promise<number[]>;
  /** Logs with lines that were not finished: after a restart, those of attempts that have ended want `finish`. */
  unfinished(): Promise<LogRef[]>;
  /** Removes all logs of a task; followers end. */
  remove(taskId: string): Promise<void>;
  close(): Promise<void>;
}
