// Rules between the documents of one file, and on their metadata.

import type { Manifest, ParsedDocument } from "../manifest.ts";
import { quoted } from "../quoted.ts";
import { formatJobRef, formatPipelineRef, isVersionRange, LATEST } from "../reference.ts";
import { DEFAULT_JOB_VERSION } from "../schema/job.ts";
import type { Scope } from "../schema/scalars.ts";
import { scopeOf } from "./context.ts";
import { error, type Finding } from "./finding.ts";

/** What a document is stored under. */
function identityOf(manifest: Manifest, scope: Scope): string {
  if (manifest.kind === "Cluster" || manifest.kind === "Limit") return manifest.metadata.name;
  const { metadata } = manifest;
  const named = { name: metadata.name, ...scopeOf(metadata, scope) };
  if (manifest.kind !== "Job") return formatPipelineRef(named);
  return formatJobRef({ ...named, version: manifest.metadata.version ?? DEFAULT_JOB_VERSION });
}

/** A document is given once, and no version is called `latest`. */
export function* documentRules(
  documents: readonly ParsedDocument[],
  scope: Scope,
): Generator<{ document: ParsedDocument; finding: Finding }> {
  const first = new Map<string, ParsedDocument>();
  for (const document of documents) {
    const { manifest } = document;
    const key = `${manifest.kind} ${identityOf(manifest, scope)}`;
    const earlier = first.get(key);
    if (earlier) {
      const line = earlier.locate("/metadata/name")?.line;
      const place = line === undefined ? `document ${earlier.index + 1}` : `line ${line}`;
      const where = earlier.file === document.file ? place : `${earlier.file ?? ""} ${place}`.trim();
      const what = `${manifest.kind} ${quoted(identityOf(manifest, scope))}`;
      const remedy =
        manifest.kind === "Job"
          ? "remove one, or give it another name or version"
          : "remove one or rename it";
      yield {
        document,
        finding: error("/metadata/name", `${what} is given twice, first in ${where}; ${remedy}`),
      };
    } else first.set(key, document);
    if (manifest.kind === "Job" && manifest.metadata.version === LATEST) {
      const message = "`latest` is not a version but a way to refer to one; name it e.g. `v2`";
      yield { document, finding: error("/metadata/version", message) };
    } else if (manifest.kind === "Job" && isVersionRange(manifest.metadata.version ?? "")) {
      const message = `${quoted(manifest.metadata.version ?? "")} reads as a range of versions; name one, e.g. \`1.2.0\``;
      yield { document, finding: error("/metadata/version", message) };
    }
  }
}
