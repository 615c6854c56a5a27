// Values of settings: `key=value`, where a value may be read from a file, so that neither the history of the shell nor
// the list of processes shows secrets.

import { readFile } from "node:fs/promises";
import { resolve } from "node:path";
import type { Context } from "../context.ts";
import { UsageError } from "../usage-error.ts";

/** Key and value of `key=value`. Throws UsageError, with `example` as the remedy. */
export function splitSetting(setting: string, example: string): [key: string, value: string] {
  const equals = setting.indexOf("=");
  if (equals < 1) throw new UsageError(`\`${setting}\` is no setting`, `Write key=value, e.g. ${example}.`);
  return [setting.slice(0, equals), setting.slice(equals + 1)];
}

/** A value, or what is in the file that it names after an `@`, `@-` for stdin. Rejects with a UsageError. */
export async function readValue(context: Context, text: string): Promise<string> {
  if (!text.startsWith("@")) return text;
  return (await readInput(context, text.slice(1), "Name a file after the @.")).trim();
}

/** The text of a file, `-` for stdin. Rejects with a UsageError. */
export async function readInput(context: Context, file: string, remedy: string): Promise<string> {
  try {
    return file === "-" ? await readStdin(context) : await readFile(resolve(context.io.cwd, file), "utf8");
  } catch (error) {
    throw new UsageError(`${file} cannot be read: ${(error as Error).message}`, remedy);
  }
}

async function readStdin({ io }: Context): Promise<string> {
  let text = "";
  for await (const chunk of io.stdin) text += chunk;
  return text;
}
