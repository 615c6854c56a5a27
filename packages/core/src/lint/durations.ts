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

/** Milliseconds; nothing when there is none, or when it cannot be counted, which another rule tells. */
export function millisecondsOf(duration: string | undefined): number | undefined {
  return duration === undefined || durationError(duration) !== undefined
    ? undefined
    : parseDuration(duration);
}

/** A duration, if there is one, can be counted. */
export function* durationRules(duration: string | undefined, path: string): Generator<Finding> {
  const wrong = duration === undefined ? undefined : durationError(duration);
  if (wrong !== undefined) yield error(path, wrong);
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
