// How a step is started: the program and arguments that run its script and leave the exit status in a file
// when it is over, so that it is known also when the supervisor was killed meanwhile.
//
// The shell does it itself where it can, by a trap that the script does not see, because every further
// process costs as much as the first. Scripts that have traps of their own or replace the shell, and other
// shells, run under a small shell that waits for them.

import { Buffer } from "node:buffer";
import { accessSync, constants, statSync } from "node:fs";
import { constants as system } from "node:os";
import { delimiter, join } from "node:path";
import type { StepPlan } from "./protocol.ts";

/** Linux takes no longer single argument (MAX_ARG_STRLEN, 128 KiB with the final NUL). */
const LONGEST_SCRIPT = 128 * 1024 - 1024;

export interface Launch {
  file: string;
  args: string[];
}

/** `exits`: the file for the exit status, as a line `<mark> <status>`. Answers a sentence when it cannot be started. */
export function launchOf(
  step: StepPlan,
  path: string | undefined,
  exits: string,
  mark: string,
): Launch | string {
  if (Buffer.byteLength(step.script) > LONGEST_SCRIPT) {
    return `its script is longer than ${LONGEST_SCRIPT} bytes; put it into a file and run that`;
  }
  const record = (status: string) => `{ echo "${mark} ${status}" >>${quoted(exits)}; } 2>/dev/null || :`;
  if (!step.shell && !/\b(trap|exec)\b/.test(step.script)) {
    // On the first line, so that the numbers of lines in messages of the shell are right.
    return { file: "/bin/sh", args: ["-ec", `trap ${quoted(record("$?"))} EXIT; ${step.script}`] };
  }
  const [program, ...args] = step.shell ?? ["/bin/sh", "-ec"];
  if (!program) return "its `shell` is empty";
  if (!isProgram(program, path)) return `its shell \`${program}\` was not found${path ? ` in ${path}` : ""}`;
  // It outlives signals to the whole group, to tell how the script took them.
  const waiter = `trap : HUP INT QUIT TERM USR1 USR2; "$@"; status=$?; ${record("$status")}; exit $status`;
  return { file: "/bin/sh", args: ["-c", waiter, "sh", program, ...args, step.script] };
}

/** The status line's status in the exits file of each mark. */
export function parseExits(text: string): Map<string, number> {
  const exits = new Map<string, number>();
  for (const line of text.split("\n")) {
    const match = /^(\S+) ([0-9]+)$/.exec(line);
    if (match?.[1] !== undefined) exits.set(match[1], Number(match[2]));
  }
  return exits;
}

/** The signal that an exit status of a shell tells of: 128 and the signal's number. */
export function signalOf(exitCode: number): string | undefined {
  return exitCode > 128 ? fatal.get(exitCode - 128) : undefined;
}

const FATAL = ["HUP", "INT", "QUIT", "ILL", "TRAP", "ABRT", "BUS", "FPE", "KILL", "USR1", "SEGV", "USR2"]
  .concat(["PIPE", "ALRM", "TERM", "XCPU", "XFSZ", "SYS"])
  .map((name) => `SIG${name}`);

const fatal = new Map(
  Object.entries(system.signals)
    .filter(([name]) => FATAL.includes(name))
    .map(([name, number]) => [number, name]),
);

function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

function isProgram(name: string, path: string | undefined): boolean {
  const places = name.includes("/")
    ? [name]
    : (path ?? "").split(delimiter).map((folder) => join(folder, name));
  return places.some((place) => {
    try {
      accessSync(place, constants.X_OK);
      return statSync(place).isFile();
    } catch {
      return false;
    }
  });
}
