// The contract of the log store: lines of attempts, addressed by number, so that a writer that repeats
// itself after a crash leaves neither gap nor duplicate.

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
  /** Appends lines; those whose number is stored already are skipped. Rejects a gap. */
  append(ref: LogRef, lines: LogLine[]): Promise<void>;
  /** No more lines come: followers end, the log is compressed. Idempotent. */
  finish(ref: LogRef): Promise<void>;
}

export interface LogSearch {
  text: string;
  /** Case counts (default false). */
  caseSensitive?: boolean;
  limit: number;
}

export interface LogStore extends LogAppender {
  /** At most `limit` lines from line `from` on (from 1). */
  read(ref: LogRef, from: number, limit: number): Promise<LogLine[]>;
  /** The last `count` lines. */
  tail(ref: LogRef, count: number): Promise<LogLine[]>;
  /** Lines from `from` on as they come; ends after `finish`, or when the signal aborts. */
  follow(ref: LogRef, from: number, signal: AbortSignal): AsyncIterable<LogLine[]>;
  search(ref: LogRef, search: LogSearch): Promise<LogLine[]>;
  /** Attempts of a task that have a log. */
  attempts(taskId: string): Promise<number[]>;
  /** Removes all logs of a task. */
  remove(taskId: string): Promise<void>;
  close(): Promise<void>;
}
