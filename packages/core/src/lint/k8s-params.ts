// Rules on the RUNNER params of a K8S_JOB: they choose the cluster and the namespace.

import { didYouMean } from "../nearest.ts";
import { below } from "../pointer.ts";
import { quoted } from "../quoted.ts";
import type { RunParam } from "../schema/param.ts";
import { error, type Finding, warning } from "./finding.ts";

/** Says what `_kube_config` holds: `MANUAL`: a kubeconfig; `CLUSTER_REF`: the name of a cluster. */
const FROM = "_kube_config_from";
const CONFIG = "_kube_config";
const NAMES: readonly string[] = [FROM, CONFIG, "_namespace"];
const SOURCES: readonly unknown[] = ["MANUAL", "CLUSTER_REF"];

/** The rules on the declared params of a K8S_JOB, whose pointer is `path`. */
export function* k8sParamRules(params: readonly RunParam[], path: string): Generator<Finding> {
  const from = params.find(({ name }) => name === FROM);
  if (!from) {
    const remedy = "declare it with `usageType: RUNNER` and `value: CLUSTER_REF` or `MANUAL`";
    yield error(
      path,
      `param ${quoted(FROM)} is missing, so nothing says which cluster runs the job; ${remedy}`,
    );
  }
  for (const [index, param] of params.entries()) {
    const { name, usageType = "ENV", sensitive } = param;
    const place = below(path, index);
    if (usageType === "RUNNER" && !NAMES.includes(name)) {
      const remedy = didYouMean(name, NAMES) || `; known are ${NAMES.map(quoted).join(", ")}`;
      yield warning(`${place}/name`, `a K8S_JOB does nothing with the RUNNER param ${quoted(name)}${remedy}`);
    }
    if (usageType !== "RUNNER" && NAMES.includes(name)) {
      const message = `${quoted(name)} is declared as ${usageType}, and only RUNNER params choose the cluster`;
      const remedy = "declare it with `usageType: RUNNER`";
      yield error(`${place}/${param.usageType ? "usageType" : "name"}`, `${message}; ${remedy}`);
    }
    if (name === CONFIG && from?.value === "MANUAL" && !sensitive) {
      const message = `${quoted(CONFIG)} is a kubeconfig, and everybody who sees the task can read it`;
      yield warning(`${place}/name`, `${message}; declare it with \`sensitive: true\``);
    }
    if (name === FROM && param.value !== undefined && param.value !== "" && !SOURCES.includes(param.value)) {
      const message = `${quoted(FROM)} must be \`MANUAL\` or \`CLUSTER_REF\`, but is ${quoted(String(param.value))}`;
      yield error(`${place}/value`, message);
    }
  }
}
