// `mflow apply`: stores the documents of files, all or none.

import { ApiError } from "@mflow/sdk";
import type { Context } from "../context.ts";
import { placeInFiles, problemsError, readGoodManifests } from "../manifest-files.ts";
import type { CommandCall } from "../program.ts";
import { problemLine } from "../report-error.ts";
import { UsageError } from "../usage-error.ts";

export async function run(context: Context, { options }: CommandCall): Promise<undefined> {
  const { file, dryRun } = options as { file: string[]; dryRun?: boolean };
  const documents = await readGoodManifests(context.io, file);
  const { client } = await context.connect({ start: true });
  const result = await client.manifests
    .apply({
      documents: documents.map((document) => document.manifest),
      ...context.scope,
      ...(dryRun && { dryRun }),
    })
    .catch((error) => {
      if (!(error instanceof ApiError) || error.details.length === 0) throw error;
      const details = placeInFiles(error.details, documents);
      throw error.code === "INVALID_DOCUMENT"
        ? problemsError(details)
        : new UsageError(error.message, error.remedy, details);
    });
  for (const warning of placeInFiles(result.warnings, documents)) {
    context.io.stderr.write(`${problemLine(warning, context.errorStyle)}\n`);
  }
  if (context.documentFormat) return context.printDocument(result);
  for (const { kind, name, version, stage, action } of result.documents) {
    const words = [kind.toLowerCase(), version ? `${name}:${version}` : name, action.toLowerCase()];
    if (stage) words.push(`(${stage})`);
    if (dryRun) words.push("(dry run)");
    context.print(words.join(" "));
  }
}
