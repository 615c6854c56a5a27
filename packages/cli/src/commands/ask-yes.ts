// A question that a person at a terminal answers with yes or no.

import { createInterface } from "node:readline/promises";
import type { Io } from "../io.ts";

/** Whether the answer is yes; anything else, and the end of the input, is no. The question goes to stderr. */
export async function askYes(
  { stdin, stderr }: Pick<Io, "stdin" | "stderr">,
  question: string,
): Promise<boolean> {
  const lines = createInterface({ input: stdin, output: stderr });
  const closed = new Promise<string>((resolve) => lines.once("close", () => resolve("")));
  try {
    const answer = await Promise.race([lines.question(`${question} [y/N] `), closed]);
    return /^y(es)?$/i.test(answer.trim());
  } finally {
    lines.close();
  }
}
