// Manifests as requests bring them: YAML text or parsed documents. The parser is loaded at first use, so that it
// costs a starting server nothing.

import { type ErrorDetail, MflowError } from "@mflow/core/errors";
import type { LintContext } from "@mflow/core/lint";
import type { Manifest, ParsedDocument, ParsedManifests, ScopedManifest } from "@mflow/core/manifest";
import { refuseProblems } from "@mflow/core/refuse-problems";
import type { LintRequest } from "@mflow/core/schema/api";
import type { Listeners } from "@mflow/core/schema/listener";
import { type GivenPipelineSpec, isExtending } from "@mflow/core/schema/pipeline";
import type { RunJobRequest, RunPipelineRequest } from "@mflow/core/schema/request";
import type { Scope } from "@mflow/core/schema/scalars";
import type { GivenDocument } from "../catalog/applying.ts";
import type { CatalogStore } from "../store/store.ts";
import { YamlText } from "./body.ts";
import { lookUpKnown } from "./lint-known.ts";

function loadParser() {
  return import("@mflow/core/manifest");
}

/** The documents of an apply or lint request. Rejects with BAD_REQUEST when there are none, or two kinds of them. */
export async function parseInput(input: LintRequest | YamlText, file?: string): Promise<ParsedManifests> {
  const { parseManifestObjects, parseManifests } = await loadParser();
  if (input instanceof YamlText) return parseManifests(input.text, { file });
  const { manifests, documents } = input;
  if (manifests !== undefined && documents === undefined) {
    return parseManifests(manifests, { file: input.file });
  }
  if (documents?.length === 0) throw new MflowError("BAD_REQUEST", "`documents` is empty.");
  if (documents !== undefined && manifests === undefined) {
    return parseManifestObjects(documents, "/documents");
  }
  throw new MflowError("BAD_REQUEST", "Give either `manifests` (YAML text) or `documents`.");
}

/** A parsed document as the catalogue takes it. */
export function givenDocument(document: ParsedDocument): GivenDocument {
  return {
    manifest: document.manifest,
    locate: (problem) => ({
      ...problem,
      path: document.path + problem.path,
      ...(document.file !== undefined && { file: document.file }),
      ...document.locate(problem.path),
    }),
  };
}

/** What linting looks things up in. */
export interface LintSources {
  store: CatalogStore;
  /** Runners that the server has. */
  runnerTypes?: readonly string[];
  /** Users and groups; nothing while there are none. */
  people?(): LintContext["people"];
  /** Kinds of the stored channels by name. */
  channels?(): LintContext["channels"];
  /** Whether messages may be sent to a host inside the server's own network. */
  allowsTarget?(host: string): boolean;
}

/** Who can be told, and how. */
function reachable(sources: LintSources): Pick<LintContext, "people" | "channels" | "allowsTarget"> {
  const { people, channels, allowsTarget } = sources;
  return { people: people?.(), channels: channels?.(), ...(allowsTarget && { allowsTarget }) };
}

/**
 * What makes no sense in documents whose shape is right, with the stored jobs at hand: errors and warnings.
 * `overlay`: they are laid over the stored ones for one run.
 */
export async function lintDocuments(
  sources: LintSources,
  documents: readonly ParsedDocument[],
  scope: Scope,
  overlay = false,
): Promise<ErrorDetail[]> {
  const { store, runnerTypes } = sources;
  const { lint } = await import("@mflow/core/lint");
  const { isAnyJobMissing, isAnyPipelineMissing, ...known } = await lookUpKnown(store, documents, {
    scope,
    overlay,
  });
  // Names are wanted for "did you mean" alone.
  const named = async (list: () => Promise<{ items: { name: string }[] }>, isWanted: boolean) =>
    new Set(isWanted ? (await list()).items.map(({ name }) => name) : []);
  return lint(documents, {
    ...{ scope, overlay, runnerTypes },
    ...known,
    jobNames: await named(() => store.listJobs({ scope, limit: 500 }), isAnyJobMissing),
    pipelineNames: await named(() => store.listPipelines({ scope, limit: 500 }), isAnyPipelineMissing),
    ...reachable(sources),
  });
}

/** Whether a problem refuses the document. */
export function isError(problem: ErrorDetail): boolean {
  return problem.severity !== "warning";
}

/** The problem with a path that begins at a part of the body instead of its place in a list. */
function movedBelow(place: string, problem: ErrorDetail): ErrorDetail {
  return { ...problem, path: problem.path.replace(/^\/0/, place) };
}

/** All errors of one document, shape and sense. */
async function errorsOf(
  sources: LintSources,
  document: unknown,
  scope: Scope,
  overlay = false,
): Promise<{ manifest?: Manifest; errors: ErrorDetail[] }> {
  const { parseManifestObjects } = await loadParser();
  const { documents, problems } = parseManifestObjects([document]);
  const found = [...problems, ...(await lintDocuments(sources, documents, scope, overlay))];
  return { manifest: documents[0]?.manifest, errors: found.filter(isError) };
}

/** All errors of a manifest that is a request's whole body. */
export async function checkManifest(
  sources: LintSources,
  manifest: Manifest,
  scope: Scope,
): Promise<ErrorDetail[]> {
  const { errors } = await errorsOf(sources, manifest, scope);
  return errors.map((problem) => movedBelow("", problem));
}

/** The manifest that is a request's whole body, as the catalogue takes it. Rejects with INVALID_DOCUMENT. */
export async function readManifest(
  sources: LintSources,
  body: unknown,
  kind: Manifest["kind"],
  scope: Scope,
): Promise<GivenDocument> {
  const { manifest, errors } = await errorsOf(sources, body, scope);
  refuseProblems(errors.map((problem) => movedBelow("", problem)));
  if (manifest?.kind !== kind) {
    const message = `a document of \`kind: ${kind}\` is wanted here`;
    throw new MflowError("INVALID_DOCUMENT", `/kind: ${message}`, [{ path: "/kind", message }]);
  }
  return { manifest, locate: (problem) => problem };
}

/** Refuses a run request whose own documents or spec make no sense. Rejects with INVALID_DOCUMENT. */
export async function checkRunDocuments(
  sources: LintSources,
  { documents, spec }: { documents?: ScopedManifest[]; spec?: GivenPipelineSpec },
  scope: Scope,
): Promise<void> {
  if (documents) {
    const { parseManifestObjects } = await loadParser();
    const parsed = parseManifestObjects(documents, "/documents");
    const findings = await lintDocuments(sources, parsed.documents, scope, true);
    refuseProblems([...parsed.problems, ...findings.filter(isError)]);
  }
  // With documents, its jobs may be among them; the engine looks them up either way.
  if (spec && !documents) {
    const { errors } = await errorsOf(
      sources,
      { kind: "Pipeline", metadata: { name: "spec" }, spec },
      scope,
      true,
    );
    refuseProblems(errors.map((problem) => movedBelow("", problem)));
  }
}

/**
 * Refuses a run request whose own listeners make no sense: those of a lone task, or those that join a pipeline's.
 * Rejects with INVALID_DOCUMENT.
 */
export async function checkRunListeners(
  sources: LintSources,
  request: Listeners & { documents?: ScopedManifest[]; spec?: GivenPipelineSpec },
  of: "pipeline" | "task",
): Promise<void> {
  const rules = await import("@mflow/core/lint/listeners");
  const { templateProblems } = await import("@mflow/core/lint/message-templates");
  const known = { ...reachable(sources), templateProblems };
  if (of === "task") {
    refuseProblems(rules.errorsAmong(rules.loneListenerRules(request, "", known)));
    return;
  }
  const { documents } = request;
  // One that extends another is looked at when it is put together.
  const spec = request.spec && !isExtending(request.spec) ? request.spec : undefined;
  // Without documents the spec was checked as a whole.
  const ofSpec = spec && documents ? rules.errorsAmong(rules.listenerRulesOf(spec, "/spec", known)) : [];
  refuseProblems([...ofSpec, ...rules.errorsAmong(rules.requestListenerRules(request, "", known, spec))]);
}

/** Refuses a run request whose own gates make no sense, or name people who are not there or cannot decide in the scope. Rejects with INVALID_DOCUMENT. */
export async function checkRunGates(
  sources: LintSources,
  request: Pick<RunPipelineRequest, "auditors"> & Pick<RunJobRequest, "audit" | "confirm">,
  scope: Scope,
): Promise<void> {
  const { auditors = [], audit, confirm } = request;
  if (auditors.length === 0 && !audit && !confirm) return;
  const { addedAuditorRules, loneGateRules } = await import("@mflow/core/lint/gates");
  const { errorsAmong } = await import("@mflow/core/lint/listeners");
  const known = { ...reachable(sources), scope };
  refuseProblems([
    ...errorsAmong(addedAuditorRules(auditors, "/auditors", known)),
    ...errorsAmong(loneGateRules({ audit, confirm }, "", known)),
  ]);
}
