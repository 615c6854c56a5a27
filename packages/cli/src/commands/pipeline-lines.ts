// What `describe` says of a pipeline, as lines: what decides over its runs, and below each stage and task what decides over
// that. Pure.

import { retentionText } from "@mflow/core/retention";
import type { PipelineView } from "@mflow/core/schema/api";
import type { Concurrency } from "@mflow/core/schema/concurrency";
import type { MatrixSpec } from "@mflow/core/schema/matrix";
import { isExtending, type PipelineSpec, type StageSpec, type TaskSpec } from "@mflow/core/schema/pipeline";
import { plainLine } from "../display/width.ts";
import { retryText } from "../view/retry-text.ts";
import { type DescribeOptions, factLines, section, textLines } from "./describe-layout.ts";
import { labelText } from "./kind-columns.ts";

/** `whole` is what a pipeline that extends another one is put together to. */
export function pipelineLines(
  pipeline: PipelineView,
  options: DescribeOptions,
  whole: PipelineView = pipeline,
): string[] {
  const { spec } = whole;
  const extended = isExtending(pipeline.spec) ? pipeline.spec.extends : undefined;
  return [
    ...factLines(
      [
        ["Pipeline", pipeline.name],
        ["Name", pipeline.displayName],
        ["Scope", `${pipeline.namespace}.${pipeline.domain}`],
        ["Extends", extended],
        ["Template", spec.isTemplate ? "it cannot be run itself" : undefined],
        ["Runs at once", runsAtOnce(spec)],
        ["In line", spec.queue && `at most ${spec.queue.maxLength ?? 100} runs wait`],
        ["Group", spec.concurrency && groupText(spec.concurrency)],
        ["At most", spec.maxTasks && `${spec.maxTasks} tasks at once, of all its runs`],
        ["Priority", spec.priority],
        ["Timeout", spec.timeout],
        ["Paused", pausedText(pipeline)],
        ["Keeps", spec.retention && retentionText(spec.retention)],
        ["Then", spec.nextPipeline?.pipeline],
        ["Labels", labelText(pipeline.labels)],
        ["Created", `${pipeline.createdAt} by ${pipeline.createdBy}`],
        ["Changed", pipeline.updatedAt],
        ["Id", pipeline.id],
        ["About", pipeline.description],
      ],
      options,
    ),
    ...section("Stages", (spec.stages ?? []).flatMap(stageLines).map(plainLine), options),
    ...section("Readme", textLines(pipeline.readme), options),
  ];
}

function runsAtOnce(
  spec: Pick<PipelineSpec, "isParallel" | "maxRuns" | "sequenceLabelKey">,
): string | number {
  if (spec.isParallel) return spec.maxRuns ?? "any number";
  return spec.sequenceLabelKey ? `one per ${spec.sequenceLabelKey}` : "one";
}

function stageLines(stage: StageSpec): string[] {
  const traits = traitText([
    stage.isParallel &&
      (stage.maxParallel === undefined ? "parallel" : `parallel, at most ${stage.maxParallel} at once`),
    stage.finally && "finally",
    stage.failFast && "fails fast",
    stage.ignoreFailed && "may fail",
    stage.timeout && `timeout ${stage.timeout}`,
    stage.when !== undefined && `when ${stage.when}`,
  ]);
  return [
    `${stage.name}${traits}`,
    ...stage.tasks.map((task) => `  ${task.name}: ${task.job}${taskTraits(task)}`),
  ];
}

function taskTraits(task: TaskSpec): string {
  const { audit, confirm, needs, matrix } = task;
  return traitText([
    audit && audit.enable !== false && `audit by ${audit.auditors?.join(", ") ?? "nobody"}`,
    confirm && confirm.enable !== false && `confirm by ${confirm.checkers?.join(", ") ?? "nobody"}`,
    task.skipRun && "skipped",
    needs && (needs.length === 0 ? "needs nothing" : `needs ${needs.join(", ")}`),
    matrix && matrixText(matrix),
    task.ignoreFailed && "may fail",
    task.retry && `retry ${retryText(task.retry)}`,
    task.timeout && `timeout ${task.timeout}`,
    task.priority !== undefined && `priority ${task.priority}`,
    task.concurrency && `group ${groupText(task.concurrency)}`,
    task.when !== undefined && `when ${task.when}`,
  ]);
}

function traitText(traits: readonly (string | false | undefined)[]): string {
  const known = traits.filter(Boolean);
  return known.length === 0 ? "" : ` (${known.join("; ")})`;
}

function matrixText({ fromEnv, params = {}, include, exclude, maxParallel }: MatrixSpec): string {
  const names = [...new Set([...Object.keys(params), ...(include ?? []).flatMap((way) => Object.keys(way))])];
  const edges = [include && "include", exclude && "exclude"].filter(Boolean).join(" and ");
  return [
    fromEnv === undefined ? `matrix of ${names.join(", ")}` : `matrix from ${fromEnv}`,
    edges && ` with ${edges}`,
    maxParallel !== undefined && `, at most ${maxParallel} at once`,
  ]
    .filter(Boolean)
    .join("");
}

function groupText({ group, limit, cancelInProgress }: Concurrency): string {
  const rule = cancelInProgress ? ", cancels what is older" : "";
  return `${group}${limit === undefined ? "" : `, at most ${limit}`}${rule}`;
}

function pausedText({ paused }: PipelineView): string | undefined {
  return paused && [`by ${paused.by} since ${paused.at}`, paused.message].filter(Boolean).join(": ");
}
