// The commands for the server and for the command line itself.

import { Argument, type Command } from "commander";
import type { Runs } from "../program.ts";
import { collect } from "./collect.ts";

export const SERVER_GROUP = "Server and command line:";

export function declareServerCommands(program: Command, runs: Runs): void {
  program.commandsGroup(SERVER_GROUP);

  const server = program
    .command("server")
    .summary("run the server")
    .description(
      "Runs the server until a signal ends it. Each option is also a variable such as $MFLOW_PORT.",
    )
    .option("--host <address>", "address to listen on; others than loopback need users (default: 127.0.0.1)")
    .option("--port <number>", "port to listen on, 0 for any free one (default: 7070)")
    .option("--allow-host <name>", "name under which the server may be called; may be repeated", collect)
    .option("--public-url <url>", "address under which tasks and people reach the server")
    .option(
      "--allow-target <target>",
      "range, address or host inside the network that messages may be sent to; may be repeated",
      collect,
    )
    .option(
      "--language <language>",
      "en or zh: of messages to those who want none in particular (default: en)",
    )
    .option("--max-tasks <number>", "tasks under way at once (default: twice the cores)")
    .option("--shell-user <name>", "user that SHELL steps run as")
    .option("--allow-root-steps", "let SHELL steps run as root")
    .option("--log-limit <bytes>", "what the log of a task keeps (default: 64MiB)")
    .option("--log-rate <bytes>", "what that of a SHELL task keeps per second (default: 8MiB)")
    .option(
      "--artifacts-url <url>",
      "S3-compatible store of artifacts and caches: s3://BUCKET/PREFIX?endpoint=URL&region=NAME (default: the data folder)",
    )
    .option("--artifact-limit <bytes>", "largest artifact or cache (default: 1GiB)")
    .option(
      "--cache-limit <bytes>",
      "what all caches take together; the least recently used go (default: 10GiB)",
    )
    .option("--cache-age <duration>", "remove a cache that was not used for so long (default: 14d)")
    .option(
      "--terminal-idle <duration>",
      "end a terminal in which nothing happens after so long (default: 15m)",
    )
    .option(
      "--retain-runs <number>",
      "keep so many ended runs of each pipeline without a rule (default: all)",
    )
    .option(
      "--retain-for <duration>",
      "keep the ended runs of such pipelines so long, e.g. 30d (default: ever)",
    )
    .option(
      "--history-for <duration>",
      "move older events from the database to the archive, e.g. 90d (default: never)",
    )
    .option("--idle-exit <duration>", "end so long after the last run and gate, e.g. 60s")
    .option("--log-level <level>", "trace, debug, info, warn, error or silent (default: info)")
    .option("--log-file <path>", "file for the server's own log (default: standard output)");
  runs(server, () => import("./server.ts"));

  const demo = program
    .command("demo")
    .summary("see it all: from a commit to a running service, on this machine")
    .description(
      "Makes a git repository with a small service, starts a server, applies the examples, and runs a pipeline that tests, builds, deploys and checks the service. Asks you to decide on the way.",
    )
    .option("--yes", "decide by itself: pass the audit, accept the result")
    .option("--exit", "end with the run, and say by the exit code how it went")
    .option("--fail", "commit a mistake first, to see how a failure looks")
    .option("--port <number>", "port of the server (default: any free one)")
    .addHelpText(
      "after",
      `
The demo works in ./.mflow/demo (or --data), which it makes anew each time and
leaves for you to look into. It needs git, and nothing from the network. When
it ends it stops what it started.`,
    );
  runs(demo, () => import("./demo.ts"));

  runs(program.command("version").summary("print the version"), () => import("./version.ts"));
  runs(
    program
      .command("completion")
      .addArgument(new Argument("<shell>").choices(["bash", "zsh", "fish"]))
      .summary("print a script that completes commands in a shell")
      .addHelpText(
        "after",
        `
  bash:  source <(mflow completion bash)       in ~/.bashrc
  zsh:   source <(mflow completion zsh)        in ~/.zshrc, after compinit
  fish:  mflow completion fish | source        in ~/.config/fish/config.fish`,
      ),
    () => import("./completion.ts"),
  );
  runs(
    program.command("__complete", { hidden: true }).argument("[words...]").allowUnknownOption(),
    () => import("./complete.ts"),
  );
}
