// `mflow __complete WORDS...`: what may stand in the place of the last word, one candidate per line with a tab and
// its meaning. The shells' scripts call it.

import type { Command, Option } from "commander";
import type { Context } from "../context.ts";
import type { CommandCall } from "../program.ts";
import { liveCandidates } from "./live-candidates.ts";

export interface Candidate {
  word: string;
  meaning: string;
}

/** Nothing to offer but the shell's own file names. */
export const FILES: Candidate = { word: ":files", meaning: "" };

export async function run(context: Context, { args, command }: CommandCall): Promise<undefined> {
  const words = args[0] as string[];
  const program = command.parent as Command;
  const given = words.at(-1) ?? "";
  const { candidates, wants, prefix = "" } = completions(program, words);
  const live = wants === undefined ? [] : await liveCandidates(context, wants);
  candidates.push(...live.map((one) => ({ ...one, word: prefix + one.word })));
  for (const { word, meaning } of candidates) {
    if (word === FILES.word || word.startsWith(given)) context.print(`${word}\t${meaning}`);
  }
}

export interface Completions {
  candidates: Candidate[];
  /** The argument or option that only the server knows values for, e.g. `audit task` or `lint --cluster`. */
  wants?: string;
  /** What stands before such a value in the same word, e.g. `--cluster=`. */
  prefix?: string;
}

/** What the declared program offers for the last of the words after `mflow`. Pure. */
export function completions(program: Command, words: readonly string[]): Completions {
  const before = words.slice(0, -1);
  const last = words.at(-1) ?? "";
  let command = program;
  let position = 0;
  let pending: Option | undefined;
  let onlyArguments = false;
  for (const word of before) {
    if (pending) pending = undefined;
    else if (onlyArguments) position++;
    else if (word === "--") onlyArguments = true;
    else if (word.startsWith("-")) pending = valueOption(command, word);
    else {
      const next = position === 0 ? command.commands.find((one) => one.name() === word) : undefined;
      if (next) command = next;
      else position++;
    }
  }
  if (pending) return valuesFor(command, pending);
  const [, name] = /^(--[\w-]+)=/.exec(last) ?? [];
  if (name !== undefined && !onlyArguments) {
    const option = valueOption(command, name);
    if (!option) return { candidates: [] };
    const { candidates, wants } = valuesFor(command, option);
    const prefix = `${name}=`;
    const values = candidates.filter((value) => value !== FILES);
    const words = values.map(({ word, meaning }) => ({ word: prefix + word, meaning }));
    return { candidates: words, ...(wants !== undefined && { wants, prefix }) };
  }
  if (last.startsWith("-") && !onlyArguments) return { candidates: optionsOf(command) };
  const children = visible(command.commands).map((one) => ({ word: one.name(), meaning: one.summary() }));
  if (children.length > 0 && position === 0) return { candidates: children };
  return argumentsOf(command, position);
}

function visible(commands: readonly Command[]): Command[] {
  return commands.filter((one) => !one.name().startsWith("__"));
}

function allOptions(command: Command): Option[] {
  const options = command.options.filter((option) => !option.hidden);
  return command.parent ? [...options, ...allOptions(command.parent)] : options;
}

/** The option that takes the next word as its value. */
function valueOption(command: Command, word: string): Option | undefined {
  if (word.includes("=")) return undefined;
  const option = allOptions(command).find((one) => one.short === word || one.long === word);
  return option && (option.required || option.optional) ? option : undefined;
}

function optionsOf(command: Command): Candidate[] {
  return allOptions(command).map((option) => ({
    word: option.long ?? option.short ?? "",
    meaning: option.description,
  }));
}

function valuesFor(command: Command, option: Option): Completions {
  if (option.argChoices) return { candidates: option.argChoices.map((word) => ({ word, meaning: "" })) };
  if (/<(file|dir)>/.test(option.flags)) return { candidates: [FILES] };
  return { candidates: [], wants: `${pathOf(command)} ${option.long}` };
}

/** The words of a command after `mflow`: `cluster set`. */
function pathOf(command: Command): string {
  const above = command.parent?.parent ? `${pathOf(command.parent)} ` : "";
  return above + command.name();
}

function argumentsOf(command: Command, position: number): Completions {
  const declared = command.registeredArguments;
  const argument = declared[position] ?? (declared.at(-1)?.variadic ? declared.at(-1) : undefined);
  if (!argument) return { candidates: [] };
  if (argument.argChoices) {
    return { candidates: argument.argChoices.map((word) => ({ word, meaning: "" })) };
  }
  if (argument.name() === "files") return { candidates: [FILES] };
  return { candidates: [], wants: `${pathOf(command)} ${argument.name()}` };
}
