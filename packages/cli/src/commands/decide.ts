// `mflow audit` and `mflow confirm`: decides a gate.

import type { Context } from "../context.ts";
import type { CommandCall } from "../program.ts";
import { UsageError } from "../usage-error.ts";
import { openGateOf, pathOf, peopleOf } from "../view/watched.ts";

interface DecideOptions {
  pass?: boolean;
  deny?: boolean;
  message?: string;
  digest?: string;
}

export async function run(context: Context, { args, options, command }: CommandCall): Promise<undefined> {
  const [id] = args as [string];
  const kind = command.name() as "audit" | "confirm";
  const { pass, deny, message, digest } = options as DecideOptions;
  if (!pass && !deny) throw new UsageError("say --pass or --deny");
  if (deny && !message?.trim()) throw new UsageError("a --deny needs a reason", "Give it with -m.");
  const { client } = await context.connect();
  const task = await client.tasks[kind](id, {
    verdict: pass ? "PASS" : "DENY",
    ...(message !== undefined && { comment: message }),
    ...(digest !== undefined && { digest }),
  });
  if (context.documentFormat) return context.printDocument(task);
  const open = openGateOf(task);
  const still = open?.kind === kind ? `; it still waits for ${peopleOf(open.gate)}` : "";
  context.print(`${kind} of ${pathOf(task)}: ${pass ? "PASS" : "DENY"}${still}`);
}
