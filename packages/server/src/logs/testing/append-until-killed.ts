// A process of its own that appends to three logs for ever and says after each append what is stored, until
// somebody kills it. Takes the folder of logs as its argument.

import { writeSync } from "node:fs";
import { openFileLogStore } from "../file-log-store.ts";
import { someLines } from "./some-lines.ts";

const logs = await openFileLogStore(process.argv[2] ?? "");

async function write(ref: { taskId: string; attempt: number }): Promise<void> {
  for (let stored = await logs.length(ref); ; ) {
    const count = 1 + Math.floor(Math.random() * 400);
    await logs.append(
      ref,
      someLines(stored + 1, stored + count, (line) => `${line} ${"=".repeat(line % 3000)}`),
    );
    stored += count;
    writeSync(1, `${ref.attempt} ${stored}\n`);
  }
}

await Promise.all([1, 2, 3].map((attempt) => write({ taskId: "task-killed", attempt })));
