// Rules on the Job of a K8S_JOB: what mflow ignores or does otherwise than Kubernetes alone would, and what makes sure
// that the API server takes it. The pod in it has rules of its own.

import { isMap } from "../is-map.ts";
import type { Fields } from "../kubernetes/author-fields.ts";
import { KUBE_CONFIG_MOUNT_ANNOTATION, LABELS, TASK_ID_ANNOTATION } from "../kubernetes/job-identity.ts";
import { isFilePath } from "../kubernetes/kube-config-mount.ts";
import { below } from "../pointer.ts";
import { quoted } from "../quoted.ts";
import { templateReferences } from "../render.ts";
import { QUANTITY } from "../schema/cluster.ts";
import type { JobSpec } from "../schema/job.ts";
import type { K8sJobSpec } from "../schema/runner-spec.ts";
import { timeoutRules } from "./durations.ts";
import { error, type Finding, warning } from "./finding.ts";
import { JOB_SPEC_FIELDS, POD_TEMPLATE_FIELDS, type StandsForValue, unknownFields } from "./k8s-fields.ts";
import { podRules } from "./k8s-pod.ts";

function* metadataRules(metadata: Fields, path: string, standsForValue: StandsForValue): Generator<Finding> {
  for (const key of Object.keys(metadata)) {
    if (key === "labels" || key === "annotations") continue;
    const remedy =
      key === "name"
        ? "the name is made of the task's id; remove it"
        : key === "namespace"
          ? "say it with the param `_namespace`, and remove it here"
          : "of the metadata labels and annotations are taken; remove it";
    yield { ...warning(below(path, key), `${quoted(key)} is ignored: ${remedy}`), atKey: true };
  }
  yield* labelRules(metadata, path, standsForValue);
}

const ownNames: Readonly<Record<string, readonly string[]>> = {
  labels: Object.values(LABELS),
  annotations: [TASK_ID_ANNOTATION],
};

/** Of the Job and of its pod template. */
function* labelRules(metadata: Fields, path: string, standsForValue: StandsForValue): Generator<Finding> {
  for (const [kind, own] of Object.entries(ownNames)) {
    const given = metadata[kind];
    if (given === undefined || given === null) continue;
    if (!isMap(given)) {
      yield error(below(path, kind), `${quoted(kind)} must be a map of names to texts`);
      continue;
    }
    for (const [name, value] of Object.entries(given)) {
      const place = below(below(path, kind), name);
      if (own.includes(name)) {
        yield { ...warning(place, `${quoted(name)} is set by mflow itself; remove it`), atKey: true };
      } else if (value === null || typeof value === "object") {
        yield error(place, `${quoted(name)} must be text; write it in quotes`);
      } else if (name === KUBE_CONFIG_MOUNT_ANNOTATION && kind === "annotations") {
        if (isFilePath(value) || (typeof value === "string" && standsForValue(value))) continue;
        const rule = "must be the absolute path of a file, such as `/etc/kube/config`";
        yield error(place, `${quoted(name)} ${rule}`);
      }
    }
  }
}

function* jobSpecRules(spec: Fields, path: string): Generator<Finding> {
  yield* unknownFields(spec, JOB_SPEC_FIELDS, path);
  const { backoffLimit, ttlSecondsAfterFinished } = spec;
  if (typeof backoffLimit === "number" && backoffLimit > 0) {
    const danger = "makes Kubernetes run the work again, and mflow counts no attempt of it";
    yield warning(`${path}/backoffLimit`, `\`backoffLimit: ${backoffLimit}\` ${danger}; remove it`);
  }
  if (ttlSecondsAfterFinished !== undefined) {
    const remedy = "say with `keepFor` and `keepFailedFor` how long the Job stays";
    yield {
      ...warning(
        `${path}/ttlSecondsAfterFinished`,
        `\`ttlSecondsAfterFinished\` is ignored: mflow removes the Job; ${remedy}`,
      ),
      atKey: true,
    };
  }
}

function* templateOfPodRules(
  template: unknown,
  path: string,
  standsForValue: StandsForValue,
): Generator<Finding> {
  if (template === undefined || template === null) {
    yield error(path, "`template` is missing; add it with the `spec` of the pod");
    return;
  }
  if (!isMap(template)) {
    yield error(path, "`template` must be a map with the `spec` of the pod");
    return;
  }
  yield* unknownFields(template, POD_TEMPLATE_FIELDS, path);
  const { metadata, spec } = template;
  if (isMap(metadata)) yield* labelRules(metadata, `${path}/metadata`, standsForValue);
  else if (metadata !== undefined && metadata !== null) {
    yield error(`${path}/metadata`, "`metadata` must be a map with `labels` and `annotations`");
  }
  if (isMap(spec)) yield* podRules(spec, `${path}/spec`, standsForValue);
  else {
    const wrong = spec === undefined || spec === null ? "is missing; add it" : "must be a map";
    yield error(`${path}/spec`, `\`spec\` of the pod ${wrong} with \`containers\``);
  }
}

function* sizeLimitRules(
  { workspaceSizeLimit: limit, workspace }: K8sJobSpec,
  path: string,
  standsForValue: StandsForValue,
  hasFiles: boolean,
): Generator<Finding> {
  if (limit === undefined) return;
  if (workspace !== undefined || !hasFiles) {
    const why =
      workspace === undefined
        ? "on a task that neither keeps nor fetches files"
        : "with `workspace: run`: the size of that is the cluster's";
    yield warning(path, `\`workspaceSizeLimit\` has no effect ${why}; remove it`);
  }
  if (!standsForValue(limit) && !new RegExp(QUANTITY).test(limit))
    yield error(path, `\`workspaceSizeLimit\` must be an amount of bytes, such as \`2Gi\` or \`500Mi\``);
}

/** The rules on a spec of the right shape, whose pointer is `path`. `hasFiles`: the job keeps or fetches files. */
export function* k8sSpecRules(
  spec: K8sJobSpec,
  path: string,
  standsForValue: StandsForValue,
  hasFiles = false,
): Generator<Finding> {
  if (spec.metadata) yield* metadataRules(spec.metadata, `${path}/metadata`, standsForValue);
  yield* jobSpecRules(spec.spec, `${path}/spec`);
  yield* templateOfPodRules(spec.spec.template, `${path}/spec/template`, standsForValue);
  if (spec.workspaceMountPath !== undefined && spec.workspace === undefined && !hasFiles) {
    const message =
      "`workspaceMountPath` has no effect without a workspace, but for tasks that keep or fetch files; add `workspace: run`, or remove it";
    yield warning(`${path}/workspaceMountPath`, message);
  }
  yield* sizeLimitRules(spec, `${path}/workspaceSizeLimit`, standsForValue, hasFiles);
  if (spec.creationGrace !== undefined && !standsForValue(spec.creationGrace)) {
    yield* timeoutRules(spec.creationGrace, `${path}/creationGrace`);
  }
}

/** What is secret stands not in the Job itself, which everybody may see who may read Jobs. */
export function* secretTemplateRules(job: JobSpec, path: string): Generator<Finding> {
  const secret = new Set(
    (job.runParams ?? [])
      .filter(({ usageType, sensitive }) => usageType === "TEMPLATE" && sensitive)
      .map(({ name }) => name),
  );
  if (secret.size === 0) return;
  for (const { name, pointer, inKey } of templateReferences(job.runnerSpec)) {
    if (inKey || !secret.has(name)) continue;
    const danger =
      "is sensitive, and as a TEMPLATE its value stands in the Job, where all see it who may read Jobs";
    yield warning(path + pointer, `${quoted(name)} ${danger}; declare it with \`usageType: ENV\` instead`);
  }
}
