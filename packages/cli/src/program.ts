// The program: global options, all commands, and what happens to their errors. What a command does is loaded
// when it is called, so that every call pays for its own work only.

import { type Argument, Command, CommanderError, Option } from "commander";
import { namedHere } from "./called-elsewhere.ts";
import { declareAccountCommands } from "./commands/declare-accounts.ts";
import { declareCatalogCommands } from "./commands/declare-catalog.ts";
import { declareClusterCommands } from "./commands/declare-clusters.ts";
import { declareFileCommands } from "./commands/declare-files.ts";
import { declareFlowCommands } from "./commands/declare-flow.ts";
import { declareGateCommands } from "./commands/declare-gates.ts";
import { declareListenerCommands } from "./commands/declare-listeners.ts";
import { declareRunCommands } from "./commands/declare-runs.ts";
import { declareScheduleCommands } from "./commands/declare-schedules.ts";
import { declareServerCommands, SERVER_GROUP } from "./commands/declare-server.ts";
import { type Context, type GlobalOptions, makeContext } from "./context.ts";
import { styleFor } from "./display/style.ts";
import { EXIT, EXIT_CODES_HELP } from "./exit-code.ts";
import type { Io } from "./io.ts";
import { errorExitCode, errorLines } from "./report-error.ts";
import { UsageError } from "./usage-error.ts";

/** What a command's file exports. Answers with the exit code; nothing means 0. */
export interface CommandModule {
  run(context: Context, call: CommandCall): Promise<number | undefined>;
  /** Whether it can write markdown too (`-o md`). */
  writesMarkdown?(command: Command): boolean;
}

export interface CommandCall {
  /** Positional arguments; a variadic one is a list. */
  args: unknown[];
  options: Record<string, unknown>;
  /** The declared command, for those that speak of the program itself. */
  command: Command;
}

/** Gives a declared command its work: `runs(command, () => import("./get.ts"))`. */
export type Runs = (command: Command, load: () => Promise<CommandModule>) => Command;

function globalOptions(program: Command): void {
  program
    .option("--data <dir>", "data folder of the server on this machine (default: ./.mflow)")
    .option("--url <url>", "address of the server (default: $MFLOW_URL, else that of the data folder)")
    .option("--token <token>", "bearer token (default: $MFLOW_TOKEN, else that of the data folder)")
    .option("-n, --namespace <name>", "namespace (default: default)")
    .option("--domain <name>", "domain (default: default)")
    .addOption(
      new Option("-o, --output <format>", "how results are written")
        .choices(["table", "wide", "json", "yaml", "md"])
        .default("table"),
    )
    .option("--no-color", "no colors (also: $NO_COLOR)")
    .addOption(new Option("--debug", "show where errors come from").hideHelp());
}

/** Builds the program; `finish` gets the exit code of the command that ran. */
export function buildProgram(io: Io, finish: (exitCode: number) => void): Command {
  const errorStyle = styleFor({ isTTY: io.stderr.isTTY === true, env: io.env, noColor: false });
  const program = new Command("mflow")
    .description("Runs published, versioned jobs in pipelines in which people decide.")
    .usage("[options] <command>")
    .exitOverride()
    .showSuggestionAfterError()
    .configureHelp({
      showGlobalOptions: true,
      // That there are options goes without saying.
      subcommandTerm: (command) =>
        [command.name(), ...command.registeredArguments.map(argumentTerm)].join(" "),
    })
    .configureOutput({
      writeOut: (text) => void io.stdout.write(text),
      writeErr: (text) => void io.stderr.write(text),
      getOutHelpWidth: () => helpWidth(io),
      getErrHelpWidth: () => helpWidth(io),
      outputError: (text, write) =>
        write(namedHere(text).replace(/^error: /, `${errorStyle.tone("bad", "mflow:")} `)),
    })
    .addHelpCommand(
      new Command("help").argument("[command]").summary("show the help of a command").helpGroup(SERVER_GROUP),
    )
    .addHelpText("after", `\n${EXIT_CODES_HELP}`);
  globalOptions(program);

  const runs: Runs = (command, load) =>
    command.action(async (...received: unknown[]) => {
      const options = command.optsWithGlobals<GlobalOptions & Record<string, unknown>>();
      const context = makeContext(io, options);
      const { run, writesMarkdown } = await load();
      if (options.output === "md" && !writesMarkdown?.(command)) {
        throw new UsageError("-o md is for `record export` alone", "Take table, wide, json or yaml.");
      }
      const args = received.slice(0, command.registeredArguments.length);
      finish((await run(context, { args, options, command })) ?? EXIT.ok);
    });
  declareRunCommands(program, runs);
  declareFlowCommands(program, runs);
  declareGateCommands(program, runs);
  declareCatalogCommands(program, runs);
  declareScheduleCommands(program, runs);
  declareFileCommands(program, runs);
  declareAccountCommands(program, runs);
  declareListenerCommands(program, runs);
  declareClusterCommands(program, runs);
  declareServerCommands(program, runs);
  return program;
}

function argumentTerm(argument: Argument): string {
  const name = argument.name() + (argument.variadic ? "..." : "");
  return argument.required ? `<${name}>` : `[${name}]`;
}

const WIDEST_HELP = 100;

function helpWidth({ stdout }: Io): number {
  return Math.min(stdout.columns ?? 80, WIDEST_HELP);
}

/** Runs the command line and answers with its exit code. Never rejects: errors are written to stderr. */
export async function runProgram(args: readonly string[], io: Io): Promise<number> {
  let exitCode: number = EXIT.ok;
  const program = buildProgram(io, (code) => {
    exitCode = code;
  });
  try {
    await program.parseAsync([...args], { from: "user" });
    return exitCode;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.refused;
    const { color, debug } = program.opts<GlobalOptions>();
    const style = styleFor({ isTTY: io.stderr.isTTY === true, env: io.env, noColor: !color });
    io.stderr.write(`${errorLines(error, style, debug).join("\n")}\n`);
    return errorExitCode(error);
  }
}
