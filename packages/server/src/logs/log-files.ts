// Where the files of a log are. Logs that are written to lie in one folder, so that a start finds them at
// once; there are no more of them than attempts run. The rest is spread over 4096 folders by a hash of the
// task's id, so that no folder grows without end.

import { createHash } from "node:crypto";
import { join } from "node:path";
import { MflowError } from "@mflow/core/errors";
import type { LogRef } from "./log-store.ts";

/** The folder of logs that are not packed yet. */
export const ACTIVE = "active";

/**
 * `open`: it is written to. `ended`: finished, waits to be packed. `part`: being packed. `jsonl`: finished, too
 * small to be worth packing. `jsonl.zst`: packed.
 */
export type Form = "open" | "ended" | "part" | "jsonl" | "jsonl.zst";

/** One text for a log, and the start of its file names. Refuses what could leave the folder. */
export function keyOf(ref: LogRef): string {
  demandId(ref.taskId);
  if (!Number.isSafeInteger(ref.attempt) || ref.attempt < 1) {
    throw new MflowError("BAD_REQUEST", `${ref.attempt} is not an attempt; they count from 1.`);
  }
  return `${ref.taskId}.${ref.attempt}`;
}

/** Path of the log's file in one of its forms, relative to the store's folder. */
export function fileOf(ref: LogRef, form: Form): string {
  const name = `${keyOf(ref)}.${form}`;
  return form === "jsonl" || form === "jsonl.zst" ? join(shardOf(ref.taskId), name) : join(ACTIVE, name);
}

/** The folder of a task's finished logs, relative to the store's folder. */
export function shardOf(taskId: string): string {
  demandId(taskId);
  return createHash("sha256").update(taskId).digest("hex").slice(0, 3);
}

function demandId(taskId: string): void {
  if (!/^[A-Za-z0-9][A-Za-z0-9_-]{0,127}$/.test(taskId)) {
    throw new MflowError("BAD_REQUEST", `'${taskId}' is not the id of a task.`);
  }
}

/** Reads a file name that `fileOf` made. */
export function parseFile(name: string): (LogRef & { form: string }) | undefined {
  const match = /^([A-Za-z0-9_-]+)\.([1-9][0-9]*)\.(.+)$/.exec(name);
  return match ? { taskId: match[1] ?? "", attempt: Number(match[2]), form: match[3] ?? "" } : undefined;
}
