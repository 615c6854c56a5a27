// Rules on files: what tasks keep, fetch of earlier tasks, and cache.

import { isMap } from "../is-map.ts";
import type { Fields } from "../kubernetes/author-fields.ts";
import { filesProblem } from "../kubernetes/pod-files.ts";
import { didYouMean } from "../nearest.ts";
import { graphOf, type PlanGraph, type PlanNode } from "../plan/graph.ts";
import { below } from "../pointer.ts";
import { quoted } from "../quoted.ts";
import type { ArtifactSpec, FetchSpec } from "../schema/artifact.ts";
import { type CacheSpecs, cacheList } from "../schema/cache.ts";
import type { JobSpec } from "../schema/job.ts";
import type { PipelineSpec } from "../schema/pipeline.ts";
import { pathProblem } from "../workspace-path.ts";
import { timeoutRules } from "./durations.ts";
import { error, type Finding, warning } from "./finding.ts";

interface Keeping {
  artifacts?: ArtifactSpec[];
  fetch?: FetchSpec[];
  cache?: CacheSpecs;
}

function* pathRules(path: string, pointer: string): Generator<Finding> {
  const problem = pathProblem(path);
  if (problem !== undefined) yield error(pointer, `${quoted(path)} ${problem}`);
}

function* artifactRules(artifacts: readonly ArtifactSpec[], path: string): Generator<Finding> {
  const names = new Set<string>();
  for (const [index, artifact] of artifacts.entries()) {
    const at = below(path, index);
    if (names.has(artifact.name)) {
      yield error(
        `${at}/name`,
        `another artifact of this task is called ${quoted(artifact.name)} too; rename one`,
      );
    }
    names.add(artifact.name);
    yield* pathRules(artifact.path, `${at}/path`);
    if (/[*?[]/.test(artifact.path)) {
      const message = `${quoted(artifact.path)} is taken literally: artifacts know no globs; name the folder instead`;
      yield warning(`${at}/path`, message);
    }
    yield* timeoutRules(artifact.retention, `${at}/retention`);
  }
}

function* cacheRules(caches: CacheSpecs | undefined, path: string): Generator<Finding> {
  const isList = Array.isArray(caches);
  const keys = new Set<string>();
  for (const [index, cache] of cacheList(caches).entries()) {
    const at = isList ? below(path, index) : path;
    const { prefix, files = [] } = cache.key;
    if (prefix === undefined && files.length === 0) {
      yield error(
        `${at}/key`,
        "the key has neither `files` nor `prefix`, so every task would share this cache; give one",
      );
    }
    for (const [place, glob] of files.entries()) yield* pathRules(glob, below(`${at}/key/files`, place));
    for (const [place, one] of cache.paths.entries()) yield* pathRules(one, below(`${at}/paths`, place));
    const same = JSON.stringify([cache.key, cache.paths]);
    if (keys.has(same))
      yield warning(at, "another cache of this task has the same key and paths; remove one");
    keys.add(same);
  }
}

/** What a job or a task says of files, looked at by itself. */
function* keepRules({ artifacts = [], fetch = [], cache }: Keeping, path: string): Generator<Finding> {
  yield* artifactRules(artifacts, `${path}/artifacts`);
  for (const [index, { path: folder }] of fetch.entries()) {
    if (folder !== undefined) yield* pathRules(folder, `${below(`${path}/fetch`, index)}/path`);
  }
  yield* cacheRules(cache, `${path}/cache`);
}

/** What a job says of files. */
export function* jobKeepRules(spec: JobSpec, path: string): Generator<Finding> {
  yield* keepRules(spec, path);
  yield* runnerRules(spec, spec, path);
}

/** What a runner does not do. */
function* runnerRules(
  keeping: Keeping,
  { runnerType, runnerSpec }: JobSpec,
  path: string,
): Generator<Finding> {
  if (runnerType === "SHELL") return;
  if (runnerType === "K8S_JOB") {
    yield* podRules(keeping, runnerSpec, path);
    return;
  }
  for (const key of ["artifacts", "fetch", "cache"] as const) {
    if (keeping[key] === undefined) continue;
    if (runnerType === "FAKE") {
      yield warning(`${path}/${key}`, `a FAKE job has no workspace: \`${key}\` has no effect`);
    } else if (key !== "artifacts") {
      const message = `a ${runnerType} job does not do this by itself: its work calls the API (how-to/artifacts.md)`;
      yield warning(`${path}/${key}`, message);
    }
  }
}

/** A pod that begins again would fetch and keep again. What is a template may be right. */
function* podRules(keeping: Keeping, runnerSpec: unknown, path: string): Generator<Finding> {
  const key = (["artifacts", "fetch", "cache"] as const).find((one) => keeping[one] !== undefined);
  const spec = isMap(runnerSpec) && isMap(runnerSpec.spec) ? runnerSpec.spec : undefined;
  if (key === undefined || !spec) return;
  const pod = isMap(spec.template) && isMap(spec.template.spec) ? spec.template.spec : {};
  const problem = filesProblem(withoutTemplates(spec), withoutTemplates(pod));
  if (problem !== undefined) yield error(`${path}/${key}`, problem);
}

function withoutTemplates(fields: Fields): Fields {
  const isTemplate = (value: unknown) => typeof value === "string" && value.includes("${");
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => !isTemplate(value)));
}

/** What the tasks of a pipeline say of files, and whether what they fetch was kept before. `specOf`: a job, if known. */
export function* pipelineKeepRules(
  spec: PipelineSpec,
  path: string,
  specOf: (job: string) => JobSpec | undefined,
): Generator<Finding> {
  const graph = graphOf(spec);
  for (const node of graph.nodes) {
    const { spec: task } = node;
    const at = below(`${below(`${path}/stages`, node.stage)}/tasks`, node.task);
    yield* keepRules(task, at);
    const job = specOf(task.job);
    if (job) yield* runnerRules(task, job, at);
    for (const fetch of job?.fetch ?? []) {
      // The job says it, and the task names the job.
      for (const finding of fetchRules(fetch, "", graph, node, specOf)) {
        yield { ...finding, path: `${at}/job` };
      }
    }
    for (const [index, fetch] of (task.fetch ?? []).entries()) {
      yield* fetchRules(fetch, below(`${at}/fetch`, index), graph, node, specOf);
    }
  }
}

function* fetchRules(
  { from, name, optional }: FetchSpec,
  at: string,
  graph: PlanGraph,
  node: PlanNode,
  specOf: (job: string) => JobSpec | undefined,
): Generator<Finding> {
  const source = find(from, graph);
  if (!source) {
    const names = graph.nodes.map(({ spec }) => spec.name);
    const message = `there is no task ${quoted(from)} to fetch from`;
    yield error(`${at}/from`, message + (didYouMean(from, names) || "; correct the name"));
    return;
  }
  if (!endsBefore(source, node, graph)) {
    const message = `task ${quoted(from)} does not end before this one begins; put it into an earlier stage, or name it in \`needs\``;
    yield error(`${at}/from`, message);
  }
  const job = specOf(source.spec.job);
  if (!job) return;
  const kept = [...(job.artifacts ?? []), ...(source.spec.artifacts ?? [])].map((artifact) => artifact.name);
  if (kept.includes(name)) return;
  const has = kept.length === 0 ? "it keeps none" : `it keeps ${kept.map(quoted).join(", ")}`;
  const message = `task ${quoted(from)} keeps no artifact ${quoted(name)}${didYouMean(name, kept) || `; ${has}`}`;
  // Work in containers may keep more by itself, over HTTP.
  const mayHave = optional || job.runnerType === "K8S_JOB";
  if (job.runnerType === "K8S_JOB" && kept.length === 0) return;
  yield mayHave ? warning(`${at}/name`, message) : error(`${at}/name`, message);
}

/** The task of a name, or of `stage/name`. */
function find(reference: string, graph: PlanGraph): PlanNode | undefined {
  const parts = reference.split("/");
  const index = graph.named(parts.at(-1) ?? "");
  const node = index === undefined ? undefined : graph.node(index);
  if (!node || parts.length === 1) return node;
  return reference === `${graph.stage(node.stage).spec.name}/${node.spec.name}` ? node : undefined;
}

function endsBefore(source: PlanNode, node: PlanNode, graph: PlanGraph): boolean {
  const index = graph.at(source.stage, source.task);
  if (node.after.includes(index)) return true;
  // By far the most; the rest costs as much as the pipeline is long.
  const isFinally = (one: PlanNode) => graph.stage(one.stage).isFinally;
  if (node.isInOrder && source.stage < node.stage && isFinally(source) === isFinally(node)) return true;
  return graph.ancestors(graph.at(node.stage, node.task)).has(index);
}
