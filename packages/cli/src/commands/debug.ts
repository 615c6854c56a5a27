// `mflow debug`: a terminal in the container of a task. What is typed goes there as it is, so that keys such as Ctrl-C are
// the program's; the window's own modes are given back on every way out.

import { constants } from "node:os";
import type { TaskTerminal, TerminalEnd } from "@mflow/sdk";
import type { Context } from "../context.ts";
import { EXIT } from "../exit-code.ts";
import type { Io } from "../io.ts";
import type { CommandCall } from "../program.ts";

const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
/** What a terminal takes for the end of its input. */
const END_OF_INPUT = "\x04";
const FIRST_AGAIN_MS = 500;
const LAST_AGAIN_MS = 30_000;
const LINE_FEED = 0x0a;

export async function run(context: Context, call: CommandCall): Promise<number> {
  const [task, command = []] = call.args as [string, string[]?];
  const { container } = call.options as { container?: string };
  const { io } = context;
  const { client } = await context.connect();
  const stop = new AbortController();
  let signal: (typeof SIGNALS)[number] | undefined;
  const stopped = (name: NodeJS.Signals) => {
    signal = name as typeof signal;
    stop.abort();
  };
  for (const name of SIGNALS) process.on(name, stopped);
  try {
    const terminal = await client.tasks.terminal(task, {
      ...{ container, ...sizeOf(io), signal: stop.signal },
      ...(command.length > 0 && { command }),
      output: (data) => void io.stdout.write(data),
    });
    const place = terminal.isCopy
      ? `in a copy of container ${terminal.container}, whose work has ended; it is removed with this session`
      : `in container ${terminal.container}`;
    context.note(place);
    const { exitCode, reason } = await joined(io, terminal);
    if (signal !== undefined) return exitCodeOfSignal(signal);
    if (exitCode !== undefined) return exitCode;
    context.note(`the session has ended: ${reason ?? "the server does not say why"}`);
    return EXIT.failed;
  } catch (error) {
    if (signal !== undefined) return exitCodeOfSignal(signal);
    throw error;
  } finally {
    for (const name of SIGNALS) process.off(name, stopped);
  }
}

function exitCodeOfSignal(name: (typeof SIGNALS)[number]): number {
  return 128 + constants.signals[name];
}

/** Joins the window with the terminal until it ends. */
async function joined({ stdin, stdout }: Io, terminal: TaskTerminal): Promise<TerminalEnd> {
  const isWindow = stdin.isTTY === true;
  let last: number | undefined;
  let isOver = false;
  const type = (data: Buffer) => {
    last = data.at(-1);
    stdin.pause();
    void terminal.write(data).then(() => {
      if (!isOver) stdin.resume();
    });
  };
  let again: NodeJS.Timeout | undefined;
  // A terminal forgets an end that comes before its program reads: it is repeated for as long as there is one. Behind
  // other text than a whole line the first one only hands that on.
  const endInput = (pause = FIRST_AGAIN_MS) => {
    const isWithinLine = pause === FIRST_AGAIN_MS && last !== undefined && last !== LINE_FEED;
    void terminal.write(END_OF_INPUT.repeat(isWithinLine ? 2 : 1));
    again = setTimeout(() => endInput(Math.min(pause * 2, LAST_AGAIN_MS)), pause);
  };
  const inputEnded = () => endInput();
  const resize = () => terminal.resize(stdout.columns ?? 80, stdout.rows ?? 24);
  // Whatever ends the process, the window gets its modes back.
  const restore = () => void stdin.setRawMode(false);
  if (isWindow) {
    process.once("exit", restore);
    stdin.setRawMode(true);
  }
  // The window may be closed under it, then or when it is to get its modes back.
  stdin.on("error", () => {});
  stdin.on("data", type).on("end", inputEnded);
  stdout.on("resize", resize);
  try {
    return await terminal.ended;
  } finally {
    isOver = true;
    clearTimeout(again);
    stdout.off("resize", resize);
    stdin.off("data", type).off("end", inputEnded);
    stdin.pause();
    if (isWindow) {
      restore();
      process.off("exit", restore);
    }
    // An open pipe would keep the command waiting for its end.
    else stdin.destroy();
  }
}

function sizeOf({ stdout }: Io): { columns?: number; rows?: number } {
  const { columns, rows } = stdout;
  return columns && rows ? { columns, rows } : {};
}
