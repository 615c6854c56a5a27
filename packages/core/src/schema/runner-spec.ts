// The runner specs of the runners that exist: what `runnerSpec` holds once its TEMPLATE params are rendered.

import { type Static, Type } from "typebox";
import { closed, Duration, mapOf, Name, oneOf, ParamName } from "./scalars.ts";

const Env = mapOf(ParamName, Type.Union([Type.String(), Type.Number(), Type.Boolean()]), {
  maxProperties: 512,
});

export const ShellStep = closed({
  name: Type.Optional(Name),
  run: Type.String({ minLength: 1, maxLength: 262144, description: "The script." }),
  shell: Type.Optional(
    Type.String({
      maxLength: 256,
      description:
        "Program and arguments that run the script, which is added as the last argument (default `sh -ec`).",
    }),
  ),
  env: Type.Optional(Env),
  workdir: Type.Optional(Type.String({ maxLength: 4096, description: "Relative to the workspace." })),
  timeout: Type.Optional(Duration),
  continueOnError: Type.Optional(Type.Boolean({ description: "A failure does not fail the task." })),
  keepProcesses: Type.Optional(
    Type.Boolean({ description: "What the step leaves running goes on after it (default: it is killed)." }),
  ),
});
export type ShellStep = Static<typeof ShellStep>;

/** The spec of a SHELL job. */
export const ShellSpec = closed({
  steps: Type.Array(ShellStep, { minItems: 1, maxItems: 256 }),
  workspace: Type.Optional(
    Type.String({
      minLength: 1,
      maxLength: 4096,
      description:
        "`task` (default: a fresh folder), `run` (one folder for all tasks of the run), or an absolute path.",
    }),
  ),
  env: Type.Optional(Env),
});
export type ShellSpec = Static<typeof ShellSpec>;

/** The spec of a FAKE job: a script of what the runner does, for scenarios, benchmarks and trying out. */
export const FakeSpec = closed({
  duration: Type.Optional(Duration),
  outcome: Type.Optional(
    oneOf(["SUCCEEDED", "FAILED", "NONE"], "`NONE`: it runs until it is stopped (default `SUCCEEDED`)."),
  ),
  reason: Type.Optional(Type.String()),
  message: Type.Optional(Type.String()),
  runtimeEnvs: Type.Optional(mapOf(ParamName, Type.Union([Type.String(), Type.Number(), Type.Boolean()]))),
  markdownOutput: Type.Optional(Type.String()),
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
    Type.Boolean({ description: "A stop is accepted, but the work ends by itself." }),
  ),
});
export type FakeSpec = Static<typeof FakeSpec>;
