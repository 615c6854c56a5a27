// Reads the fields of a Job that an author wrote. The schema of the spec leaves them open, as Kubernetes documents them,
// and templates are filled in after the lint, so that anything may stand anywhere.

import { MflowError } from "../errors.ts";
import { isMap } from "../is-map.ts";
import type { K8sJobSpec } from "../schema/runner-spec.ts";
import { isHelper } from "./helper-names.ts";
import type { KubePodSpec } from "./kube-objects.ts";

export type Fields = Record<string, unknown>;

/** A number or boolean as text, for fields where Kubernetes takes text alone; anything else as it is. */
export function textOf(value: unknown): unknown {
  return typeof value === "number" || typeof value === "boolean" ? String(value) : value;
}

/** Labels or annotations with their numbers and booleans as text. */
export function textMap(fields: Fields): Record<string, string> {
  const entries = Object.entries(fields).map(([name, value]) => [name, textOf(value)] as const);
  return Object.fromEntries(entries) as Record<string, string>;
}

function refusal(place: string, wanted: string): MflowError {
  return new MflowError(
    "RUNNER_REFUSED",
    `\`${place}\` of the Job must be ${wanted}; correct the runner spec`,
  );
}

function checkLists(fields: Fields, keys: readonly string[], place: string): void {
  for (const key of keys) {
    if (fields[key] != null && !Array.isArray(fields[key])) throw refusal(`${place}.${key}`, "a list");
  }
}

function checkContainers(list: unknown, place: string): void {
  if (!Array.isArray(list) || !list.every(isMap)) throw refusal(place, "a list of containers");
  for (const [index, container] of list.entries()) {
    if (isHelper(String(container.name)))
      throw refusal(`${place}[${index}].name`, "another: it is mflow's own");
    checkLists(container, ["env", "volumeMounts"], `${place}[${index}]`);
  }
}

/**
 * The pod template of a spec, its metadata and its pod. Throws RUNNER_REFUSED when they are not there or not of the
 * shape that everything else is laid on; the rest is the API server's to judge.
 */
export function authorsPod(spec: K8sJobSpec): { template: Fields; templateMeta?: Fields; pod: KubePodSpec } {
  const { template } = spec.spec;
  if (!isMap(template)) throw refusal("spec.template", "a map with the pod's `spec`");
  const { metadata, spec: pod } = template;
  if (metadata != null && !isMap(metadata)) throw refusal("spec.template.metadata", "a map");
  if (!isMap(pod)) throw refusal("spec.template.spec", "a map with `containers`");
  checkLists(pod, ["volumes"], "spec.template.spec");
  checkContainers(pod.containers, "spec.template.spec.containers");
  if (pod.initContainers != null) checkContainers(pod.initContainers, "spec.template.spec.initContainers");
  return { template, templateMeta: isMap(metadata) ? metadata : undefined, pod: pod as KubePodSpec };
}
