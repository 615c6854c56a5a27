// The lines of an attempt as they come, until no more can come: the log is finished, or the attempt has ended
// without anybody finishing its log (it was canceled before it ran, or its runner was lost).

import type { JobTask } from "@mflow/core/schema/job-task";
import { isEnded } from "@mflow/core/transitions";
import type { LogLine, LogRef } from "../logs/log-store.ts";
import type { Services } from "./services.ts";

/** How long a log may stay unfinished after its attempt has ended before it is taken as finished. */
const UNFINISHED_AFTER_END_MS = 2000;

const CHUNK_LINES = 1000;

function hasEnded(task: JobTask | undefined, attempt: number): boolean {
  return !task || isEnded(task.status.stage) || task.attempt > attempt;
}

/** Lines from `from` on. Ends after the last one, or when `signal` aborts; throws what the store or the log threw. */
export async function* followLog(
  { store, logs, bell }: Pick<Services, "store" | "logs" | "bell">,
  ref: LogRef,
  from: number,
  signal: AbortSignal,
): AsyncGenerator<LogLine[]> {
  let next = from;
  const given = (lines: LogLine[]): LogLine[] => {
    next += lines.length;
    return lines;
  };

  const over = new AbortController();
  let patience: NodeJS.Timeout | undefined;
  let failure: { error: unknown } | undefined;
  const look = async () => {
    if (!hasEnded(await store.runs.task(ref.taskId), ref.attempt)) return;
    // An attempt that never wrote a line will not write one now.
    if ((await logs.length(ref)) === 0) over.abort();
    else patience ??= setTimeout(() => over.abort(), UNFINISHED_AFTER_END_MS);
  };
  // First listen, then look: an end in between is not missed.
  const deaf = bell.listen((event) => {
    if (event.taskId !== ref.taskId || event.type !== "TASK_STAGE") return;
    look().catch((error: unknown) => {
      failure = { error };
      over.abort();
    });
  });
  try {
    const task = await store.runs.task(ref.taskId);
    if (!hasEnded(task, ref.attempt)) {
      const until = AbortSignal.any([signal, over.signal]);
      for await (const lines of logs.follow(ref, next, until)) yield given(lines);
      if (failure) throw failure.error;
    }
    while (!signal.aborted) {
      const lines = await logs.read(ref, next, CHUNK_LINES);
      if (lines.length === 0) return;
      yield given(lines);
    }
  } finally {
    deaf();
    clearTimeout(patience);
  }
}
