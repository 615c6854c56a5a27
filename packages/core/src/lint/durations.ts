// Rules on durations, whose pattern allows more than makes sense.

import { parseDuration } from "../duration.ts";
import { MflowError } from "../errors.ts";
import { quoted } from "../quoted.ts";
import { error, type Finding } from "./finding.ts";

/** What is wrong with a duration of the right shape, when it cannot be counted. */
export function durationError(duration: string): string | undefined {
  try {
    parseDuration(duration);
    return undefined;
  } catch (cause) {
    if (!(cause instanceof MflowError)) throw cause;
    return cause.message;
  }
}

/** A timeout is longer than nothing and short enough to be counted. */
export function* timeoutRules(timeout: string | undefined, path: string): Generator<Finding> {
  if (timeout === undefined) return;
  const wrong = durationError(timeout);
  if (wrong !== undefined) yield error(path, wrong);
  else if (parseDuration(timeout) === 0) {
    yield error(
      path,
      `a timeout of ${quoted(timeout)} ends everything at once; give a longer one or remove it`,
    );
  }
}
