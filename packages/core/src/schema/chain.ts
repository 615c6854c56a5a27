// What joins runs to each other: a task that runs another pipeline, a task that waits for somebody outside, and the
// pipeline that follows a run (semantics, section 5).

import type { Static } from "typebox";
import { Scalar } from "./param.ts";
import { closed, Labels, mapOf, ParamName, titled } from "./scalars.ts";
import { Type } from "./type.ts";

/** Runs in one chain at most, the first one included: a parent and its children, a run and what follows it. */
export const MAX_CHAIN = 8;

export const PipelineReference = Type.String({
  minLength: 1,
  maxLength: 256,
  description: "`name[@namespace[.domain]]` or `#id`.",
});

const Values = mapOf(ParamName, Scalar, {
  maxProperties: 512,
  description: "Values as a map `NAME: value`.",
});

/** The spec of a PIPELINE job: the task runs another pipeline as a run of its own and ends as that run ends. */
export const ChildRunSpec = closed({
  pipeline: titled("The pipeline that it runs.", PipelineReference),
  runParams: Type.Optional(titled("Values for that run.", Values)),
  labels: Type.Optional(titled("Labels of that run, laid over those of its pipeline.", Labels)),
  queue: Type.Optional(
    Type.Boolean({ description: "Waits in line while the pipeline is running (default: the task fails)." }),
  ),
});
export type ChildRunSpec = Static<typeof ChildRunSpec>;

/** The spec of a MANUAL job: the task runs nothing and is ACTIVE until a status call ends it. */
export const ManualSpec = closed({
  message: Type.Optional(
    Type.String({ minLength: 1, maxLength: 1024, description: "What is awaited, in a sentence for people." }),
  ),
});
export type ManualSpec = Static<typeof ManualSpec>;

/** What follows a run that SUCCEEDED. */
export const NextPipeline = closed(
  {
    pipeline: titled("The pipeline that is started.", PipelineReference),
    runParams: Type.Optional(
      titled(
        "Values for that run beside the runtime envs that this run handed on. `${NAME}` in a value is a runtime env or a param of this run.",
        Values,
      ),
    ),
    labels: Type.Optional(titled("Labels of that run, laid over those of its pipeline.", Labels)),
    queue: Type.Optional(
      Type.Boolean({
        description: "Waits in line while the pipeline is running (default: it is not started).",
      }),
    ),
  },
  { description: "The pipeline that is started when a run of this one SUCCEEDED." },
);
export type NextPipeline = Static<typeof NextPipeline>;

/** What became of `nextPipeline`. */
export const NextRun = closed(
  {
    pipeline: Type.String({ description: "The pipeline, as it was written." }),
    runId: Type.Optional(Type.String({ description: "The run that followed; absent until it has started." })),
    code: Type.Optional(Type.String({ description: "Why none followed, as a code." })),
    message: Type.Optional(Type.String({ description: "The same as a sentence." })),
  },
  { description: "What became of `nextPipeline`." },
);
export type NextRun = Static<typeof NextRun>;

export const RunParent = closed(
  {
    runId: Type.Optional(Type.String({ description: "The run of that task; none when it runs alone." })),
    taskId: Type.String({ description: "The task that started this run and waits for its end." }),
    attempt: Type.Integer({ description: "The attempt of that task, from 1." }),
  },
  { description: "The PIPELINE task whose work this run is." },
);
export type RunParent = Static<typeof RunParent>;

/** Where a run that was started by another one comes from. */
export const originProperties = {
  parent: Type.Optional(RunParent),
  previous: Type.Optional(
    closed(
      { runId: Type.String({ description: "The run that SUCCEEDED." }) },
      { description: "The run whose `nextPipeline` this run is." },
    ),
  ),
  chain: Type.Optional(
    Type.Array(Type.String(), {
      description: "The pipelines above, `name@namespace.domain`, the first one first.",
    }),
  ),
};

const RunOrigin = closed(originProperties);
export type RunOrigin = Static<typeof RunOrigin>;

/** In the status of a PIPELINE task. */
export const ChildRun = closed(
  { runId: Type.String({ description: "The run that is its work; it may be about to start." }) },
  { description: "Of a PIPELINE task: the run that is its work." },
);
export type ChildRun = Static<typeof ChildRun>;

/** How somebody outside ends a task that waits for a status call. Whoever has it can speak for the attempt. */
export const StatusCall = closed({
  taskId: Type.String({ description: "The task." }),
  attempt: Type.Integer({ description: "The attempt that the token is for; a later one has another." }),
  statusUrl: Type.String({ description: "`POST {stage, message}` here ends the task." }),
  outputUrl: Type.String({
    description: "`POST {runtimeEnvs, markdownOutput}` here puts out values before.",
  }),
  updateToken: Type.String({ description: "Bearer token of both; it is good for this attempt alone." }),
  curl: Type.String({ description: "The call as a command, ready to be run." }),
});
export type StatusCall = Static<typeof StatusCall>;
