// The command that a launcher gets for a step: a line of shell that runs the script in a process of its own
// and leaves the exit status in a file, so that it is known also when the supervisor was killed meanwhile.

import { Buffer } from "node:buffer";
import { accessSync, constants, statSync } from "node:fs";
import { constants as system } from "node:os";
import { delimiter, join } from "node:path";

/** Linux takes no longer single argument or variable (MAX_ARG_STRLEN, with the final NUL). */
const LONGEST_TEXT = 128 * 1024 - 1;

export interface Launch {
  /** Program and arguments that get the script as last argument; absent: `/bin/sh -ec`. */
  shell?: string[];
  script: string;
  cwd: string;
  env: Record<string, string>;
  /** Names the step in the line `<mark> <status>`. */
  mark: string;
  /** The file for that line. */
  exits: string;
}

/** Descriptors of a launcher: where it says that a step has ended, and the step's stdout and stderr. */
const LAUNCHER_FDS = { ended: 3, out: 4, err: 5 };

/** A launcher survives signals to its group, to tell how the step took them. */
export const LAUNCHER_PROLOGUE = "trap : HUP INT QUIT TERM USR1 USR2\n";

/** The line of shell. Throws a sentence when the step cannot be started. */
export function commandOf(launch: Launch): string {
  const { shell, script, cwd, env, mark, exits } = launch;
  const [program, ...args] = shell ?? ["/bin/sh", "-ec"];
  if (program === undefined) throw new Error("its `shell` is empty");
  if (shell && !isProgram(program, env.PATH)) {
    throw new Error(`its shell \`${program}\` was not found in ${env.PATH}`);
  }
  checkText("its script", script);
  for (const [name, value] of Object.entries(env)) {
    if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(name))
      throw new Error(`\`${name}\` cannot be the name of a variable`);
    checkText(`its variable ${name}`, `${name}=${value}`);
  }
  const { ended, out, err } = LAUNCHER_FDS;
  const own = `</dev/null >&${out} 2>&${err} ${ended}>&- ${out}>&- ${err}>&-`;
  const start = [program, ...args, script].map(quoted).join(" ");
  const step = `cd ${quoted(cwd)} && unset OLDPWD && ${environment(env)} ${start}`;
  const says = `echo "${mark} $s"`;
  return `( ${step} ) ${own}; s=$?; ${says} >>${quoted(exits)}; ${says} >&${ended}\n`;
}

/** The status of each mark. */
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

/** Variables that mean something to shells themselves: some cannot be set, some would change what follows. */
const SHELLS_OWN =
  /^(BASH.*|DIRSTACK|EUID|FUNCNAME|GROUPS|HISTCMD|IFS|LINENO|OLDPWD|OPTARG|OPTIND|PPID|PWD|RANDOM|SECONDS|SHELLOPTS|UID|_)$/;

/** What gives a program its environment; the launcher itself has nearly none. */
function environment(env: Record<string, string>): string {
  const isPlain = ([name]: [string, string]) => !SHELLS_OWN.test(name);
  const entries = Object.entries(env);
  const assignments = (some: [string, string][]) =>
    some.map(([name, value]) => `${name}=${quoted(value)}`).join(" ");
  const plain = `export ${assignments(entries.filter(isPlain))} && exec`;
  if (entries.every(isPlain)) return plain;
  return `${plain} /usr/bin/env ${assignments(entries.filter((entry) => !isPlain(entry)))}`;
}

function checkText(what: string, text: string): void {
  if (Buffer.byteLength(text) > LONGEST_TEXT) {
    throw new Error(`${what} is longer than ${LONGEST_TEXT} bytes; put it into a file`);
  }
  if (text.includes("\0")) throw new Error(`${what} contains a NUL character`);
}

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
