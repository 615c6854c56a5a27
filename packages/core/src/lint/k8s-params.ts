// Rules on the RUNNER params of a K8S_JOB: they choose the cluster and the namespace.

import { KUBE_CONFIG, KUBE_CONFIG_FROM } from "../kubernetes/kubeconfig-param.ts";
import { didYouMean } from "../nearest.ts";
import { below } from "../pointer.ts";
import { quoted } from "../quoted.ts";
import type { RunParam } from "../schema/param.ts";
import { error, type Finding, warning } from "./finding.ts";

const NAMES: readonly string[] = [KUBE_CONFIG_FROM, KUBE_CONFIG, "_namespace"];
const SOURCES: readonly unknown[] = ["MANUAL", "CLUSTER_REF"];

/** The rules on the declared params of a K8S_JOB, whose pointer is `path`. */
export function* k8sParamRules(params: readonly RunParam[], path: string): Generator<Finding> {
  for (const [index, param] of params.entries()) {
    const { name, usageType = "ENV" } = param;
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
    const { value = "" } = param;
    if (name === KUBE_CONFIG_FROM && value !== "" && !SOURCES.includes(value)) {
      const message = `${quoted(name)} must be \`MANUAL\` or \`CLUSTER_REF\`, but is ${quoted(String(value))}`;
      yield error(`${place}/value`, message);
    }
  }
}
