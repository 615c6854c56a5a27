// Asks before something is done that cannot be undone.

import { createInterface } from "node:readline/promises";
import type { Context } from "../context.ts";
import { UsageError } from "../usage-error.ts";

/**
 * Whether the person at the terminal says yes. Where nobody can be asked, `--yes` has to say it.
 * @throws UsageError
 */
export async function askYes({ io }: Context, question: string): Promise<boolean> {
  if (!io.stdin.isTTY || !io.stderr.isTTY) {
    throw new UsageError(
      `nobody can be asked here: ${question}`,
      "Say --yes, or --dry-run to see what it is.",
    );
  }
  const asking = createInterface({ input: io.stdin, output: io.stderr });
  try {
    const answer = await asking.question(`${question} [y/N] `);
    return /^y(es)?$/i.test(answer.trim());
  } finally {
    asking.close();
  }
}
