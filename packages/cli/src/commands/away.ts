// `mflow away`: who stands in while somebody is away, and that they are back.

import type { UserBody } from "@mflow/core/schema/account";
import type { Context } from "../context.ts";
import type { CommandCall } from "../program.ts";
import { UsageError } from "../usage-error.ts";
import { futureTime } from "./when.ts";

interface AwayOptions {
  until?: string;
  ask?: string;
  back?: boolean;
  user?: string;
}

export async function run(context: Context, { options }: CommandCall): Promise<undefined> {
  const { until, ask, back, user } = options as AwayOptions;
  if (!back && (until === undefined || ask === undefined)) {
    throw new UsageError(
      "say until when and who stands in",
      "e.g. --until 2026-03-08 --ask bob; or that you are here again: --back",
    );
  }
  const away = back ? null : { until: futureTime(until as string, Date.now()), ask: ask as string };
  const { client } = await context.connect();
  const name = user ?? (await client.whoami()).name;
  const changed = await client.users.patch(name, { away });
  if (context.documentFormat) return context.printDocument(changed);
  context.print(`user ${name}: ${awayText(changed) || "is here"}`);
}

/** `away until 2026-03-08T00:00:00.000Z, bob stands in`; empty for who is here. */
export function awayText({ away }: Pick<UserBody, "away">): string {
  return away ? `away until ${away.until}, ${away.ask} stands in` : "";
}
