// The machine's limit for SHELL tasks: a loop of Node alone that starts `sh -c true`. A program of its own, because
// starting processes takes the longer the larger the starter is:
//
//     node bench/bare-spawns.ts COUNT WIDTH COMMITS
//
// starts COUNT of them, WIDTH at once, makes COMMITS durable commits after each, and prints the milliseconds.

import { spawn } from "node:child_process";

const [count = 0, width = 1, commits = 0] = process.argv.slice(2).map(Number);
const raw = commits > 0 ? (await import("./raw-commits.ts")).openRawCommits() : undefined;

function spawnOne(): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn("sh", ["-c", "true"], { stdio: "ignore" });
    child.on("error", reject);
    child.on("exit", () => resolve());
  });
}

let left = count;
async function work(): Promise<void> {
  while (left-- > 0) {
    await spawnOne();
    for (let index = 0; index < commits; index++) raw?.commit();
  }
}

const start = performance.now();
await Promise.all(Array.from({ length: width }, work));
console.log(performance.now() - start);
raw?.close();
