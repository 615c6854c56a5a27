// The mflow command on a pseudo-terminal of 80 columns, which util-linux' `script` provides.

import { spawn, spawnSync } from "node:child_process";
import { cleanEnvironment, Running, SCRIPT, until, type Workplace } from "./command.ts";
import { screenOf } from "./screen.ts";

const COLUMNS = 80;
const ROWS = 24;

/** Whether this machine can make a pseudo-terminal for a test. */
export const hasTerminal = /util-linux/.test(
  spawnSync("script", ["--version"], { encoding: "utf8" }).stdout ?? "",
);

export interface Terminal {
  /** The lines on the screen now. */
  screen(): string[];
  /** Resolves with the screen once a line of it matches. */
  shows(pattern: RegExp): Promise<string[]>;
  press(keys: string): void;
  /** The exit code. */
  ended: Promise<number>;
}

/** Runs `mflow ARGS` on a terminal; `before` is shell that comes first. */
export function onTerminal(
  place: Workplace,
  args: string[],
  env: Record<string, string> = {},
  before = "",
): Terminal {
  const words = [process.execPath, SCRIPT, ...args].map((word) => `'${word}'`).join(" ");
  const command = `stty cols ${COLUMNS} rows ${ROWS}; ${before} exec ${words}`;
  const child = spawn("script", ["-qec", command, "/dev/null"], {
    cwd: place.path,
    env: cleanEnvironment({ NO_COLOR: "1", SHELL: "/bin/sh", ...env }),
    stdio: ["pipe", "pipe", "pipe"],
  });
  const running = new Running(child);
  const screen = () => screenOf(running.stdout, COLUMNS);
  return {
    screen,
    shows: (pattern) =>
      until(
        `line ${pattern} on the screen`,
        () => {
          const lines = screen();
          return lines.some((line) => pattern.test(line)) ? lines : undefined;
        },
        () => screen().join("\n"),
      ),
    press: (keys) => void child.stdin.write(keys),
    ended: running.ended.then(({ exitCode }) => exitCode),
  };
}
