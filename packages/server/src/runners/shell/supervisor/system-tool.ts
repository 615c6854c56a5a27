// Programs of the system that touch what lies in the hands of the steps' user: they run with his rights, so that a link of
// his leads them nowhere where he could not go himself.

import type { Buffer } from "node:buffer";
import { spawn } from "node:child_process";
import type { Readable } from "node:stream";
import type { Owner } from "./protocol.ts";
import { PROGRAMS } from "./system-path.ts";

/** Characters of what a program complains that are kept. */
const WORDS = 2000;

export interface ToolCall {
  program: string;
  args: string[];
  /** Working folder. */
  cwd: string;
  owner: Owner | undefined;
  /** A descriptor that it reads; default: nothing. */
  stdin?: number;
  /** Ends it. */
  signal: AbortSignal;
}

export interface ToolEnd {
  /** Undefined when a signal ended it. */
  code: number | undefined;
  /** What it complained of. */
  words: string;
}

export interface RunningTool {
  stdout: Readable;
  /** Rejects when the program cannot be started. Its output must be read, or it does not end. */
  ended: Promise<ToolEnd>;
}

export function startTool({ program, args, cwd, owner, stdin, signal }: ToolCall): RunningTool {
  const child = spawn(program, args, {
    ...owner,
    cwd,
    stdio: [stdin ?? "ignore", "pipe", "pipe"],
    env: { PATH: PROGRAMS, LC_ALL: "C" },
    signal,
    killSignal: "SIGKILL",
  });
  const { stdout, stderr } = child as typeof child & { stdout: Readable; stderr: Readable };
  let words = "";
  stderr.on("data", (bytes: Buffer) => {
    if (words.length < WORDS) words += bytes.toString("utf8");
  });
  const ended = new Promise<ToolEnd>((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code) => resolve({ code: code ?? undefined, words: words.trim().slice(0, WORDS) }));
  });
  // Who reads the output may fail first, and never look.
  ended.catch(() => {});
  return { stdout, ended };
}

/** Runs a program whose output is not wanted. Rejects with a sentence unless it ends with 0. */
export async function runTool(call: ToolCall): Promise<void> {
  const { stdout, ended } = startTool(call);
  stdout.resume();
  const { code, words } = await ended;
  if (code !== 0) throw new Error(`${call.program} ended with ${code ?? "a signal"}${words && `: ${words}`}`);
}
