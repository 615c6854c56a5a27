// `mflow diff`: what an apply of the files would change, as the server compares it.

import type { Context } from "../context.ts";
import { EXIT } from "../exit-code.ts";
import { filesGiven, readGoodManifests } from "../manifest-files.ts";
import type { CommandCall } from "../program.ts";
import { diffLines } from "../view/diff-lines.ts";
import { printWarnings, refusedInFiles } from "./manifest-answers.ts";

const COLUMNS = 80;

export async function run(context: Context, call: CommandCall): Promise<number> {
  const documents = await readGoodManifests(context.io, filesGiven(call));
  const { client } = await context.connect({ start: true });
  const result = await client.manifests
    .diff({ documents: documents.map((document) => document.manifest), ...context.scope })
    .catch((error) => {
      throw refusedInFiles(error, documents);
    });
  printWarnings(context, result.warnings, documents);
  const { stdout } = context.io;
  const columns = stdout.isTTY ? Math.max(40, stdout.columns ?? COLUMNS) : COLUMNS;
  if (context.documentFormat) await context.printDocument(result);
  else for (const line of diffLines(result.documents, { style: context.style, columns })) context.print(line);
  return result.documents.every(({ action }) => action === "UNCHANGED") ? EXIT.ok : EXIT.failed;
}
