// A process of its own that is run under a limit of the file size, which fails in the middle of a write as a
// full disk does. It says what the store answered. Takes the folder of logs as its argument.

import { writeSync } from "node:fs";
import { MflowError } from "@mflow/core/errors";
import { openFileLogStore } from "../file-log-store.ts";
import { someLines } from "./some-lines.ts";

const logs = await openFileLogStore(process.argv[2] ?? "");
const ref = { taskId: "task-full", attempt: 1 };
const kilobyte = (line: number) => String(line).padEnd(1000);

let code = "";
await logs.append(ref, someLines(1, 10, kilobyte));
await logs.append(ref, someLines(11, 2000, kilobyte)).catch((error) => {
  code = error instanceof MflowError ? error.code : String(error);
});
const kept = await logs.length(ref);
// Shorter than what the failed write left behind.
await logs.append(
  ref,
  someLines(kept + 1, kept + 1, () => "after the failure"),
);
const tail = (await logs.tail(ref, 2)).map((line) => line.text.trim());
await logs.close();
writeSync(1, JSON.stringify({ code, kept, tail }));
