// Rules on clusters: what of their settings goes together, which their schema cannot say.

import { kubeconfigProblems } from "../kubernetes/kubeconfig.ts";
import { MASK } from "../mask.ts";
import type { ClusterSpec } from "../schema/cluster.ts";
import { durationRules } from "./durations.ts";
import { error, type Finding } from "./finding.ts";

const WAYS = "`kubeconfig`, `inCluster: true`, or `server` with `token`";

/** `path` is the pointer of the settings. A kubeconfig that is `***` is not looked into. */
export function* clusterRules(spec: ClusterSpec, path: string): Generator<Finding> {
  yield* accessRules(spec, path);
  yield* timeRules(spec, path);
  const { template, sizeLimit: _, ...parts } = spec.workspace ?? {};
  if (template === undefined) return;
  for (const key of Object.keys(parts)) {
    const message = `\`${key}\` and \`template\` exclude each other; write it into the template, or remove the template`;
    yield error(`${path}/workspace/${key}`, message);
  }
}

/** There is one way to the cluster, and what belongs to another is not there. */
function* accessRules(spec: ClusterSpec, path: string): Generator<Finding> {
  const isByToken = spec.server !== undefined || spec.token !== undefined;
  const ways = [spec.kubeconfig !== undefined, spec.inCluster === true, isByToken].filter(Boolean).length;
  if (ways === 0) yield error(path, `nothing says how the cluster is reached; give ${WAYS}`);
  if (ways > 1) yield error(path, `more than one way to the cluster is given; keep one of ${WAYS}`);
  if (ways === 1 && isByToken) {
    if (spec.server === undefined)
      yield error(`${path}/token`, "`token` needs the `server` that it is for; add it");
    if (spec.token === undefined)
      yield error(`${path}/server`, "`server` needs the `token` of a service account; add it");
  }
  if (spec.certificateAuthority !== undefined && spec.server === undefined) {
    yield error(
      `${path}/certificateAuthority`,
      "`certificateAuthority` goes with `server`; a kubeconfig has `certificate-authority-data`",
    );
  }
  if (spec.certificateAuthority?.includes("-----BEGIN CERTIFICATE-----") === false) {
    yield error(
      `${path}/certificateAuthority`,
      "this is no certificate in PEM form, which begins with `-----BEGIN CERTIFICATE-----`; give its text",
    );
  }
  if (spec.token !== undefined && /\s/.test(spec.token)) {
    yield error(`${path}/token`, "a token has no spaces and no line ends; give it without them");
  }
  if (spec.context !== undefined && spec.kubeconfig === undefined) {
    yield error(`${path}/context`, "`context` names one of a kubeconfig, but there is none; remove it");
  }
  if (spec.kubeconfig === undefined || spec.kubeconfig === MASK) return;
  const problems = kubeconfigProblems(spec.kubeconfig, spec.context, `${path}/kubeconfig`);
  for (const problem of problems) yield error(problem.path, problem.message);
}

function* timeRules(spec: ClusterSpec, path: string): Generator<Finding> {
  for (const key of ["creationGrace", "keepFor", "keepFailedFor"] as const) {
    yield* durationRules(spec[key], `${path}/${key}`);
  }
}
