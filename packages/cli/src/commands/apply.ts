// `mflow apply`: stores the documents of files, all or none, and with --prune deletes what the files have no more.

import type { ApplyRequest, PrunedRecord } from "@mflow/core/schema/api";
import type { Context } from "../context.ts";
import { filesGiven, readGoodManifests } from "../manifest-files.ts";
import type { CommandCall } from "../program.ts";
import { UsageError } from "../usage-error.ts";
import { askYes } from "./ask-yes.ts";
import { printWarnings, refusedInFiles } from "./manifest-answers.ts";
import { parseLabels } from "./run-values.ts";

interface ApplyOptions {
  dryRun?: boolean;
  prune?: boolean;
  label?: string[];
  yes?: boolean;
}

export async function run(context: Context, call: CommandCall): Promise<undefined> {
  const options = call.options as unknown as ApplyOptions;
  const { dryRun = false } = options;
  const labels = labelsToPrune(options);
  const documents = await readGoodManifests(context.io, filesGiven(call));
  const { client } = await context.connect({ start: true });
  const request: ApplyRequest = {
    documents: documents.map((document) => document.manifest),
    ...context.scope,
    ...(labels && { prune: { labels } }),
  };
  const apply = (isDry: boolean) =>
    client.manifests.apply({ ...request, ...(isDry && { dryRun: true }) }).catch((error) => {
      throw refusedInFiles(error, documents);
    });
  if (labels && !dryRun && !options.yes) {
    const { pruned = [] } = await apply(true);
    await confirmPrune(context, pruned);
  }
  const result = await apply(dryRun);
  printWarnings(context, result.warnings, documents);
  if (context.documentFormat) return context.printDocument(result);
  const records = [...result.documents, ...(result.pruned ?? [])];
  for (const record of records) context.print(recordLine(record, dryRun));
}

/** Throws UsageError when --prune and -l are not given together. */
function labelsToPrune({ prune, label, yes }: ApplyOptions): Record<string, string> | undefined {
  if (!prune) {
    if (!label && !yes) return undefined;
    throw new UsageError(`${label ? "--label" : "--yes"} goes with --prune`, "Add --prune, or leave it out.");
  }
  if (label) return parseLabels(label);
  const remedy = "Say what belongs to these files, e.g. -l app=shop; everything else is left alone.";
  throw new UsageError("--prune needs a label", remedy);
}

/** Throws UsageError when the person does not want it, or nobody can be asked. */
async function confirmPrune(context: Context, pruned: readonly PrunedRecord[]): Promise<void> {
  const deleted = pruned.filter(({ action }) => action === "DELETED");
  if (deleted.length === 0) return;
  for (const record of deleted) context.io.stderr.write(`${recordLine(record, true)}\n`);
  const question = deleted.length === 1 ? "Delete this record?" : `Delete these ${deleted.length} records?`;
  if (await askYes(context, question)) return;
  throw new UsageError(
    "nothing was stored and nothing deleted",
    "Leave out --prune to apply the files alone.",
  );
}

type Line = Pick<PrunedRecord, "name" | "version" | "stage" | "reason"> & { kind: string; action: string };

function recordLine({ kind, name, version, stage, action, reason }: Line, isDry: boolean): string {
  const words = [kind.toLowerCase(), version ? `${name}:${version}` : name, action.toLowerCase()];
  if (stage) words.push(`(${stage})`);
  if (isDry) words.push("(dry run)");
  return reason === undefined ? words.join(" ") : `${words.join(" ")}: ${reason}`;
}
