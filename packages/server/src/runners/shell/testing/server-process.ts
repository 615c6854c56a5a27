// A server of its own process, for tests that kill it: opens a runner on a folder, keeps its log store in
// files, and writes down what is reported.
//
//     node server-process.ts DATA_FOLDER [SPEC]
//
// With a spec (JSON of a start request) it starts that, and prints `started`.

import { appendFileSync, existsSync, mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { LogLine, LogRef } from "../../../logs/log-store.ts";
import type { StartRequest } from "../../runner.ts";
import { createShellRunner, DEFAULT_LIMITS } from "../shell-runner.ts";

const [dataDir = "", spec] = process.argv.slice(2);
const stored = join(dataDir, "stored");
mkdirSync(stored, { recursive: true });

/** The lines that a server has stored for an attempt, as JSON a line. */
function logOf(ref: LogRef): string {
  return join(stored, `${ref.taskId}.${ref.attempt}`);
}

const linesOf = (ref: LogRef): LogLine[] =>
  existsSync(logOf(ref))
    ? readFileSync(logOf(ref), "utf8")
        .split("\n")
        .filter((line) => line !== "")
        .map((line) => JSON.parse(line))
    : [];

const runner = createShellRunner({
  dataDir,
  allowRootSteps: true,
  graceMs: 1000,
  limits: DEFAULT_LIMITS,
  supervisorIdleMs: 200,
  log: { info: () => {}, warn: (message) => console.error(message) },
});
await runner.open({
  standing: async () => "AT_WORK",
  isWanted: async () => true,
  isStopping: async () => false,
  startRequest: async () => undefined,
  report: async (report) => {
    appendFileSync(join(stored, "reports"), `${JSON.stringify(report)}\n`);
  },
  logs: {
    length: async (ref) => linesOf(ref).length,
    append: async (ref, lines) => {
      const length = linesOf(ref).length;
      for (const line of lines.filter(({ line }) => line > length)) {
        appendFileSync(logOf(ref), `${JSON.stringify(line)}\n`);
      }
    },
    read: async (ref, from, limit) => (linesOf(ref) as LogLine[]).slice(from - 1, from - 1 + limit),
    finish: async () => {},
  },
});
if (spec !== undefined) {
  const { state } = await runner.start(JSON.parse(spec) as StartRequest);
  console.log(state);
}
