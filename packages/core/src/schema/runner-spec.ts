// The runner specs of the runners that exist: what `runnerSpec` holds once its TEMPLATE params are rendered.

import type { Static } from "typebox";
import { closed, Duration, mapOf, Name, oneOf, ParamName, titled } from "./scalars.ts";
import { Type } from "./type.ts";

const Env = mapOf(ParamName, Type.Union([Type.String(), Type.Number(), Type.Boolean()]), {
  maxProperties: 512,
  description: "Environment variables by name.",
});

export const ShellStep = closed({
  name: Type.Optional(titled("Name of the step in status and log (default: `step-` and its number).", Name)),
  run: Type.String({ minLength: 1, maxLength: 262144, description: "The script." }),
  shell: Type.Optional(
    Type.String({
      maxLength: 256,
      description:
        "Program and arguments that run the script, which is added as the last argument (default `sh -ec`). A shell " +
        "named alone gets the arguments it needs: `bash` is `bash -eo pipefail -c`, `python3` is `python3 -c`.",
    }),
  ),
  env: Type.Optional(titled("Laid over those of the task.", Env)),
  workdir: Type.Optional(Type.String({ maxLength: 4096, description: "Relative to the workspace." })),
  timeout: Type.Optional(titled("A step that takes longer is stopped and fails.", Duration)),
  continueOnError: Type.Optional(Type.Boolean({ description: "A failure does not fail the task." })),
  keepProcesses: Type.Optional(
    Type.Boolean({ description: "What the step leaves running goes on after it (default: it is killed)." }),
  ),
});
export type ShellStep = Static<typeof ShellStep>;

/** The spec of a SHELL job. */
export const ShellSpec = closed({
  steps: Type.Array(ShellStep, {
    minItems: 1,
    maxItems: 256,
    description: "One after another; the first that fails ends the task.",
  }),
  workspace: Type.Optional(
    Type.String({
      minLength: 1,
      maxLength: 4096,
      description:
        "`task` (default: a fresh folder), `run` (one folder for all tasks of the run), or an absolute path.",
    }),
  ),
  env: Type.Optional(titled("For all steps.", Env)),
});
export type ShellSpec = Static<typeof ShellSpec>;

/** The spec of a K8S_JOB job: a `batch/v1` Job, and beside it what mflow does with it. */
export const K8sJobSpec = closed({
  apiVersion: Type.Optional(Type.Literal("batch/v1", { description: "Of the Job." })),
  kind: Type.Optional(Type.Literal("Job", { description: "What Kubernetes is given." })),
  metadata: Type.Optional(
    Type.Record(Type.String(), Type.Unknown(), {
      description: "Labels and annotations of the Job. Its name and namespace are mflow's to choose.",
    }),
  ),
  spec: Type.Record(Type.String(), Type.Unknown(), {
    description: "The spec of the Job as Kubernetes documents it (JobSpec v1 batch).",
  }),
  workspace: Type.Optional(
    Type.Literal("run", {
      description:
        "A volume that all such tasks of the run share, mounted at `workspaceMountPath` of each container.",
    }),
  ),
  workspaceMountPath: Type.Optional(
    Type.String({ pattern: "^/", maxLength: 512, description: "Default `/workspace`." }),
  ),
  workspaceSizeLimit: Type.Optional(
    Type.String({
      minLength: 1,
      maxLength: 32,
      description:
        "Of a task that keeps or fetches files without `workspace: run`: how much the volume may hold that ends with its pod, e.g. `2Gi`. A pod that writes more is evicted (default: the cluster's `workspace.sizeLimit`).",
    }),
  ),
  creationGrace: Type.Optional(
    titled(
      "Fails after so long when it cannot start for a reason that does not heal (default: the cluster's).",
      Duration,
    ),
  ),
  keepFor: Type.Optional(
    titled("How long Job and pods stay after SUCCEEDED (default: the cluster's).", Duration),
  ),
  keepFailedFor: Type.Optional(
    titled("How long Job and pods stay after FAILED (default: the cluster's).", Duration),
  ),
});
export type K8sJobSpec = Static<typeof K8sJobSpec>;

/** The spec of a FAKE job: a script of what the runner does, for scenarios, benchmarks and trying out. */
export const FakeSpec = closed({
  duration: Type.Optional(titled("How long the work takes (default: no time).", Duration)),
  outcome: Type.Optional(
    oneOf(["SUCCEEDED", "FAILED", "NONE"], "`NONE`: it runs until it is stopped (default `SUCCEEDED`)."),
  ),
  failsFirst: Type.Optional(
    Type.Integer({
      minimum: 0,
      description: "So many attempts end FAILED before the first that ends as `outcome` says.",
    }),
  ),
  reason: Type.Optional(Type.String({ description: "The code that it ends with." })),
  message: Type.Optional(Type.String({ description: "The sentence that it ends with." })),
  runtimeEnvs: Type.Optional(
    mapOf(ParamName, Type.Union([Type.String(), Type.Number(), Type.Boolean()]), {
      description: "What it puts out.",
    }),
  ),
  markdownOutput: Type.Optional(Type.String({ description: "The markdown that it puts out." })),
  log: Type.Optional(Type.Array(Type.String(), { description: "Lines that it logs." })),
  startErrors: Type.Optional(
    Type.Integer({ minimum: 0, description: "So many starts fail with an error that is worth another try." }),
  ),
  startRefused: Type.Optional(Type.String({ description: "Every start fails for good with this message." })),
  lost: Type.Optional(Type.Boolean({ description: "The runner forgets the attempt without a report." })),
  doubled: Type.Optional(Type.Boolean({ description: "Every report comes twice." })),
  lateReport: Type.Optional(
    oneOf(["ACTIVE", "SUCCEEDED", "FAILED"], "One more report of this stage after the last one."),
  ),
  reportsBeforeStart: Type.Optional(
    Type.Boolean({ description: "The result comes before the start returned." }),
  ),
  ignoreStop: Type.Optional(
    Type.Boolean({
      description: "A stop is accepted, but the work ends by itself, unless the stop is forced.",
    }),
  ),
});
export type FakeSpec = Static<typeof FakeSpec>;
