// A program that commits runs in groups, as fast as it can, and prints the number of the last acknowledged run of each
// group. It never ends: a test kills it. Its argument is the path of the SQLite file.

import { writeSync } from "node:fs";
import { argv, stdout } from "node:process";
import { openSqliteStore } from "../sqlite/sqlite.ts";
import { aCommit, aNewRun, anEffect, anEvent, aRun, aTaskOf, LEASE } from "./records.ts";

const GROUP = 10;

const store = await openSqliteStore(argv[2] as string);
for (let n = 1; ; n += GROUP) {
  const numbers = Array.from({ length: GROUP }, (_, i) => n + i);
  const created = numbers.map((number) => {
    const run = aRun(number, { labels: { app: "web" } });
    const effects = [anEffect(number, run.id)];
    return aNewRun(run, [aTaskOf(run, 1, number)], {
      effects,
      history: [anEvent({ pipelineTaskId: run.id })],
    });
  });
  const ended = numbers.map((number) => {
    const run = aRun(number, { labels: { app: "web" }, stage: "SUCCEEDED", revision: 2 });
    const tasks = [aTaskOf(run, 1, number, { stage: "SUCCEEDED", revision: 2 })];
    const doneEffects = [anEffect(number, run.id).id];
    return aCommit(run.id, 1, { run, tasks, doneEffects, history: [anEvent({ pipelineTaskId: run.id })] });
  });
  await store.runs.commit(created, LEASE);
  const results = await store.runs.commit(ended, LEASE);
  if (results.some((result) => !result.ok)) throw new Error(`A commit of group ${n} was refused`);
  writeSync(stdout.fd, `${n + GROUP - 1}\n`);
}
