// The page about the command line, from the program as commander has it.

import { EXIT_CODES_HELP } from "@mflow/cli/exit-code";
import type { Argument, Command, Option } from "commander";
import { block, code, page, table } from "./markdown.ts";
import { commandsBelow, declaredProgram } from "./program.ts";

function argumentRow(argument: Argument): string[] {
  const choices = argument.argChoices ? ` One of ${argument.argChoices.map(code).join(", ")}.` : "";
  return [code(termOf(argument)), `${argument.description}${choices}`];
}

function termOf(argument: Argument): string {
  const name = argument.name() + (argument.variadic ? "..." : "");
  return argument.required ? `<${name}>` : `[${name}]`;
}

export function optionRow({ flags, description, argChoices, defaultValue, mandatory }: Option): string[] {
  const notes = [
    argChoices && `one of ${argChoices.map(code).join(", ")}`,
    typeof defaultValue === "string" && `default ${code(defaultValue)}`,
    mandatory && "required",
  ].filter((note) => typeof note === "string");
  return [code(flags), notes.length > 0 ? `${description} (${notes.join("; ")})` : description];
}

export function ownOptions(command: Command): Option[] {
  return command.options.filter((option) => !option.hidden);
}

/** What `addHelpText("after", ...)` added. */
function helpAfter(command: Command): string {
  let text = "";
  const emitter = command as Command & NodeJS.EventEmitter;
  emitter.emit("afterHelp", { error: false, command, write: (more: string) => (text += more) });
  return text.trim();
}

function commandSection(name: string, command: Command): string {
  const terms = command.registeredArguments.map(termOf);
  const hasCommands = command.commands.length > 0;
  const usage = [name, ...terms, ...(ownOptions(command).length > 0 ? ["[options]"] : [])].join(" ");
  const after = helpAfter(command);
  return [
    `## ${name}`,
    sentence(command.description() || command.summary()),
    hasCommands ? "" : block(usage),
    table(["Argument", "Meaning"], command.registeredArguments.map(argumentRow)),
    table(["Option", "Meaning"], ownOptions(command).map(optionRow)),
    after && block(after, "text"),
  ]
    .filter(Boolean)
    .join("\n\n");
}

function sentence(text: string): string {
  const upper = text.charAt(0).toUpperCase() + text.slice(1);
  return /[.!?]$/.test(upper) ? upper : `${upper}.`;
}

export function cliPage(): string {
  const program = declaredProgram();
  const [, ...commands] = [...commandsBelow(program)];
  const exitCodes = EXIT_CODES_HELP.split("\n").flatMap((line) => {
    const [, exitCode, meaning] = /^ {2}(\d+) {2}(.+)$/.exec(line) ?? [];
    return exitCode && meaning ? [[exitCode, meaning]] : [];
  });
  return page(
    "Command line",
    `\`mflow COMMAND --help\` shows the same in the terminal. Options may stand anywhere. In a clone of the
repository \`mflow\` is \`node bin/mflow.js\`.`,
    [
      "## Options of all commands",
      table(["Option", "Meaning"], ownOptions(program).map(optionRow)),
      "## Exit codes",
      table(["Code", "Meaning"], exitCodes),
      ...commands.map(({ name, command }) => commandSection(name, command)),
    ],
  );
}
