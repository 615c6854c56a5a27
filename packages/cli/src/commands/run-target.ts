// What `mflow run` is to run: a pipeline or a job, of the given files or of the server.

import type { ParsedDocument } from "@mflow/core/manifest";
import { didYouMean } from "@mflow/core/nearest";
import { UsageError } from "../usage-error.ts";

export type Target =
  | { pipeline: string; document?: ParsedDocument }
  | { job?: string; document?: ParsedDocument }
  | { task: string };

export interface Wanted {
  /** The positional argument. */
  pipeline?: string;
  job?: string;
  task?: string;
}

/** Throws UsageError when it is not clear what is meant. */
export function chooseTarget(wanted: Wanted, documents: readonly ParsedDocument[]): Target {
  const { pipeline, job, task } = wanted;
  if ([pipeline, job, task].filter((one) => one !== undefined).length > 1) {
    throw new UsageError("a pipeline, --job and --task exclude each other", "Name one of them.");
  }
  if (task !== undefined) return { task };
  if (job !== undefined) return { job };
  const pipelines = documents.filter((document) => document.manifest.kind === "Pipeline");
  const names = pipelines.map(nameOf);
  if (pipeline !== undefined) {
    const document = pipelines[names.indexOf(pipeline)];
    if (!document && names.length > 0) {
      throw new UsageError(
        `the files hold no pipeline \`${pipeline}\`${didYouMean(pipeline, names)}`,
        `They hold ${names.map((name) => `\`${name}\``).join(", ")}.`,
      );
    }
    if (!document && /\.(ya?ml|json)$/i.test(pipeline)) {
      throw new UsageError(
        `\`${pipeline}\` is a file, not a pipeline`,
        `Run it with -f: mflow run -f ${pipeline}`,
      );
    }
    return { pipeline, document };
  }
  const isTemplate = ({ manifest }: ParsedDocument) =>
    manifest.kind === "Pipeline" && manifest.spec.isTemplate;
  const runnable = pipelines.filter((document) => !isTemplate(document));
  const [only, ...others] = runnable.length > 0 ? runnable : pipelines;
  if (only && others.length === 0) return { pipeline: nameOf(only), document: only };
  if (only) {
    throw new UsageError(`the files hold ${names.length} pipelines`, `Name one: ${names.join(", ")}.`);
  }
  const jobs = documents.filter((document) => document.manifest.kind === "Job");
  const [lone, ...more] = jobs;
  if (lone && more.length === 0) return { document: lone };
  if (lone) {
    throw new UsageError(
      `the files hold no pipeline but ${jobs.length} jobs`,
      `Name one with --job: ${jobs.map(nameOf).join(", ")}.`,
    );
  }
  if (documents.length > 0) {
    throw new UsageError(
      "the files hold neither a pipeline nor a job",
      "Schedules, clusters and limits are not run: apply them with mflow apply -f FILE.",
    );
  }
  throw new UsageError("nothing to run is named", "Name a pipeline, or give -f FILE or --job REF.");
}

function nameOf(document: ParsedDocument): string {
  return document.manifest.metadata.name;
}
