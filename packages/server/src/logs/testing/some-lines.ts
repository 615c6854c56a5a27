// Lines for tests whose content follows from their number, so that each that comes back can be checked.

import type { LogLine } from "../log-store.ts";

/** Lines `from` to `to`. */
export function someLines(from: number, to: number, text = (line: number) => `line ${line}`): LogLine[] {
  return Array.from({ length: to - from + 1 }, (_, i) => ({
    line: from + i,
    time: 1_767_225_600_000 + from + i,
    stream: (from + i) % 3 === 0 ? "stderr" : "stdout",
    step: (from + i) % 2 === 0 ? "build" : "test",
    text: text(from + i),
  }));
}
