// Whether documents of the right shape also make sense: every rule of lint/, over all documents of a file at once.

import type { ErrorDetail } from "./errors.ts";
import type { PipelineSource } from "./extend-pipeline.ts";
import { jobKeepRules, pipelineKeepRules } from "./lint/artifacts.ts";
import { type ChainedPipeline, ChainLookup, chainRules } from "./lint/chain.ts";
import { clusterRules } from "./lint/clusters.ts";
import { concurrencyRules } from "./lint/concurrency.ts";
import type { LintContext } from "./lint/context.ts";
import { declarationRules } from "./lint/declarations.ts";
import { documentRules } from "./lint/documents.ts";
import { timeoutRules } from "./lint/durations.ts";
import { error, type Finding, warning } from "./lint/finding.ts";
import { gateRulesOf } from "./lint/gates.ts";
import { JobLookup } from "./lint/jobs.ts";
import { KnownPipelines } from "./lint/known-pipelines.ts";
import { listenerRulesOf } from "./lint/listeners.ts";
import { templateProblems } from "./lint/message-templates.ts";
import { parentsOf } from "./lint/parents.ts";
import { PipelineLookup, sourceOfManifest } from "./lint/pipelines.ts";
import { planRules } from "./lint/plan.ts";
import { PlanFacts } from "./lint/plan-facts.ts";
import { retentionRules } from "./lint/retention.ts";
import { jobRetryRules } from "./lint/retry.ts";
import { rollbackRules } from "./lint/rollback.ts";
import { runnerSpecRules } from "./lint/runner-spec.ts";
import { type ScheduleLookups, scheduleRules } from "./lint/schedules.ts";
import { stageRules } from "./lint/stages.ts";
import { templateRules } from "./lint/templates.ts";
import { valueLevelRules } from "./lint/values.ts";
import type { Manifest, ParsedDocument } from "./manifest.ts";
import { below } from "./pointer.ts";
import { atMost, byPlace } from "./problem-order.ts";
import { quoted } from "./quoted.ts";
import { formatPipelineRef } from "./reference.ts";
import type { ClusterManifest } from "./schema/cluster.ts";
import type { JobManifest } from "./schema/job.ts";
import type { LimitManifest } from "./schema/limit.ts";

export { startsOf } from "./lint/chain.ts";
export type { KnownJob, LintContext } from "./lint/context.ts";
export { JobLookup, readableJobRef, refKey } from "./lint/jobs.ts";
export { fullPipelineRef, pipelineRefsOf } from "./lint/known-pipelines.ts";
export { namesPutOut } from "./lint/outputs.ts";
export { pipelineRunBy } from "./lint/parents.ts";
export { sourcesOf } from "./lint/pipelines.ts";

function* jobRules({ spec }: JobManifest, context: LintContext): Generator<Finding> {
  if (context.runnerTypes && !context.runnerTypes.includes(spec.runnerType)) {
    const has = context.runnerTypes.map((type) => `\`${type}\``).join(", ") || "none";
    yield warning(
      "/spec/runnerType",
      `this server has no runner for \`${spec.runnerType}\` jobs (it has ${has})`,
    );
  }
  if (spec.runnerType === "MANUAL" && spec.manualUpdateStatus) {
    const message =
      "a MANUAL task waits for its status call anyway, so `manualUpdateStatus` has no effect; remove it";
    yield warning("/spec/manualUpdateStatus", message);
  }
  yield* timeoutRules(spec.timeout, "/spec/timeout");
  yield* jobRetryRules(spec.retry, "/spec/retry", spec.manualUpdateStatus === true);
  yield* jobKeepRules(spec, "/spec");
  yield* declarationRules(spec.runParams, "/spec/runParams");
  yield* declarationRules(spec.rollbackParams, "/spec/rollbackParams");
  yield* rollbackRules(spec);
  yield* runnerSpecRules(spec, "/spec/runnerSpec", "/spec/runParams");
  yield* templateRules(spec, "/spec/runnerSpec", "/spec/runParams");
}

interface Lookups extends ScheduleLookups {
  chains: ChainLookup;
  /** Whether tasks may run a pipeline of this name. */
  hasParents(name: string): boolean;
}

/** The rules for a whole pipeline that lives in a scope. */
function* wholePipelineRules(
  pipeline: ChainedPipeline,
  context: LintContext,
  { jobs, chains, hasParents }: Lookups,
): Generator<Finding> {
  const { spec, scope } = pipeline;
  yield* stageRules(spec, "/spec");
  yield* concurrencyRules(spec, "/spec");
  yield* gateRulesOf(spec, "/spec", { ...context, scope });
  yield* listenerRulesOf(spec, "/spec", { ...context, templateProblems });
  for (const [stageIndex, stage] of spec.stages.entries()) {
    for (const [taskIndex, task] of stage.tasks.entries()) {
      const resolution = jobs.resolve(task.job, scope);
      const path = `${below(`${below("/spec/stages", stageIndex)}/tasks`, taskIndex)}/job`;
      if (resolution.error) yield error(path, resolution.error);
      if (resolution.warning) yield warning(path, resolution.warning);
    }
  }
  const jobOf = (ref: string) => jobs.resolve(ref, scope).spec;
  yield* pipelineKeepRules(spec, "/spec", jobOf);
  const facts = new PlanFacts(spec, jobOf);
  yield* planRules(facts, "/spec", context.givenParams, hasParents(pipeline.name));
  yield* valueLevelRules(facts, "/spec", context.givenParams);
  yield* retentionRules(spec, "/spec", jobOf);
  yield* chainRules(pipeline, "/spec", chains);
}

/**
 * The rules for a pipeline as it is when it is put together. What is found in a part that a pipeline that it extends wrote
 * is told here too, unless that pipeline has it by itself: then it is told there, or, when it is stored, if it is an error.
 */
function* pipelineRules(
  pipeline: PipelineSource,
  context: LintContext,
  lookups: Lookups,
): Generator<Finding> {
  const { pipelines } = lookups;
  const { whole, problems, missing } = pipelines.putTogether(pipeline);
  if (missing && !context.findPipeline) {
    const message = `pipeline ${quoted(formatPipelineRef(missing))} is not among these documents, so what becomes of it here was not checked`;
    if (!context.overlay) yield warning("/spec/extends", message);
    return;
  }
  for (const { path, message, severity } of problems) yield { path, message, severity: severity ?? "error" };
  if (!whole || problems.some(({ severity }) => severity !== "warning")) return;
  for (const finding of wholePipelineRules({ ...pipeline, spec: whole.spec }, context, lookups)) {
    const { source, pointer } = whole.origin(finding.path);
    const writer = whole.extended[source - 1];
    if (writer === undefined || !isNotForHere(writer, pointer, finding)) yield whole.told(finding);
  }

  function isNotForHere(writer: string, pointer: string, { message, severity }: Finding): boolean {
    if (severity === "error" && !pipelines.isDocument(writer)) return false;
    // A value that nobody takes any more is not for who extends to remove.
    if (severity === "warning" && /\/(with|runParams)(\/|$)/.test(pointer)) return true;
    const own = pipelines.findingsOf(writer, (source) => pipelineRules(source, context, lookups));
    return own.some((finding) => finding.path === pointer && finding.message === message);
  }
}

/** Clusters and limits hold for all runs. */
function* settingsRules(
  manifest: ClusterManifest | LimitManifest,
  { overlay }: LintContext,
): Generator<Finding> {
  if (manifest.kind === "Cluster") yield* clusterRules(manifest.spec, "/spec");
  if (!overlay) return;
  const { kind, metadata } = manifest;
  const remedy = "apply it first (`mflow apply`) and leave it out";
  const message = `a run cannot bring a ${kind.toLowerCase()} along, and ${quoted(metadata.name)} is one; ${remedy}`;
  yield error("/kind", message);
}

function rulesOf(manifest: Manifest, context: LintContext, lookups: Lookups): Generator<Finding> {
  if (manifest.kind === "Job") return jobRules(manifest, context);
  if (manifest.kind === "Cluster" || manifest.kind === "Limit") return settingsRules(manifest, context);
  if (manifest.kind === "Schedule") return scheduleRules(manifest, context, lookups);
  return pipelineRules(sourceOfManifest(manifest, context.scope), context, lookups);
}

/** Whether a finding is about something whose shape is wrong already, which is told by itself. */
function isAboutBroken({ broken = [] }: ParsedDocument, { path }: Finding): boolean {
  // What a matrix has as a whole is not known when one of its values was left out.
  const isWhole = path.endsWith("/matrix");
  return broken.some(
    (pointer) =>
      path === pointer || path.startsWith(`${pointer}/`) || (isWhole && pointer.startsWith(`${path}/`)),
  );
}

/** The finding with the place of its document. */
function placed(document: ParsedDocument, { path, message, severity, atKey }: Finding): ErrorDetail {
  const file = document.file === undefined ? {} : { file: document.file };
  return { path: document.path + path, message, ...file, ...document.locate(path, atKey), severity };
}

/**
 * All errors and warnings of the documents, in their order. Errors mean that they should not be applied or run;
 * warnings that they may do something else than was meant.
 */
export function lint(documents: readonly ParsedDocument[], context: LintContext): ErrorDetail[] {
  const known = new KnownPipelines(documents, context);
  const pipelines = new PipelineLookup(documents, context);
  const jobs = new JobLookup(documents, context);
  const chains = new ChainLookup(context, known, pipelines, (job, scope) => jobs.resolve(job, scope).spec);
  const lookups = { known, pipelines, jobs, chains, hasParents: parentsOf(documents, context) };
  const found = new Map<ParsedDocument, ErrorDetail[]>(
    documents.map((document) => [document, [...document.warnings]]),
  );
  for (const { document, finding } of documentRules(documents, context.scope)) {
    if (!isAboutBroken(document, finding)) found.get(document)?.push(placed(document, finding));
  }
  for (const document of documents) {
    for (const finding of rulesOf(document.manifest, context, lookups)) {
      if (!isAboutBroken(document, finding)) found.get(document)?.push(placed(document, finding));
    }
  }
  return atMost([...found.values()].flatMap(byPlace));
}
