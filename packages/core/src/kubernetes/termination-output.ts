// What a container puts out through its termination message: runtime envs in dotenv form. The same message may be a
// sentence for people, so a text that is anything else than dotenv as a whole is none.

import { utf8ToBytes } from "@noble/hashes/utils.js";

/** The kubelet keeps the last 4096 bytes of a message (k8s.io/kubernetes pkg/kubelet/kuberuntime). */
const LONGEST_MESSAGE = 4096;

/** A comment or nothing, up to the end of the line. */
const BLANK = /[ \t]*(?:#.*)?(?:\r?\n|$)/y;
/** The value is quoted, which may be of many lines and followed by a comment, or it is the rest of the line. */
const ASSIGNMENT =
  /[ \t]*(?:export[ \t]+)?([A-Za-z_][A-Za-z0-9_]{0,127})=(?:"((?:[^"\\]|\\[\s\S])*)"[ \t]*(?:#.*)?|'([^']*)'[ \t]*(?:#.*)?|(?![ \t]*["'])(.*?)[ \t]*)(?:\r?\n|$)/y;

const ESCAPES: Readonly<Record<string, string>> = { n: "\n", r: "\r", t: "\t" };

/**
 * The runtime envs of a termination message: `NAME=value` lines, also with `export`, values plain or in quotes (in
 * double ones `\n`, `\t`, `\"`, `\\` and the like are escapes), comments and blank lines between them. Of a name that
 * comes twice the last value counts. Nothing when the message is not dotenv as a whole, holds no value, or is so long
 * that Kubernetes has cut off its beginning.
 */
export function parseTerminationOutput(message: string): Record<string, string> | undefined {
  if (message.includes("\0") || utf8ToBytes(message).length >= LONGEST_MESSAGE) return undefined;
  const found = new Map<string, string>();
  let at = 0;
  while (at < message.length) {
    BLANK.lastIndex = at;
    ASSIGNMENT.lastIndex = at;
    const [all, name, double, single, plain] = ASSIGNMENT.exec(message) ?? BLANK.exec(message) ?? [];
    if (all === undefined) return undefined;
    if (name !== undefined)
      found.set(name, double === undefined ? (single ?? plain ?? "") : unescaped(double));
    at += all.length;
  }
  return found.size === 0 ? undefined : Object.fromEntries(found);
}

function unescaped(text: string): string {
  return text.replace(/\\([\s\S])/g, (_, letter: string) => ESCAPES[letter] ?? letter);
}
