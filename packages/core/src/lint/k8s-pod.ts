// Rules on the pod of a K8S_JOB: containers that can be started, and fields that Kubernetes knows. A template may stand
// wherever a single value is wanted.

import { isMap } from "../is-map.ts";
import type { Fields } from "../kubernetes/author-fields.ts";
import { isHelper } from "../kubernetes/helper-names.ts";
import { below, segmentsOf } from "../pointer.ts";
import { quoted } from "../quoted.ts";
import { error, type Finding, warning } from "./finding.ts";
import { CONTAINER_FIELDS, POD_SPEC_FIELDS, type StandsForValue, unknownFields } from "./k8s-fields.ts";

const CONTAINER_NAME = /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/;
const RESTART_POLICIES: readonly unknown[] = ["Never", "OnFailure"];

/** What is not there: left out, or a key without a value. */
function isAbsent(value: unknown): value is null | undefined {
  return value === undefined || value === null;
}

/** The rules on the `spec` of a pod template, whose pointer is `path`. */
export function* podRules(pod: Fields, path: string, standsForValue: StandsForValue): Generator<Finding> {
  yield* unknownFields(pod, POD_SPEC_FIELDS, path);
  const isTemplate = (value: unknown) => typeof value === "string" && standsForValue(value);
  const { restartPolicy } = pod;
  if (!isAbsent(restartPolicy) && !RESTART_POLICIES.includes(restartPolicy) && !isTemplate(restartPolicy)) {
    const shown = typeof restartPolicy === "string" ? `, but is ${quoted(restartPolicy)}` : "";
    const rule = "must be `Never` (the default) or `OnFailure` in a Job";
    yield error(`${path}/restartPolicy`, `\`restartPolicy\` ${rule}${shown}`);
  }
  const names = new Set<string>();
  if (!isAbsent(pod.initContainers)) {
    yield* containerListRules(pod.initContainers, `${path}/initContainers`, names, isTemplate);
  }
  if (isAbsent(pod.containers) || (Array.isArray(pod.containers) && pod.containers.length === 0)) {
    const message = "the pod has no container; add one with `name`, `image` and what it runs";
    yield error(`${path}/containers`, message);
  } else yield* containerListRules(pod.containers, `${path}/containers`, names, isTemplate);
  if (!isAbsent(pod.volumes) && !Array.isArray(pod.volumes)) {
    yield error(`${path}/volumes`, "`volumes` must be a list");
  }
}

type IsTemplate = (value: unknown) => boolean;

function* containerListRules(
  list: unknown,
  path: string,
  names: Set<string>,
  isTemplate: IsTemplate,
): Generator<Finding> {
  if (!Array.isArray(list)) {
    const key = segmentsOf(path).at(-1) ?? "";
    yield error(path, `${quoted(key)} must be a list of containers; put \`- \` before each`);
    return;
  }
  for (const [index, container] of list.entries()) {
    const place = below(path, index);
    if (isMap(container)) yield* containerRules(container, place, names, isTemplate);
    else yield error(place, "a container must be a map with `name` and `image`");
  }
}

function* containerRules(
  container: Fields,
  path: string,
  names: Set<string>,
  isTemplate: IsTemplate,
): Generator<Finding> {
  yield* unknownFields(container, CONTAINER_FIELDS, path);
  const { name, image, env, volumeMounts } = container;
  if (isAbsent(name) || name === "") yield error(`${path}/name`, "the container has no `name`; add one");
  else if (!isTemplate(name)) yield* nameRules(name, `${path}/name`, names);
  if (isAbsent(image) || image === "") yield error(`${path}/image`, "the container has no `image`; add one");
  else if (typeof image !== "string") yield error(`${path}/image`, "`image` must be text; put it in quotes");
  else if (!isTemplate(image)) yield* imageRules(image, `${path}/image`);
  if (!isAbsent(env)) yield* envRules(env, `${path}/env`);
  if (!isAbsent(volumeMounts) && !Array.isArray(volumeMounts)) {
    yield error(`${path}/volumeMounts`, "`volumeMounts` must be a list of `{name, mountPath}`");
  }
}

function* nameRules(name: unknown, path: string, names: Set<string>): Generator<Finding> {
  if (typeof name !== "string" || !CONTAINER_NAME.test(name)) {
    const rule =
      "is made of lower-case letters, digits and `-`, at most 63, and neither begins nor ends with `-`";
    yield error(path, `${quoted(String(name))} is no name of a container: one ${rule}`);
    return;
  }
  if (isHelper(name)) {
    yield error(path, `${quoted(name)} is the name of a container of mflow's own; rename it`);
  }
  if (names.has(name)) {
    yield error(path, `another container is called ${quoted(name)} too; rename one of them`);
  }
  names.add(name);
}

/** A tag that moves runs something else tomorrow, also when a task is run again. */
function* imageRules(image: string, path: string): Generator<Finding> {
  if (image.includes("@")) return;
  const [, tag] = /:([^:/]*)$/.exec(image) ?? [];
  if (tag !== undefined && tag !== "latest") return;
  const what = tag === undefined ? "names no tag, so it is `latest`, which moves" : "has a tag that moves";
  yield warning(path, `image ${quoted(image)} ${what}; name a version or a digest`);
}

function* envRules(env: unknown, path: string): Generator<Finding> {
  if (!Array.isArray(env)) {
    yield error(path, "`env` must be a list of `{name, value}`");
    return;
  }
  for (const [index, entry] of env.entries()) {
    const place = below(path, index);
    if (!isMap(entry)) yield error(place, "a variable must be a map `{name, value}`");
    else if (isAbsent(entry.name) || entry.name === "") {
      yield error(`${place}/name`, "the variable has no `name`; add one");
    } else if (!isAbsent(entry.value) && typeof entry.value === "object") {
      yield error(`${place}/value`, "the value of a variable must be text; put it in quotes");
    }
  }
}
