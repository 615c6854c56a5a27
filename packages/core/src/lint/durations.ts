// Rules on durations, whose pattern allows more than makes sense.

import { parseDuration } from "../duration.ts";
import { MflowError } from "../errors.ts";
import { quoted } from "../quoted.ts";
import { error, type Finding } from "./finding.ts";

/** A timeout is longer than nothing and short enough to be counted. */
export function* timeoutRules(timeout: string | undefined, path: string): Generator<Finding> {
  if (timeout === undefined) return;
  try {
    if (parseDuration(timeout) > 0) return;
    yield error(
      path,
      `a timeout of ${quoted(timeout)} ends everything at once; give a longer one or remove it`,
    );
  } catch (cause) {
    if (!(cause instanceof MflowError)) throw cause;
    yield error(path, cause.message);
  }
}
