// The command's entry: takes what the process gives, runs the program, says how it ended.

import { runProgram } from "./program.ts";

// Whoever reads our output may stop before its end (`mflow logs ... | head`).
for (const stream of [process.stdout, process.stderr]) {
  stream.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code !== "EPIPE") throw error;
    process.exit(0);
  });
}

process.exitCode = await runProgram(process.argv.slice(2), {
  script: process.argv[1] ?? "mflow",
  env: process.env,
  cwd: process.cwd(),
  stdin: process.stdin,
  stdout: process.stdout,
  stderr: process.stderr,
});
