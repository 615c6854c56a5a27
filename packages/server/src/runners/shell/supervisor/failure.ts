// Why an attempt failed: the codes and sentences, each in one place.

import { signalOf } from "./launch.ts";
import type { OutputProblem } from "./outputs.ts";
import type { StepPlan } from "./protocol.ts";
import type { StepEnd } from "./running-step.ts";

export interface Failure {
  /**
   * `EXIT_CODE`, `SIGNAL`, `STEP_TIMEOUT`, `SPAWN_ERROR`, `OUTPUT_INVALID`, `OUTPUT_TOO_LARGE`, `FETCH_FAILED`,
   * `ARTIFACT_MISSING`, `ARTIFACT_REFUSED`, `ARTIFACT_TOO_LARGE`, `RUNNER_ERROR`.
   */
  reason: string;
  message: string;
  /** The task fails although the step says `continueOnError`. */
  final?: boolean;
}

/** The failure that the end of a step means; nothing when it succeeded. */
export function stepFailure({ name, timeoutMs }: StepPlan, end: StepEnd): Failure | undefined {
  if (end.timedOut) {
    return {
      reason: "STEP_TIMEOUT",
      message: `step \`${name}\` ran longer than ${(timeoutMs ?? 0) / 1000}s`,
    };
  }
  return exitFailure(name, end.exitCode, end.signal);
}

/** The failure that the end of a step's first process means; nothing when it succeeded. */
export function exitFailure(
  name: string,
  exitCode: number | undefined,
  signal: string | undefined,
): Failure | undefined {
  if (signal !== undefined) return { reason: "SIGNAL", message: `step \`${name}\` was ended by ${signal}` };
  if (exitCode === undefined || exitCode === 0) return undefined;
  const told = signalOf(exitCode);
  if (told === undefined) return { reason: "EXIT_CODE", message: `step \`${name}\` exited with ${exitCode}` };
  return { reason: "SIGNAL", message: `step \`${name}\` was ended by ${told} (exit code ${exitCode})` };
}

/** What is wrong with what a step put out. */
export function outputFailure(step: string, { reason, message }: OutputProblem): Failure {
  return { reason, message: `$MFLOW_OUTPUT of step \`${step}\`: ${message}`, final: true };
}

/** What a step put out is there, or was, and cannot be read. */
export function unreadableFailure(step: string, error: unknown): Failure {
  const message = `what step \`${step}\` put out cannot be read: ${messageOf(error)}`;
  return { reason: "RUNNER_ERROR", message, final: true };
}

/** The sentence of an error, whatever was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
