// The command's entry: takes what the process gives, runs the program, says how it ended.

import { makeStyle } from "./display/style.ts";
import { EXIT } from "./exit-code.ts";
import { runProgram } from "./program.ts";
import { errorLines } from "./report-error.ts";

// Whoever reads our output may stop before its end (`mflow logs ... | head`), and a terminal may close.
for (const stream of [process.stdout, process.stderr]) {
  stream.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code !== "EPIPE" && error.code !== "EIO") throw error;
    process.exit(0);
  });
}

// A defect beside the command's own way. Those of a server belong into its log whole.
process.on("uncaughtException", (error) => {
  const whole = process.argv.includes("--debug") || process.argv[2] === "server";
  const style = makeStyle({ color: false, unicode: false });
  process.stderr.write(`${errorLines(error, style, whole).join("\n")}\n`);
  process.exit(EXIT.unreachable);
});

process.exitCode = await runProgram(process.argv.slice(2), {
  script: process.argv[1] ?? "mflow",
  env: process.env,
  cwd: process.cwd(),
  stdin: process.stdin,
  stdout: process.stdout,
  stderr: process.stderr,
});
