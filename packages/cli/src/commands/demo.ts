// `mflow demo`: the main job of mflow on this machine alone. Makes a git repository with a small service, starts a
// server, applies the examples, and runs the pipeline that tests, builds, deploys and checks that service, with
// people who decide in between.

import { relative } from "node:path";
import { API_PREFIX } from "@mflow/core/schema/api-prefix";
import { type Context, makeContext } from "../context.ts";
import { type DemoFolder, markMade, prepareFolder } from "../demo/demo-folder.ts";
import { doneLines, nextLines } from "../demo/demo-lines.ts";
import { type DemoServer, startDemoServer } from "../demo/demo-server.ts";
import { Ending } from "../demo/ending.ts";
import { DEMO_PIPELINE, exampleManifests, serviceSource } from "../demo/example-manifests.ts";
import { passGates } from "../demo/pass-gates.ts";
import { makeRepository } from "../demo/repository.ts";
import { runningService, stopService, stopServiceNow } from "../demo/service.ts";
import { cancelUnfinished } from "../demo/wind-down.ts";
import { EXIT } from "../exit-code.ts";
import type { Io } from "../io.ts";
import type { CommandCall } from "../program.ts";
import { UsageError } from "../usage-error.ts";
import { watch } from "../watch/watch.ts";

interface DemoOptions {
  yes?: boolean;
  exit?: boolean;
  fail?: boolean;
  port?: string;
}

const DEFAULT_FOLDER = ".mflow/demo";

/** What the parts of the demo share. */
interface Stage {
  context: Context;
  /** Tells people something; where the output is for programs, beside it. */
  say(...lines: string[]): void;
  folder: DemoFolder;
  demo: DemoServer;
  ending: Ending;
}

export async function run(given: Context, call: CommandCall): Promise<number> {
  const options = call.options as DemoOptions;
  if (given.options.url) {
    throw new UsageError("the demo starts a server of its own; --url has no meaning for it");
  }
  // Everything after this speaks to the demo's server, and names its folder in commands.
  const context = makeContext(given.io, { ...given.options, data: given.options.data ?? DEFAULT_FOLDER });
  const { style, io } = context;
  const people = context.documentFormat ? io.stderr : io.stdout;
  const say = (...lines: string[]) => void people.write(lines.map((line) => `${line}\n`).join(""));
  say(style.tone("strong", "mflow demo: from a commit to a running service, with people who decide"), "");

  const source = serviceSource();
  const folder = await prepareFolder(context.dataFolder, io.env.PATH);
  if (folder.keptAside) say(`  What you changed in the repository is in ${shown(folder.keptAside, io)}.`);
  const commit = await makeRepository(folder.repository, source, {
    broken: options.fail ?? false,
    path: io.env.PATH,
  });
  await markMade(folder.path, commit);
  say(...doneLines(style, "made a git repository", shown(folder.repository, io)));

  const ending = new Ending();
  // However this process ends: the service must not outlive it.
  const lastResort = () => stopServiceNow(folder.serviceRecord);
  process.on("exit", lastResort);
  try {
    const asRoot = process.getuid?.() === 0;
    const demo = await startDemoServer(folder.path, { port: options.port ?? "0", allowRootSteps: asRoot });
    const stage: Stage = { context, say, folder, demo, ending };
    try {
      await prepare(stage, asRoot);
      return await perform(stage, options);
    } finally {
      await windDown(stage);
    }
  } finally {
    process.off("exit", lastResort);
    ending.close();
  }
}

async function prepare({ context, say, folder, demo }: Stage, asRoot: boolean): Promise<void> {
  const { style } = context;
  const { address } = demo.server;
  say(...doneLines(style, "started the server", address + API_PREFIX, `${address}/api/docs`));
  const { documents } = await demo.client.manifests.apply({
    documents: await exampleManifests(context.io, folder),
  });
  const jobs = documents.filter(({ kind }) => kind === "Job").length;
  say(...doneLines(style, "applied examples/", `${jobs} jobs, ${documents.length - jobs} pipelines`));
  if (asRoot) {
    const warning = "! you are root, and so are the steps of tasks here (--allow-root-steps)";
    say(`  ${style.tone("attention", warning)}`);
  }
  say("");
}

/** Runs the pipeline, and stays until it is asked to end; with `exit` until the run has ended. */
async function perform(stage: Stage, { yes, exit }: DemoOptions): Promise<number> {
  const { context, say, folder, demo, ending } = stage;
  const { client, server } = demo;
  const isLive = context.io.stdout.isTTY === true && context.documentFormat === undefined;
  // On a terminal Ctrl-C asks what to do with the run; in a pipe there is nobody to ask.
  if (!isLive) ending.listenToInterrupt();
  const { run } = await client.runs.start({ pipelineId: DEMO_PIPELINE });

  const over = new AbortController();
  const parts = [watch(context, demo, run.id, AbortSignal.any([ending.signal, over.signal]))];
  if (yes) parts.push(passGates(client, run.id, over.signal).then(() => EXIT.ok));
  const exitCode = await Promise.race(parts).finally(() => over.abort());
  const left = exitCode === EXIT.detached;
  if (exit || ending.signal.aborted) return left ? EXIT.canceled : exitCode;

  ending.listenToInterrupt();
  const next = {
    command: makeContext(context.io, { ...context.options, data: undefined }).command,
    address: server.address,
    folder: context.options.data ?? "",
    view: await client.runs.get(run.id),
    service: await runningService(folder.serviceRecord),
    columns: (context.io.stdout.columns ?? 80) - 1,
  };
  say(...nextLines(next, context.style), "The server stays up until Ctrl-C.");
  await ending.asked();
  // The terminal has written `^C`.
  say("");
  return EXIT.ok;
}

/** Whatever became of the run: nothing that the demo started goes on without it. */
async function windDown({ say, folder, demo }: Stage): Promise<void> {
  try {
    const canceled = await cancelUnfinished(demo.client);
    if (canceled > 0) say(`Canceled what had not ended (${canceled}).`);
  } finally {
    const stopped = await stopService(folder.serviceRecord);
    if (stopped) say(`Stopped the service at ${stopped}.`);
    await demo.server.close();
    say("The server has ended.");
  }
}

/** A path as people would write it here. */
function shown(path: string, { cwd }: Io): string {
  const inside = relative(cwd, path);
  return inside.length < path.length ? inside : path;
}
