// The command line program as it is declared, for those who only want to look at it.

import { PassThrough } from "node:stream";
import { buildProgram } from "@mflow/cli/program";
import type { Command } from "commander";

/** The declared program; nothing of it is run. */
export function declaredProgram(): Command {
  const silent = new PassThrough() as unknown as NodeJS.WriteStream;
  const io = { stdin: process.stdin, stdout: silent, stderr: silent, env: {}, cwd: "/", script: "mflow" };
  return buildProgram(io, () => {});
}

/** The command and all below it that people see, each with its whole name, e.g. `mflow user add`. */
export function* commandsBelow(command: Command, prefix = ""): Generator<{ name: string; command: Command }> {
  const name = `${prefix}${command.name()}`;
  yield { name, command };
  for (const below of command.createHelp().visibleCommands(command)) {
    if (below.name() !== "help") yield* commandsBelow(below, `${name} `);
  }
}
