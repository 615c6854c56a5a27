// `mflow lint`: all that is wrong with manifests, with its place; without a server, unless one is asked for.

import type { ErrorDetail } from "@mflow/core/errors";
import { lint } from "@mflow/core/lint";
import { DEFAULT_SCOPE } from "@mflow/core/schema/scalars";
import type { Context } from "../context.ts";
import { EXIT } from "../exit-code.ts";
import { filesGiven, placeInFiles, readManifests } from "../manifest-files.ts";
import type { CommandCall } from "../program.ts";
import { problemLine } from "../report-error.ts";

export async function run(context: Context, call: CommandCall): Promise<number> {
  const found = await readManifests(context.io, filesGiven(call));
  const problems = [...found.problems];
  const { online, cluster } = call.options as { online?: boolean; cluster?: string };
  if (online || cluster !== undefined) {
    const { client } = await context.connect();
    const manifests = found.documents.map((document) => document.manifest);
    const answer = await client.manifests.lint({ documents: manifests, ...context.scope }, { cluster });
    problems.push(...placeInFiles(answer.problems, found.documents));
  } else {
    const { domain = DEFAULT_SCOPE.domain, namespace = DEFAULT_SCOPE.namespace } = context.scope;
    problems.push(...lint(found.documents, { scope: { domain, namespace } }));
  }
  const errors = problems.filter((problem) => problem.severity !== "warning").length;
  if (context.documentFormat) await context.printDocument({ problems });
  else
    printProblems(context, problems, errors, found.documents.filter((document) => !document.broken).length);
  return errors > 0 ? EXIT.refused : EXIT.ok;
}

function printProblems(
  context: Context,
  problems: readonly ErrorDetail[],
  errors: number,
  documents: number,
): void {
  for (const problem of problems) context.print(problemLine(problem, context.style));
  const warnings = problems.length - errors;
  const parts = [count(documents, "good document"), count(errors, "error"), count(warnings, "warning")];
  context.note(parts.join(", "));
}

function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? "" : "s"}`;
}
