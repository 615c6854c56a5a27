// Finds the calls of `mflow` in shell text of the docs, and what in them the program does not know.

import type { Command } from "commander";

/** The words of each call of mflow, without `mflow` itself. */
export function mflowCalls(shell: string): string[][] {
  return shell
    .replaceAll(/\\\n\s*/g, " ")
    .split("\n")
    .flatMap((line) => line.split(/\||&&|;|\$\(|<\(|\)(?= |$)/))
    .map((part) => (part.match(/"[^"]*"|'[^']*'|(?:[^\s"']|"[^"]*")+/g) ?? []).map(String))
    .flatMap((words) => {
      const start = words.indexOf("mflow");
      const isCall = start >= 0 && words.slice(0, start).every((word) => /^(\$|sudo|[A-Z_]+=.*)$/.test(word));
      const end = words.findIndex((word) => /^([0-9]?[<>&]|#)/.test(word));
      return isCall ? [words.slice(start + 1, end < 0 ? undefined : end)] : [];
    });
}

/** What is wrong with a call: an unknown command or option, or a missing argument. */
export function problemOf(program: Command, words: readonly string[]): string | undefined {
  let command = program;
  let given = 0;
  const options = [...program.options];
  for (let at = 0; at < words.length; at++) {
    const word = words[at] ?? "";
    // What is behind is somebody else's command line.
    if (word === "--") break;
    if (/^--?\w/.test(word)) {
      const option = options.find(({ short, long }) => word === short || word === long);
      if (!option) return `${command.name()} has no option ${word}`;
      if (option.required) at++;
      continue;
    }
    const below = command.commands.find((one) => one.name() === word);
    if (below && given === 0) {
      command = below;
      options.push(...below.options);
    } else if (command.commands.length > 0) return `${command.name()} has no command ${word}`;
    else given++;
  }
  const { registeredArguments } = command;
  const needed = registeredArguments.filter((argument) => argument.required).length;
  const isEndless = registeredArguments.some((argument) => argument.variadic);
  if (given < needed) return `${command.name()} lacks ${registeredArguments[given]?.name()}`;
  if (given > registeredArguments.length && !isEndless) return `${command.name()} takes fewer arguments`;
  return command.commands.length > 0 && command !== program
    ? `${command.name()} lacks its command`
    : undefined;
}
