// Rules on runner specs: their shape by runner, and what the shape allows but makes no sense.

import { explain } from "../explain.ts";
import { below } from "../pointer.ts";
import { quoted } from "../quoted.ts";
import { templateReferences } from "../render.ts";
import { ChildRunSpec, ManualSpec } from "../schema/chain.ts";
import type { JobSpec, RunnerType } from "../schema/job.ts";
import { FakeSpec, K8sJobSpec, ShellSpec } from "../schema/runner-spec.ts";
import type { SchemaNode } from "../schema-node.ts";
import { timeoutRules } from "./durations.ts";
import { error, type Finding } from "./finding.ts";
import { k8sParamRules } from "./k8s-params.ts";
import { k8sSpecRules, secretTemplateRules } from "./k8s-spec.ts";
import { stepTimeRules } from "./stage-times.ts";

const schemas: Record<RunnerType, SchemaNode> = {
  K8S_JOB: K8sJobSpec as SchemaNode,
  SHELL: ShellSpec as SchemaNode,
  PIPELINE: ChildRunSpec as SchemaNode,
  MANUAL: ManualSpec as SchemaNode,
  FAKE: FakeSpec as SchemaNode,
};

/** Whether a text holds a template that will be replaced, so that its final value is not known yet. */
function templateTest(spec: JobSpec): (text: string) => boolean {
  const names = new Set(
    (spec.runParams ?? []).filter(({ usageType }) => usageType === "TEMPLATE").map(({ name }) => name),
  );
  if (names.size === 0) return () => false;
  return (text) => templateReferences({ text }).some(({ name }) => names.has(name));
}

/** The spec has the shape that its runner wants; a template may stand wherever a single value is wanted. */
export function* runnerSpecRules(spec: JobSpec, path: string, paramsPath: string): Generator<Finding> {
  if (spec.runnerType === "K8S_JOB") {
    yield* k8sParamRules(spec.runParams ?? [], paramsPath);
    yield* secretTemplateRules(spec, path);
  }
  const standsForValue = templateTest(spec);
  const explanations = explain(schemas[spec.runnerType], spec.runnerSpec, path, { standsForValue });
  for (const { path: place, message, atKey } of explanations) yield { ...error(place, message), atKey };
  if (explanations.length > 0) return;
  if (spec.runnerType === "SHELL") {
    const shell = spec.runnerSpec as ShellSpec;
    yield* shellRules(shell, path, standsForValue);
    yield* stepTimeRules(shell.steps, spec.timeout, `${path}/steps`);
  }
  if (spec.runnerType === "K8S_JOB") {
    const hasFiles = (spec.artifacts ?? spec.fetch ?? spec.cache) !== undefined;
    yield* k8sSpecRules(spec.runnerSpec as K8sJobSpec, path, standsForValue, hasFiles);
  }
}

function* shellRules(
  spec: ShellSpec,
  path: string,
  standsForValue: (text: string) => boolean,
): Generator<Finding> {
  const names = new Set<string>();
  for (const [index, step] of spec.steps.entries()) {
    const stepPath = below(`${path}/steps`, index);
    if (step.name !== undefined && names.has(step.name)) {
      yield error(`${stepPath}/name`, `another step is called ${quoted(step.name)} too; rename one of them`);
    }
    if (step.name !== undefined) names.add(step.name);
    if (step.timeout !== undefined && !standsForValue(step.timeout)) {
      yield* timeoutRules(step.timeout, `${stepPath}/timeout`);
    }
  }
  const { workspace } = spec;
  if (workspace === undefined || standsForValue(workspace)) return;
  if (workspace !== "task" && workspace !== "run" && !workspace.startsWith("/")) {
    const message = `\`workspace\` must be \`task\`, \`run\` or an absolute path, but is ${quoted(workspace)}`;
    yield error(`${path}/workspace`, message);
  }
}
