// Asks a cluster whether it would take the Jobs of documents: each K8S_JOB is rendered with the values that its params
// have without a run, their examples for those that have none, and sent as a dry run.

import { type ErrorDetail, MflowError } from "@mflow/core/errors";
import type { ParsedDocument } from "@mflow/core/manifest";
import { environmentOf, mergeParams } from "@mflow/core/params";
import { renderSpec } from "@mflow/core/render";
import type { JobManifest } from "@mflow/core/schema/job";
import type { ParamValue, RunParam } from "@mflow/core/schema/param";
import type { Scope } from "@mflow/core/schema/scalars";
import type { StartRequest } from "../runners/runner.ts";

/** An id that no task has. */
const NO_TASK = "task-00000000000000000000000000";

/** What the cluster would refuse, each with its place in the document. */
export async function lintOnCluster(
  documents: readonly ParsedDocument[],
  cluster: string,
  scope: Scope,
  tryOut: (request: StartRequest) => Promise<unknown>,
): Promise<ErrorDetail[]> {
  const found: ErrorDetail[] = [];
  for (const document of documents) {
    const { manifest } = document;
    if (manifest.kind !== "Job" || manifest.spec.runnerType !== "K8S_JOB") continue;
    try {
      await tryOut(trialOf(manifest, cluster, scope));
    } catch (error) {
      if (!(error instanceof MflowError)) throw error;
      const details =
        error.details.length > 0 ? error.details : [{ path: "/runnerSpec", message: error.message }];
      for (const { path, message } of details) found.push(placed(document, `/spec${path}`, message));
    }
  }
  return found;
}

function placed(document: ParsedDocument, path: string, message: string): ErrorDetail {
  const file = document.file === undefined ? {} : { file: document.file };
  return { path: document.path + path, message, ...file, ...document.locate(path), severity: "error" };
}

function trialOf({ metadata, spec }: JobManifest, cluster: string, scope: Scope): StartRequest {
  const declared = spec.runParams ?? [];
  const levels = [{ setBy: "RUN", values: declared.flatMap(sampleOf) } as const];
  const { params } = mergeParams({ declared, levels, place: { taskName: metadata.name } });
  const namespace = params.find(({ name }) => name === "_namespace")?.value;
  return {
    taskId: NO_TASK,
    attempt: 1,
    name: metadata.name,
    job: metadata.name,
    domain: metadata.domain ?? scope.domain,
    namespace: metadata.namespace ?? scope.namespace,
    spec: renderSpec(spec.runnerSpec, params, declared),
    env: environmentOf(params),
    secretEnv: params.filter(({ sensitive }) => sensitive).map(({ name }) => name),
    runnerParams: {
      _kube_config_from: "CLUSTER_REF",
      _kube_config: cluster,
      ...(namespace !== undefined && { _namespace: namespace }),
    },
    secrets: [],
    labels: {},
    manualUpdateStatus: spec.manualUpdateStatus ?? false,
  };
}

/** A value for a param that has none: its example, else one that its type allows. */
function sampleOf({ name, value, example, valueType, enumOptions }: RunParam): ParamValue[] {
  if (value !== undefined && value !== "") return [];
  const [option] = enumOptions ?? [];
  const byType = {
    NUMBER: "1",
    BOOLEAN: "true",
    ENUM: typeof option === "object" ? option.value : option,
  }[valueType as string];
  return [{ name, value: example ?? byType ?? "sample" }];
}
