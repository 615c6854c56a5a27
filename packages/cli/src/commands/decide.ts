// `mflow audit` and `mflow confirm`: decides a gate.

import type { DecideRequest } from "@mflow/core/schema/request";
import type { Context } from "../context.ts";
import type { CommandCall } from "../program.ts";
import { UsageError } from "../usage-error.ts";
import { openGateOf, pathOf, peopleOf } from "../view/watched.ts";

interface DecideOptions {
  pass?: boolean;
  deny?: boolean;
  pushBack?: string;
  message?: string;
  digest?: string;
}

export async function run(context: Context, { args, options, command }: CommandCall): Promise<undefined> {
  const [id] = args as [string];
  const kind = command.name() as "audit" | "confirm";
  const { message, digest } = options as DecideOptions;
  const verdict = verdictOf(kind, options as DecideOptions);
  const { client } = await context.connect();
  const task = await client.tasks[kind](id, {
    ...verdict,
    ...(message !== undefined && { comment: message }),
    ...(digest !== undefined && { digest }),
  });
  if (context.documentFormat) return context.printDocument(task);
  const what = verdict.pushBackTo === undefined ? verdict.verdict : `PUSH_BACK to ${verdict.pushBackTo}`;
  // Pushed back, the task may be at its audit again already: that is another story.
  const open = verdict.verdict === "PASS" ? openGateOf(task) : undefined;
  const still = open?.kind === kind ? `; it still waits for ${peopleOf(open.gate, task)}` : "";
  context.print(`${kind} of ${pathOf(task)}: ${what}${still}`);
}

function verdictOf(
  kind: "audit" | "confirm",
  { pass, deny, pushBack, message }: DecideOptions,
): Pick<DecideRequest, "verdict" | "pushBackTo"> {
  const hasReason = Boolean(message?.trim());
  if (pass) return { verdict: "PASS" };
  if (deny) {
    if (!hasReason) throw new UsageError("a --deny needs a reason", "Give it with -m.");
    return { verdict: "DENY" };
  }
  if (pushBack === undefined) {
    throw new UsageError(
      kind === "audit" ? "say --pass or --deny" : "say --pass, --deny or --push-back TASK",
    );
  }
  if (!hasReason) {
    throw new UsageError(
      "a --push-back needs a reason",
      "Give it with -m; the task gets it as MFLOW_FEEDBACK.",
    );
  }
  return { verdict: "PUSH_BACK", pushBackTo: pushBack };
}
