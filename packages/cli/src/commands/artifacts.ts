// `mflow artifacts ...`: what tasks kept, listed, downloaded and deleted.

import { createWriteStream } from "node:fs";
import { rename, rm } from "node:fs/promises";
import { basename, resolve } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { ReadableStream } from "node:stream/web";
import type { Artifact } from "@mflow/core/schema/artifact";
import { type Client, eachItem } from "@mflow/sdk";
import type { Context } from "../context.ts";
import type { CommandCall } from "../program.ts";
import { artifactColumns } from "../view/artifact-columns.ts";
import { isRunId } from "../watch/follow-run.ts";
import { printTable } from "./print-table.ts";

interface GetOptions {
  attempt?: number;
  to?: string;
}

export async function run(context: Context, { args, command, options }: CommandCall): Promise<undefined> {
  const { client } = await context.connect();
  const [id, name] = args as [string, string];
  const { attempt, to } = options as GetOptions;
  const query = attempt === undefined ? {} : { attempt };
  switch (command.name()) {
    case "list":
      return list(context, client, id);
    case "get":
      return download(context, await client.artifacts.download(id, name, query), { name, to });
    default:
      await client.artifacts.remove(id, name, query);
      return context.print(`artifact ${name} of ${id} is deleted`);
  }
}

async function list(context: Context, client: Client, id: string): Promise<undefined> {
  const items: Artifact[] = [];
  const page = (cursor: string | undefined) => {
    const query = { limit: 500, ...(cursor !== undefined && { cursor }) };
    return isRunId(id) ? client.artifacts.ofRun(id, query) : client.artifacts.ofTask(id, query);
  };
  for await (const item of eachItem(page)) items.push(item);
  if (context.documentFormat) return context.printDocument({ items });
  if (items.length === 0) return context.note("no artifacts");
  const tasks = isRunId(id) ? (await client.runs.get(id)).tasks : [];
  const places = new Map(tasks.map((task, place) => [task.id, place]));
  items.sort((a, b) => (places.get(a.taskId) ?? 0) - (places.get(b.taskId) ?? 0));
  return printTable(context, artifactColumns(tasks), items);
}

async function download(
  context: Context,
  response: Response,
  { name, to }: { name: string; to?: string | undefined },
): Promise<undefined> {
  const body = Readable.fromWeb((response.body ?? new Blob([]).stream()) as ReadableStream);
  if (to === "-") {
    for await (const chunk of body) {
      if (!context.io.stdout.write(chunk)) await new Promise((wake) => context.io.stdout.once("drain", wake));
    }
    return undefined;
  }
  const path = resolve(context.io.cwd, to ?? (fileNameIn(response) || name));
  const isExecutable = response.headers.get("mflow-artifact-executable") === "true";
  // Broken off, it leaves no file that looks whole.
  const draft = `${path}.part`;
  try {
    await pipeline(body, createWriteStream(draft, { mode: isExecutable ? 0o755 : 0o644 }));
    await rename(draft, path);
  } catch (error) {
    await rm(draft, { force: true });
    throw error;
  }
  return context.note(`wrote ${path}`);
}

/** What the server calls it, without a folder. */
function fileNameIn(response: Response): string {
  const [, encoded = ""] =
    /filename\*=UTF-8''([^;]+)/.exec(response.headers.get("content-disposition") ?? "") ?? [];
  return basename(decodeURIComponent(encoded)).replace(/^\.+/, "");
}
