// The mflow command as a process, for tests: called as a shell calls it, in a folder of its own.

import { type ChildProcess, spawn } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

export const SCRIPT = fileURLToPath(new URL("../../../../bin/mflow.js", import.meta.url));

/** Until something that a test waits for must have happened; machines may be busy. */
const PATIENCE_MS = 40_000;

export interface Ended {
  stdout: string;
  stderr: string;
  exitCode: number;
}

export interface CallOptions {
  env?: Record<string, string>;
  stdin?: string;
}

/** A folder with files and, once something needs it, a data folder. */
export interface Workplace {
  path: string;
  /** Runs `mflow ARGS` to its end. */
  mflow(args: string[], options?: CallOptions): Promise<Ended>;
  /** Starts `mflow ARGS`. */
  start(args: string[], options?: CallOptions): Running;
  write(name: string, text: string): Promise<void>;
  /** Ends what still runs and removes the folder. */
  remove(): Promise<void>;
}

export class Running {
  readonly process: ChildProcess;
  readonly ended: Promise<Ended>;
  stdout = "";
  stderr = "";

  constructor(process: ChildProcess) {
    this.process = process;
    process.stdout?.setEncoding("utf8").on("data", (text: string) => {
      this.stdout += text;
    });
    process.stderr?.setEncoding("utf8").on("data", (text: string) => {
      this.stderr += text;
    });
    this.ended = new Promise((resolve) => {
      process.on("close", (code, signal) => {
        const exitCode = code ?? (signal === null ? -1 : -2);
        resolve({ stdout: this.stdout, stderr: this.stderr, exitCode });
      });
    });
  }

  /** Resolves with the match once stdout holds it. */
  async says(pattern: RegExp): Promise<RegExpExecArray> {
    return until(
      `output ${pattern}`,
      () => pattern.exec(this.stdout) ?? undefined,
      () => this.stdout + this.stderr,
    );
  }
}

/** Polls until there is an answer. Rejects with what there was instead after a while. */
export async function until<T>(
  what: string,
  look: () => T | undefined | Promise<T | undefined>,
  instead: () => string = () => "",
): Promise<T> {
  const deadline = Date.now() + PATIENCE_MS;
  while (true) {
    const found = await look();
    if (found !== undefined) return found;
    if (Date.now() > deadline)
      throw new Error(`no ${what} within ${PATIENCE_MS} ms; there was:\n${instead()}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** The environment of a person with a plain terminal and no settings of mflow. */
export function cleanEnvironment(more: Record<string, string> = {}): Record<string, string> {
  const kept = ["PATH", "HOME", "TMPDIR", "USER"].flatMap((name) => {
    const value = process.env[name];
    return value === undefined ? [] : [[name, value]];
  });
  return { ...Object.fromEntries(kept), LANG: "C.UTF-8", TERM: "xterm", ...more };
}

export async function makeWorkplace(files: Record<string, string> = {}): Promise<Workplace> {
  const path = await mkdtemp(join(tmpdir(), "mflow-cli-"));
  const running = new Set<Running>();
  const workplace: Workplace = {
    path,
    start(args, { env, stdin } = {}) {
      const child = spawn(process.execPath, [SCRIPT, ...args], {
        cwd: path,
        env: cleanEnvironment(env),
        stdio: [stdin === undefined ? "ignore" : "pipe", "pipe", "pipe"],
      });
      if (stdin !== undefined) child.stdin?.end(stdin);
      const started = new Running(child);
      running.add(started);
      void started.ended.then(() => running.delete(started));
      return started;
    },
    mflow: (args, options) => workplace.start(args, options).ended,
    write: (name, text) => writeFile(join(path, name), text),
    async remove() {
      for (const one of running) one.process.kill("SIGTERM");
      await Promise.all([...running].map((one) => one.ended));
      // A supervisor that still writes may fill a folder that was just emptied.
      await rm(path, { recursive: true, force: true, maxRetries: 10 });
    },
  };
  for (const [name, text] of Object.entries(files)) await workplace.write(name, text);
  return workplace;
}

/** A workplace with a server on its data folder; `flags` are further ones of the server. */
export async function makeServedWorkplace(
  files: Record<string, string> = {},
  flags: readonly string[] = [],
): Promise<Workplace> {
  const workplace = await makeWorkplace(files);
  const own = ["server", "--port", "0", "--log-level", "warn", "--allow-root-steps"];
  const server = workplace.start([...own, ...flags]);
  await until(
    "server",
    () => (/listens on/.test(server.stderr) ? true : undefined),
    () => server.stdout + server.stderr,
  );
  return workplace;
}

/** The path to the command as it is shown: in quotes where the folder's name needs them. */
export const CALLED = /'[^'\n]*\/bin\/mflow\.js'|[^ \n]*\/bin\/mflow\.js/g;

/** Output with what differs from call to call replaced: ids, times, durations. */
export function stable(text: string): string {
  return text
    .replace(/\b(run|task|job|pipeline)-[0-9a-z]{26}\b/g, "$1-ID")
    .replace(/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z/g, "TIME")
    .replace(CALLED, "bin/mflow.js")
    .replace(/ +(\d+m)?\d+(\.\d)?(ms|s)(?= |$)/gm, " TOOK");
}
