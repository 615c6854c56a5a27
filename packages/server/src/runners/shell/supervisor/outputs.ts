// What steps put out: `$MFLOW_OUTPUT` holds runtime envs, one `NAME=value` a line, a value of many lines as
//
//     NAME<<EOF
//     first line
//     second line
//     EOF
//
// (any word may stand for EOF). Values are taken as they are, quotes included; the last value of a name
// counts. `$MFLOW_SUMMARY` holds markdown.

import { Buffer } from "node:buffer";
import { closeSync, constants, fstatSync, openSync, readSync } from "node:fs";
import type { Limits, Owner } from "./protocol.ts";

/** Files that are longer are refused unread: what is allowed is far less. */
const LONGEST_FILE = 1024 * 1024;

/** A problem with what a step put out. `reason` is the code of the task's failure. */
export interface OutputProblem {
  reason: "OUTPUT_INVALID" | "OUTPUT_TOO_LARGE";
  message: string;
}

/**
 * Adds the runtime envs of a file to `envs`. Answers what is wrong with it, and then adds nothing. Throws when it
 * cannot be read.
 */
export function readRuntimeEnvs(
  path: string,
  envs: Record<string, string>,
  limits: Limits,
  owner: Owner | undefined,
): OutputProblem | undefined {
  const text = readOwned(path, owner, LONGEST_FILE + 1);
  if (text === undefined) return undefined;
  if (text.length > LONGEST_FILE) return tooLarge(limits);
  const found: Record<string, string> = {};
  const problem = parseRuntimeEnvs(text.toString("utf8"), found);
  if (problem) return { reason: "OUTPUT_INVALID", message: problem };
  const all = { ...envs, ...found };
  const names = Object.keys(all);
  const bytes = names.reduce(
    (sum, name) => sum + Buffer.byteLength(name) + Buffer.byteLength(all[name] ?? ""),
    0,
  );
  if (names.length > limits.runtimeEnvs || bytes > limits.runtimeEnvBytes) return tooLarge(limits);
  Object.assign(envs, found);
  return undefined;
}

/** Markdown of a file, cut at the limit; empty when there is none. Throws when it cannot be read. */
export function readMarkdown(path: string, limits: Limits, owner: Owner | undefined): string {
  const bytes = readOwned(path, owner, limits.markdownBytes + 1);
  if (bytes === undefined) return "";
  return cutMarkdown(bytes.toString("utf8"), limits);
}

/** The texts below each other, cut at the limit. */
export function joinMarkdown(before: string, after: string, limits: Limits): string {
  if (before === "" || after === "") return before + after;
  return cutMarkdown(`${before.replace(/\n?$/, "\n")}${after}`, limits);
}

function cutMarkdown(text: string, { markdownBytes }: Limits): string {
  if (Buffer.byteLength(text) <= markdownBytes) return text;
  const note = `\n\n*(cut at ${markdownBytes} bytes)*\n`;
  const kept = Buffer.from(text)
    .subarray(0, markdownBytes - note.length)
    .toString("utf8");
  return kept.replace(/\uFFFD+$/, "") + note;
}

/** Reads `NAME=value` lines into `found`; answers a sentence that names the first line that is wrong. */
export function parseRuntimeEnvs(text: string, found: Record<string, string>): string | undefined {
  if (text.includes("\0")) return "there is a NUL character, which no environment variable can hold";
  const lines = text.split("\n").map((line) => (line.endsWith("\r") ? line.slice(0, -1) : line));
  for (let at = 0; at < lines.length; at++) {
    const line = lines[at] as string;
    if (line.trim() === "" || line.startsWith("#")) continue;
    const match = /^([A-Za-z_][A-Za-z0-9_]{0,127})(=|<<)(.*)$/.exec(line);
    if (!match) return `line ${at + 1} is neither NAME=value nor NAME<<WORD: ${excerpt(line)}`;
    const [, name, form, rest] = match as unknown as [string, string, string, string];
    if (form === "=") {
      found[name] = rest;
      continue;
    }
    const word = rest.trim();
    if (word === "") return `line ${at + 1} lacks the word that ends the value: ${excerpt(line)}`;
    const end = lines.indexOf(word, at + 1);
    if (end === -1)
      return `the value that begins in line ${at + 1} does not end: no line is ${excerpt(word)}`;
    found[name] = lines.slice(at + 1, end).join("\n");
    at = end;
  }
  return undefined;
}

function excerpt(line: string): string {
  return JSON.stringify(line.length > 80 ? `${line.slice(0, 80)}…` : line);
}

function tooLarge({ runtimeEnvs, runtimeEnvBytes }: Limits): OutputProblem {
  const most = `at most ${runtimeEnvs} names and ${runtimeEnvBytes} bytes`;
  return {
    reason: "OUTPUT_TOO_LARGE",
    message: `the runtime envs of a task are ${most}; put large data into a file and hand on its path`,
  };
}

/** No file, a link, or a socket: open(2). */
const NONE = new Set(["ENOENT", "ELOOP", "ENXIO"]);

/** Whether an error means that there is no file that steps could have put something into. */
function meansNone(error: unknown): boolean {
  return error instanceof Error && "code" in error && NONE.has(String(error.code));
}

/**
 * The first bytes of a file of the steps; nothing when there is none. Never follows a link, and never reads
 * what does not belong to the steps' user: the supervisor may have more rights than they. Throws when there is
 * one that cannot be read: what a step put out must not be lost in silence.
 */
function readOwned(path: string, owner: Owner | undefined, atMost: number): Buffer | undefined {
  let fd: number;
  try {
    fd = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (error) {
    if (meansNone(error)) return undefined;
    throw error;
  }
  try {
    const stat = fstatSync(fd);
    if (!stat.isFile() || (owner && stat.uid !== owner.uid)) return undefined;
    const bytes = Buffer.alloc(Math.min(stat.size, atMost));
    let read = 0;
    while (read < bytes.length) {
      const count = readSync(fd, bytes, read, bytes.length - read, read);
      if (count === 0) break;
      read += count;
    }
    return bytes.subarray(0, read);
  } finally {
    closeSync(fd);
  }
}
