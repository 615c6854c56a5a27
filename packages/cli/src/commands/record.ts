// `mflow record ...`: the decision record of the server.

import type { DecisionRecord } from "@mflow/core/schema/decision-record";
import type { VerifyQuery } from "@mflow/core/schema/release-report";
import type { Client } from "@mflow/sdk";
import type { Context } from "../context.ts";
import { EXIT } from "../exit-code.ts";
import type { CommandCall, CommandModule } from "../program.ts";
import { UsageError } from "../usage-error.ts";
import { recordColumns } from "../view/record-columns.ts";
import { printTable } from "./print-table.ts";
import { sayMore } from "./say-more.ts";

interface ListOptions {
  run?: string;
  task?: string;
  after?: number;
  limit?: number;
  all?: boolean;
}

const WHOLE_PAGE = 500;

export const writesMarkdown: CommandModule["writesMarkdown"] = (command) => command.name() === "export";

export async function run(context: Context, call: CommandCall): Promise<number | undefined> {
  const { client } = await context.connect();
  switch (call.command.name()) {
    case "list":
      return list(context, client, call.options as ListOptions);
    case "verify":
      return verify(context, client, call.options as { expect?: string });
    default:
      return exportReport(context, client, call);
  }
}

async function list(context: Context, client: Client, options: ListOptions): Promise<undefined> {
  const { run: pipelineTaskId, task: taskId, all } = options;
  const items: DecisionRecord[] = [];
  let after = options.after;
  do {
    const limit = options.limit ?? (all ? WHOLE_PAGE : undefined);
    const page = await client.records.list({ ...context.scope, pipelineTaskId, taskId, after, limit });
    items.push(...page.items);
    after = page.nextAfter;
  } while (all && after !== undefined);
  if (context.documentFormat) {
    return context.printDocument(after === undefined ? { items } : { items, nextAfter: after });
  }
  if (items.length === 0) return context.note("no rows");
  printTable(context, recordColumns, items);
  if (after !== undefined) sayMore(context, `--after ${after}`, options.limit);
}

/** A row and its hash, as `verify` prints them. */
function parseExpected(text: string): VerifyQuery {
  const [, seq, hash] = /^(\d{1,15}):([0-9a-fA-F]{64})$/.exec(text) ?? [];
  if (seq === undefined || hash === undefined || Number(seq) < 1) {
    throw new UsageError(
      `\`${text}\` is no row with its hash`,
      "Write it as ROW:HASH, as `mflow record verify` or a release report printed it.",
    );
  }
  return { seq: Number(seq), hash: hash.toLowerCase() };
}

async function verify(context: Context, client: Client, { expect }: { expect?: string }): Promise<number> {
  const verdict = await client.records.verify(expect === undefined ? {} : parseExpected(expect));
  const { ok, rows, lastSeq, lastHash, bad } = verdict;
  if (context.documentFormat) await context.printDocument(verdict);
  else if (ok) {
    context.print(`the decision record is whole: ${rows} row${rows === 1 ? "" : "s"}`);
    if (lastSeq > 0) context.print(`last row ${lastSeq}:${lastHash}`);
    if (lastSeq > 0 && expect === undefined) {
      context.note("note that line elsewhere; with --expect it shows later whether rows were written anew");
    }
  } else {
    context.print(`the decision record is NOT whole: ${bad?.reason ?? "a row is wrong"}`);
    context.print(`last good row ${lastSeq}:${lastHash}`);
  }
  return ok ? EXIT.ok : EXIT.failed;
}

async function exportReport(context: Context, client: Client, { args }: CommandCall): Promise<undefined> {
  const [id] = args as [string];
  if (context.documentFormat) return context.printDocument(await client.records.report(id));
  context.io.stdout.write(await client.records.reportText(id));
}
