// `mflow withdraw`: takes back one's own pass.

import type { JobTaskView } from "@mflow/core/schema/api";
import type { Context } from "../context.ts";
import type { CommandCall } from "../program.ts";
import { openGateOf, pathOf, peopleOf } from "../view/watched.ts";

export async function run(context: Context, { args, options }: CommandCall): Promise<undefined> {
  const [id, given] = args as [string, ("audit" | "confirm")?];
  const { message } = options as { message?: string };
  const { client } = await context.connect();
  const gate = given ?? passedLast(await client.tasks.get(id), (await client.whoami()).name);
  const task = await client.tasks.withdraw(id, gate, message === undefined ? {} : { comment: message });
  if (context.documentFormat) return context.printDocument(task);
  const open = openGateOf(task);
  const waits = open?.kind === gate ? `; it waits for ${peopleOf(open.gate, task)}` : "";
  context.print(`${gate} of ${pathOf(task)}: your pass is taken back${waits}`);
}

/** The gate that the user passed last; the audit when they passed none, so that the server says so. */
function passedLast(task: JobTaskView, user: string): "audit" | "confirm" {
  const passed = (gate: JobTaskView["audit"]) =>
    gate?.decisions.some(
      (one) => one.user === user && one.verdict === "PASS" && one.withdrawnAt === undefined,
    );
  return passed(task.confirm) ? "confirm" : "audit";
}
