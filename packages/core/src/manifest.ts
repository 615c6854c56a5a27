// Manifests: documents of a `kind`, as YAML text with the place of everything, or as parsed objects of an API body.
// All problems of all documents are found at once.

import type { ErrorDetail } from "./errors.ts";
import { type Explanation, explain } from "./explain.ts";
import { isMap } from "./is-map.ts";
import { didYouMean } from "./nearest.ts";
import { below } from "./pointer.ts";
import { atMost, byPlace } from "./problem-order.ts";
import { alternatives, quoted } from "./quoted.ts";
import { salvage } from "./salvage.ts";
import { ClusterManifest } from "./schema/cluster.ts";
import { JobManifest } from "./schema/job.ts";
import { LimitManifest } from "./schema/limit.ts";
import { PipelineManifest } from "./schema/pipeline.ts";
import { ScheduleManifest } from "./schema/schedule.ts";
import type { SchemaNode } from "./schema-node.ts";
import { MAX_DEPTH, MAX_DOCUMENTS, type Position, readYaml, type YamlDocument } from "./yaml-text.ts";

export type { Position } from "./yaml-text.ts";

/** What belongs to a scope, and can be laid over the stored records for one run. */
export type ScopedManifest = JobManifest | PipelineManifest;
export type Manifest = ScopedManifest | ScheduleManifest | ClusterManifest | LimitManifest;

/** Whether it belongs to a scope and can be laid over the stored records for one run. */
export function isScoped(manifest: Manifest): manifest is ScopedManifest {
  return manifest.kind === "Job" || manifest.kind === "Pipeline";
}

const kinds = {
  Job: JobManifest,
  Pipeline: PipelineManifest,
  Schedule: ScheduleManifest,
  Cluster: ClusterManifest,
  Limit: LimitManifest,
};
const kindNames = Object.keys(kinds);
const kindOptions = alternatives(kindNames.map((name) => `\`kind: ${name}\``));

/**
 * A document whose shape is right; `lint` says whether it also makes sense. One that has problems is here too, as
 * far as it can be made sense of without them, for `lint` alone.
 */
export interface ParsedDocument {
  manifest: Manifest;
  /** Pointers of what is wrong and left out of `manifest`. */
  broken?: readonly string[];
  /** From 0 among the documents of the text or the list. */
  index: number;
  file?: string;
  /** Pointer of the document in the body that it came in; empty for YAML text. */
  path: string;
  /** Where a part of the manifest stands in the text; nothing for objects. With `atKey` the place of its key. */
  locate(pointer: string, atKey?: boolean): Position | undefined;
  /** What reads otherwise than it is written. `lint` reports it too. */
  warnings: ErrorDetail[];
}

export interface ParsedManifests {
  documents: ParsedDocument[];
  /** Errors, in the order of the text. With one of them nothing of the text should be used but for `lint`. */
  problems: ErrorDetail[];
}

/** A runner spec that was given as YAML text, with the way back to its places. */
interface EmbeddedSpec {
  spec: unknown;
  document?: YamlDocument;
  problems: (Explanation & { inside?: Position })[];
}

const SPEC_POINTER = "/spec/runnerSpec";

function readEmbeddedSpec(text: string): EmbeddedSpec {
  const { documents, problems } = readYaml(text);
  const [document] = documents;
  const found = problems.map(({ path, message, line, column }) => ({
    path: SPEC_POINTER + path,
    message,
    inside: { line, column },
  }));
  if (found.length > 0) return { spec: {}, problems: found };
  if (document && documents.length === 1) return { spec: document.value, document, problems: [] };
  const message = document
    ? "`runnerSpec` holds more than one YAML document; keep one"
    : "`runnerSpec` is empty; say what the runner executes";
  return { spec: {}, problems: [{ path: SPEC_POINTER, message }] };
}

/** The document with its runner spec parsed, when that was given as text. */
function withParsedSpec(value: Record<string, unknown>): { value: unknown; embedded?: EmbeddedSpec } {
  const { spec } = value;
  if (value.kind !== "Job" || !isMap(spec) || typeof spec.runnerSpec !== "string") return { value };
  const embedded = readEmbeddedSpec(spec.runnerSpec);
  return { value: { ...value, spec: { ...spec, runnerSpec: embedded.spec } }, embedded };
}

/** What keeps a value from being looked at as a document of a kind. */
function kindProblem(value: unknown): Explanation | undefined {
  if (!isMap(value)) {
    const is = Array.isArray(value) ? "a list" : value === null ? "empty" : "a single value";
    return {
      path: "",
      message: `a document must be a map with \`kind\`, \`metadata\` and \`spec\`, but is ${is}`,
    };
  }
  if (value.kind === undefined || value.kind === null) {
    return { path: "/kind", message: `\`kind\` is missing; add ${kindOptions}` };
  }
  if (typeof value.kind === "string" && Object.hasOwn(kinds, value.kind)) return undefined;
  const is = typeof value.kind === "string" ? quoted(value.kind) : "no text";
  const meant = typeof value.kind === "string" ? didYouMean(value.kind, kindNames) : "";
  return {
    path: "/kind",
    message: `\`kind\` must be ${alternatives(kindNames.map(quoted))}, but is ${is}${meant}`,
  };
}

interface ReadDocument {
  manifest?: Manifest;
  broken?: readonly string[];
  embedded?: EmbeddedSpec;
  problems: EmbeddedSpec["problems"];
}

function readDocument(given: unknown): ReadDocument {
  const wrongKind = kindProblem(given);
  if (wrongKind || !isMap(given)) return { problems: wrongKind ? [wrongKind] : [] };
  const { value, embedded } = withParsedSpec(given);
  const schema = kinds[given.kind as keyof typeof kinds];
  const problems = [...(embedded?.problems ?? []), ...explain(schema as SchemaNode, value, "")];
  if (problems.length === 0) return { manifest: value as Manifest, embedded, problems };
  const rest = salvage(schema, value);
  if (!rest) return { problems, embedded };
  const embeddedBroken = embedded && embedded.problems.length > 0 ? [SPEC_POINTER] : [];
  const broken = [...rest.broken, ...embeddedBroken];
  return { manifest: rest.value as Manifest, broken, embedded, problems };
}

/** Finds places in a document, also inside a runner spec that is text. */
function locator(source: YamlDocument, embedded: EmbeddedSpec | undefined) {
  return (pointer: string, atKey?: boolean): Position => {
    if (!embedded?.document || !pointer.startsWith(`${SPEC_POINTER}/`)) return source.locate(pointer, atKey);
    const inside = embedded.document.locate(pointer.slice(SPEC_POINTER.length), atKey);
    return source.locateInText(SPEC_POINTER, inside);
  };
}

/**
 * Reads YAML (or JSON) text of any number of documents. Never throws: all that is wrong, in all documents, is in
 * `problems` with file, line and column. Text over 1 MiB, more than 1000 documents, more than 64 levels, and aliases
 * that explode are refused at once.
 */
export function parseManifests(text: string | Uint8Array, options: { file?: string } = {}): ParsedManifests {
  const file = options.file === undefined ? {} : { file: options.file };
  const yaml = readYaml(text);
  const documents: ParsedDocument[] = [];
  const problems: ErrorDetail[] = yaml.problems.map((problem) => ({
    ...problem,
    ...file,
    severity: "error",
  }));
  for (const source of yaml.documents) {
    const { manifest, broken, embedded, problems: wrong } = readDocument(source.value);
    const locate = locator(source, embedded);
    for (const { path, message, atKey, inside } of wrong) {
      const at = inside ? source.locateInText(SPEC_POINTER, inside) : locate(path, atKey);
      problems.push({ path, message, ...file, ...at, severity: "error" });
    }
    const inSpec = (embedded?.document?.warnings ?? []).map(({ path, message, line, column }) => {
      const at = source.locateInText(SPEC_POINTER, { line, column });
      return { path: SPEC_POINTER + path, message, ...at };
    });
    const warnings = [...source.warnings, ...inSpec].map(
      (warning): ErrorDetail => ({ ...warning, ...file, severity: "warning" }),
    );
    const place = { index: source.index, ...file, path: "", locate, warnings };
    if (manifest) documents.push({ manifest, ...(broken && { broken }), ...place });
  }
  if (yaml.documents.length === 0 && problems.length === 0) {
    const message = `the text holds no document; write one with ${kindOptions}`;
    problems.push({ path: "", message, ...file, line: 1, column: 1, severity: "error" });
  }
  return { documents, problems: atMost(byPlace(problems)) };
}

/** What a parsed value may not hold, whatever its schema: YAML text is checked for the same while it is read. */
function plainProblem(value: unknown, path: string, depth: number): Explanation | undefined {
  if (typeof value === "string" && (value.includes("\0") || !value.isWellFormed())) {
    return { path, message: "the text holds characters that cannot be kept (NUL or half a surrogate pair)" };
  }
  if (typeof value !== "object" || value === null) return undefined;
  if (depth >= MAX_DEPTH)
    return { path, message: `this is nested more than ${MAX_DEPTH} levels deep; make it flatter` };
  for (const [key, child] of Object.entries(value)) {
    const childPath = below(path, key);
    if (key === "__proto__")
      return { path: childPath, message: "`__proto__` is not allowed as a key; rename it" };
    const problem = plainProblem(key, childPath, depth) ?? plainProblem(child, childPath, depth + 1);
    if (problem) return problem;
  }
  return undefined;
}

/**
 * Checks documents that are parsed already, e.g. of a JSON body. Paths start with `basePath` and the document's
 * index, such as `/documents/0/spec`. Never throws.
 */
export function parseManifestObjects(values: readonly unknown[], basePath = ""): ParsedManifests {
  const documents: ParsedDocument[] = [];
  const problems: ErrorDetail[] = [];
  if (values.length > MAX_DOCUMENTS) {
    const message = `more than ${MAX_DOCUMENTS} documents; split them into several requests`;
    return { documents, problems: [{ path: basePath, message, severity: "error" }] };
  }
  for (const [index, value] of values.entries()) {
    const path = below(basePath, index);
    const notPlain = plainProblem(value, "", 0);
    const {
      manifest,
      broken,
      problems: wrong,
    }: ReadDocument = notPlain ? { problems: [notPlain] } : readDocument(value);
    for (const problem of wrong) {
      problems.push({ path: path + problem.path, message: problem.message, severity: "error" });
    }
    const place = { index, path, locate: () => undefined, warnings: [] };
    if (manifest) documents.push({ manifest, ...(broken && { broken }), ...place });
  }
  return { documents, problems: atMost(problems) };
}
