// Watches a run to its end in the way that fits where the output goes: a live view on a terminal, plain lines in
// a pipe, nothing but the final object for programs. The answer is the command's exit code.

import type { HistoryEvent } from "@mflow/core/schema/event";
import { type Client, ConnectionError } from "@mflow/sdk";
import type { Connection } from "../connect.ts";
import type { Context } from "../context.ts";
import { plainLine } from "../display/width.ts";
import { EXIT, exitCodeOf } from "../exit-code.ts";
import { changeLine, contentLine } from "../view/change-lines.ts";
import { headOf, isEnded, type Watched } from "../view/watched.ts";
import type { Person } from "./decidable.ts";
import { failureLogs } from "./failure-logs.ts";
import { followRun, isRunId, readWatched, ServerLost, type Watcher } from "./follow-run.ts";
import { LiveSession } from "./live-session.ts";

/** A signal that reaches us twice at once (from the terminal and from a parent) is one. */
const SAME_SIGNAL_MS = 150;

/**
 * Answers with the exit code that says how the run ended, or that it goes on. When `signal` aborts, the watching
 * ends without a word about how to go on with it.
 */
export async function watch(
  context: Context,
  { client }: Pick<Connection, "client">,
  id: string,
  signal?: AbortSignal,
): Promise<number> {
  const leave = new AbortController();
  signal?.addEventListener("abort", () => leave.abort());
  const isLive = context.documentFormat === undefined && context.io.stdout.isTTY === true;
  let watched: Watched;
  try {
    watched = isLive
      ? await watchLive(context, client, id, leave)
      : await watchPlain(context, client, id, leave);
  } catch (error) {
    if (error instanceof ServerLost) throw lostError(context, id, error.connection);
    throw error;
  }
  const { stage } = headOf(watched);
  if (isEnded(stage) && context.documentFormat === undefined) {
    await printFailures(context, client, watched, isLive);
  }
  if (context.documentFormat !== undefined) {
    const last = isEnded(stage) ? watched : await readWatched(client, id);
    await context.printDocument(last.run ? last : last.tasks[0]);
  }
  if (isEnded(stage)) {
    if (watched.run && stage !== "SUCCEEDED" && context.documentFormat === undefined) {
      context.note(`to run again what failed: ${context.command} rerun ${id}`);
    }
    return exitCodeOf(stage);
  }
  if (signal?.aborted) return EXIT.detached;
  context.note(`${id} goes on; to watch or cancel it:`);
  for (const verb of ["watch", "cancel"]) context.io.stderr.write(`  ${context.command} ${verb} ${id}\n`);
  return EXIT.detached;
}

async function watchLive(
  context: Context,
  client: Client,
  id: string,
  leave: AbortController,
): Promise<Watched> {
  const session = new LiveSession(context, client, id, () => leave.abort());
  const stopListening = onSignals(
    () => session.interrupt(),
    () => leave.abort(),
  );
  session.open();
  try {
    void whoWatches(client).then((person) => {
      if (person) session.person = person;
    });
    return await followRun(client, id, session, leave.signal);
  } finally {
    session.close();
    stopListening();
  }
}

async function watchPlain(
  context: Context,
  client: Client,
  id: string,
  leave: AbortController,
): Promise<Watched> {
  const stopListening = onSignals(
    () => leave.abort(),
    () => leave.abort(),
  );
  const watcher: Watcher = {
    connection: (state) =>
      context.note(state === "lost" ? "the connection is lost; trying again" : "the connection is back"),
  };
  if (context.documentFormat === undefined) {
    watcher.happened = async (event, watched) => {
      const task = await taskOf(client, event, watched);
      context.print(changeLine(event, { command: context.command, task }));
      const content = contentLine(event, task);
      if (content !== undefined) context.print(content);
    };
  }
  try {
    return await followRun(client, id, watcher, leave.signal);
  } finally {
    stopListening();
  }
}

/** The task of an event; read anew where the line tells of its gate. */
async function taskOf(client: Client, event: HistoryEvent, watched: Watched) {
  const known = watched.tasks.find((task) => task.id === event.taskId);
  if (!known && event.taskId !== undefined) {
    // Of a matrix that was not known when the run began.
    const made = await client.tasks.get(event.taskId).catch(() => undefined);
    if (made) watched.tasks.push(made);
    return made;
  }
  if (!known || !event.type.endsWith("_WAITING")) return known;
  return client.tasks.get(known.id).catch(() => known);
}

/** Calls back for Ctrl-C, and for signals that end the command but not the run; the answer ends that. */
function onSignals(interrupted: () => void, terminated: () => void): () => void {
  let lastAt = Number.NEGATIVE_INFINITY;
  const onInterrupt = () => {
    const now = performance.now();
    if (now - lastAt < SAME_SIGNAL_MS) return;
    lastAt = now;
    interrupted();
  };
  process.on("SIGINT", onInterrupt);
  process.on("SIGTERM", terminated);
  process.on("SIGHUP", terminated);
  return () => {
    process.off("SIGINT", onInterrupt);
    process.off("SIGTERM", terminated);
    process.off("SIGHUP", terminated);
  };
}

/** Who we are and our groups, as far as we may know them. */
async function whoWatches(client: Client): Promise<Person | undefined> {
  try {
    const { name, standsInFor = [] } = await client.whoami();
    const { items } = await client.groups.list().catch(() => ({ items: [] }));
    const personOf = (who: string): Person => ({
      name: who,
      groups: items.filter((group) => group.members.includes(who)).map((group) => group.name),
    });
    return { ...personOf(name), standsInFor: standsInFor.map(personOf) };
  } catch {
    return undefined;
  }
}

async function printFailures(
  context: Context,
  client: Client,
  watched: Watched,
  isLive: boolean,
): Promise<void> {
  for (const { taskId, path, step, lines } of await failureLogs(client, watched)) {
    if (!isLive) {
      for (const line of lines) context.print(`log ${path} | ${plainLine(line.text)}`);
      continue;
    }
    const where = step ? `${path}, step ${step}` : path;
    context.print(`\n${context.style.tone("bad", `Last lines of ${where}:`)}`);
    for (const line of lines) context.print(`  ${plainLine(line.text)}`);
    context.print(context.style.tone("quiet", `All of it: ${context.command} logs ${taskId}`));
  }
}

/** Says what became of the run, as far as that is known. */
function lostError(context: Context, id: string, error: ConnectionError): ConnectionError {
  const what = isRunId(id) ? "run" : "task";
  const lost = new ConnectionError(error.url, `lost the server at ${error.url} while watching ${id}`, error);
  return Object.assign(lost, {
    remedy: `The ${what} is not lost: \`${context.command} watch ${id}\` shows it once the server is back.`,
  });
}
