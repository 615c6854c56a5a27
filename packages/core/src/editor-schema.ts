// The JSON Schema of manifests for editors: completion, documentation and problems while typing. The same
// schemas as everywhere, arranged so that an editor follows `kind` and `runnerType` instead of guessing.

import { JobManifest } from "./schema/job.ts";
import { PipelineManifest } from "./schema/pipeline.ts";
import { FakeSpec, ShellSpec } from "./schema/runner-spec.ts";

type Schema = Record<string, unknown>;

/** `then` holds for documents whose property at a path has a value. */
function when(path: readonly string[], value: string, then: unknown): Schema {
  const at = (inner: unknown): unknown =>
    path.reduceRight((rest, key) => ({ properties: { [key]: rest }, required: [key] }), inner);
  return { if: at({ const: value }), then };
}

function runnerSpec(spec: unknown): Schema {
  return { properties: { spec: { properties: { runnerSpec: spec } } } };
}

/** The schema of one document of a manifest file. */
export function editorSchema(): Schema {
  return {
    $schema: "http://json-schema.org/draft-07/schema#",
    title: "mflow manifest",
    type: "object",
    required: ["kind"],
    properties: { kind: { enum: ["Job", "Pipeline"], description: "What the document describes." } },
    allOf: [
      when(["kind"], "Job", JobManifest),
      when(["kind"], "Pipeline", PipelineManifest),
      when(["spec", "runnerType"], "SHELL", runnerSpec(ShellSpec)),
      when(["spec", "runnerType"], "FAKE", runnerSpec(FakeSpec)),
    ],
  };
}
