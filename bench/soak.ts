// A server's parts under a flow of small runs that does not end, with retention and the archive at work: what it keeps
// must not grow with what it has done. `soak` runs some, measures, runs as many again, and measures again.
//
//   npm run soak -- --runs 20000 --keep 100

import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import type { JobManifest } from "@mflow/core/schema/job";
import type { PipelineManifest } from "@mflow/core/schema/pipeline";
import { DEFAULT_SCOPE } from "@mflow/core/schema/scalars";
import { createKeys } from "@mflow/server/auth/keys";
import { systemClock } from "@mflow/server/engine/clock";
import { RunningEngine } from "@mflow/server/engine/engine";
import { openFileLogStore } from "@mflow/server/logs/file-log-store";
import { newId } from "@mflow/server/new-id";
import { HistoryArchive } from "@mflow/server/retention/history-archive";
import { Retention } from "@mflow/server/retention/retention";
import { createFakeRunner } from "@mflow/server/runners/fake/fake-runner";
import { openSqliteStore } from "@mflow/server/store/sqlite/sqlite";
import { inFolder } from "./server-process.ts";

export interface SoakOptions {
  /** Before each of the two measurements. */
  runs: number;
  /** Ended runs that are kept of each pipeline. */
  keep: number;
}

/** What there is when nothing runs and retention has done its work. */
export interface Footprint {
  runs: number;
  /** Ended runs that are kept. */
  kept: number;
  /** The database, MB. */
  databaseMb: number;
  /** Its write-ahead log, MB. */
  walMb: number;
  /** Part of it that is free to be used again, MB. */
  freeMb: number;
  logFiles: number;
  /** Events in the database. */
  events: number;
  archiveMb: number;
  /** JavaScript heap after a collection, MB. */
  heapMb: number;
}

const PIPELINES = 5;
/** Runs under way at once. */
const AT_ONCE = 50;
/** The archive is looked after each time so many runs have ended. */
const ROUND = 500;
const MB = 2 ** 20;

const job: JobManifest = {
  kind: "Job",
  metadata: { name: "noop" },
  spec: { runnerType: "FAKE", runnerSpec: { log: ["a line", "and another one"] } },
};

/** One in ten runs fails. */
const failing: JobManifest = {
  kind: "Job",
  metadata: { name: "failing" },
  spec: { runnerType: "FAKE", runnerSpec: { outcome: "FAILED", message: "no luck" } },
};

function pipelineOf(n: number): PipelineManifest {
  const tasks = [
    { name: "build", job: "noop" },
    { name: "deploy", job: n % 10 === 0 ? "failing" : "noop" },
  ];
  return {
    kind: "Pipeline",
    metadata: { name: `soak-${n % PIPELINES}`, labels: { commit: n.toString(16) } },
    spec: { isParallel: true, stages: [{ name: "main", tasks }] },
  };
}

/** Answers what there was after the first runs, and after as many again. */
export function soak(options: SoakOptions): Promise<[Footprint, Footprint]> {
  return inFolder((folder) => soakIn(folder, options));
}

async function soakIn(folder: string, { runs, keep }: SoakOptions): Promise<[Footprint, Footprint]> {
  const store = await openSqliteStore(join(folder, "mflow.db"));
  const logs = await openFileLogStore(join(folder, "logs"));
  const log = { warn: (message: string, error?: unknown) => console.error(message, error) };
  const engine = new RunningEngine({
    ...{ store, logs, log, newId, keys: createKeys({ current: new Uint8Array(32) }) },
    runners: [createFakeRunner()],
    maxTasks: 2 * AT_ONCE,
    groupMembers: () => [],
    mflowUrl: () => "http://127.0.0.1",
  });
  const retention = new Retention({
    ...{ store, engine, log, clock: systemClock, defaults: { maxRuns: keep } },
    leastAgeMs: 0,
    timing: { everyMs: 1000, soonMs: 20 },
  });
  // Every event is old at once.
  const archive = new HistoryArchive({
    ...{ history: store.history, log, clock: systemClock, folder: join(folder, "archive"), keepMs: -60_000 },
  });
  let moving: Promise<void> = Promise.resolve();
  const moveEvents = () => {
    moving = moving.then(() => archive.round(new AbortController().signal));
    return moving;
  };
  const waiting = new Map<string, () => void>();
  engine.subscribe(({ type, stage, pipelineTaskId = "" }) => {
    if (type === "RUN_STAGE" && stage !== "ACTIVE") waiting.get(pipelineTaskId)?.();
  });
  await engine.start();
  retention.start();

  let done = 0;
  async function runOne(n: number): Promise<void> {
    const request = { documents: [job, failing, pipelineOf(n)] };
    const actor = { name: "soak", operator: true };
    const { run } = await engine.runPipeline({ request, scope: DEFAULT_SCOPE, actor });
    const over = await store.runs.run(run.id);
    if (over && over.status.stage === "ACTIVE")
      await new Promise<void>((resolve) => waiting.set(run.id, resolve));
    waiting.delete(run.id);
    done++;
    if (done % ROUND === 0) await moveEvents();
  }

  async function runUntil(count: number): Promise<Footprint> {
    let next = done;
    const worker = async () => {
      while (next < count) await runOne(next++);
    };
    await Promise.all(Array.from({ length: AT_ONCE }, worker));
    while ((await keptRuns()) > PIPELINES * (keep + 1)) await new Promise((resolve) => setImmediate(resolve));
    await engine.settled();
    await moveEvents();
    while (await store.space.giveBack());
    return footprint();
  }

  async function keptRuns(): Promise<number> {
    const groups = await store.ended.groups(-1, 100);
    return groups.reduce((sum, { succeeded, other }) => sum + succeeded + other, 0);
  }

  async function footprint(): Promise<Footprint> {
    const { bytes, freeBytes } = await store.space.space();
    const files = await readdir(join(folder, "logs"), { recursive: true, withFileTypes: true });
    const { upTo } = await store.history.archived();
    collectGarbage();
    return {
      runs: done,
      kept: await keptRuns(),
      databaseMb: bytes / MB,
      walMb: (await stat(join(folder, "mflow.db-wal"))).size / MB,
      freeMb: freeBytes / MB,
      logFiles: files.filter((file) => file.isFile()).length,
      events: (await store.history.lastSeq()) - upTo,
      archiveMb: (await archive.bytes()) / MB,
      heapMb: process.memoryUsage().heapUsed / MB,
    };
  }

  try {
    return [await runUntil(runs), await runUntil(2 * runs)];
  } finally {
    await retention.stop();
    await engine.stop();
    await store.close();
    await logs.close();
  }
}

function collectGarbage(): void {
  setFlagsFromString("--expose-gc");
  (runInNewContext("gc") as () => void)();
}

/** Why the second footprint shows that something grows with what was done; nothing when all is bounded. */
export function growth([first, second]: [Footprint, Footprint], { keep }: SoakOptions): string[] {
  const found: string[] = [];
  const expectAtMost = (what: string, value: number, bound: number) => {
    if (value > bound)
      found.push(`${what} is ${value.toFixed(1)}, and at most ${bound.toFixed(1)} was expected`);
  };
  const kept = PIPELINES * (keep + 1);
  expectAtMost("the number of kept runs", second.kept, kept);
  // Two tasks each, and a few that were just being packed.
  expectAtMost("the number of log files", second.logFiles, 2 * kept + AT_ONCE);
  expectAtMost("the database, MB,", second.databaseMb, 1.2 * first.databaseMb + 1);
  expectAtMost("the write-ahead log, MB,", second.walMb, 64);
  // Less than a portion, and the deletions that came after it.
  expectAtMost("the number of events in the database", second.events, 1000 + 2 * kept);
  expectAtMost("the heap, MB,", second.heapMb, first.heapMb + 10);
  const bytesPerRun = ((second.archiveMb - first.archiveMb) * MB) / (second.runs - first.runs);
  expectAtMost("the growth of the archive per run, bytes,", bytesPerRun, 1024);
  return found;
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: { runs: { type: "string", default: "20000" }, keep: { type: "string", default: "100" } },
  });
  const options = { runs: Number(values.runs), keep: Number(values.keep) };
  const start = performance.now();
  const footprints = await soak(options);
  console.table(footprints);
  const seconds = (performance.now() - start) / 1000;
  console.log(`${2 * options.runs} runs in ${seconds.toFixed(0)} s`);
  const found = growth(footprints, options);
  for (const sentence of found) console.error(sentence);
  if (found.length > 0) process.exitCode = 1;
}

if (process.argv[1] === import.meta.filename) await main();
