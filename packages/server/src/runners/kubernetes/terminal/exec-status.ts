// How a program that was started by `exec` ended: what the API server says on the status channel.

import { quoted } from "@mflow/core/quoted";

/** The part of a `Status` object (meta/v1) that says it. */
export interface ExecStatus {
  status?: string;
  reason?: string;
  message?: string;
  details?: { causes?: { reason?: string; message?: string }[] };
}

export interface ExecEnd {
  /** Absent when the program did not run. */
  exitCode?: number;
  /** Why it did not. */
  reason?: string;
  /** It did not, because the container has no such program. */
  isMissing?: true;
}

/** What runtimes say of a program that is not there, or is none. */
const NO_PROGRAM =
  /executable file not found|no such file or directory|permission denied|not a directory|exec format error/i;
/** The words of the runtime are the last ones in the long chain of who called whom. */
const CHAIN = /^.*(?:OCI runtime exec failed: |unable to start container process: )/s;

/** `program`: what was to be run. */
export function execEnd(text: string, program: string): ExecEnd {
  let status: ExecStatus;
  try {
    status = JSON.parse(text) as ExecStatus;
  } catch {
    return {
      reason: `the cluster said how the program ended in words that mflow does not know: ${quoted(text)}`,
    };
  }
  if (status.status === "Success") return { exitCode: 0 };
  const exitCode = status.details?.causes?.find(({ reason }) => reason === "ExitCode")?.message;
  if (exitCode !== undefined && /^\d{1,3}$/.test(exitCode)) return { exitCode: Number(exitCode) };
  const message = status.message ?? "the cluster does not say why";
  const words = message.replace(CHAIN, "").replace(/: unknown$/, "");
  if (!NO_PROGRAM.test(message)) return { reason: `the program could not be run: ${words}` };
  return {
    reason: `the container has no program ${quoted(program)} that it can run (${words})`,
    isMissing: true,
  };
}
