// The manifests of examples/, with the places of this machine filled in.

import { existsSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Manifest } from "@mflow/core/manifest";
import type { Io } from "../io.ts";
import { readGoodManifests } from "../manifest-files.ts";
import { UsageError } from "../usage-error.ts";
import type { DemoFolder } from "./demo-folder.ts";

/** Beside packages/ in a clone. */
const EXAMPLES = fileURLToPath(new URL("../../../../examples", import.meta.url));

/** The pipeline of examples/demo.yaml. */
export const DEMO_PIPELINE = "demo";

/** The files of the service that the demo builds. Throws UsageError where there are no examples. */
export function serviceSource(): string {
  const source = join(EXAMPLES, "service");
  if (existsSync(source)) return source;
  throw new UsageError(
    `the examples are missing: there is no ${source}`,
    "The demo runs in a clone of the repository.",
  );
}

/** All examples; the pipeline of the demo knows where the repository is, which Node to use, and where to deploy to. */
export async function exampleManifests(io: Io, folder: DemoFolder): Promise<Manifest[]> {
  const documents = await readGoodManifests(io, [EXAMPLES]);
  return documents.map(({ manifest }) => {
    if (manifest.kind !== "Pipeline" || manifest.metadata.name !== DEMO_PIPELINE) return manifest;
    const { repository, deployed } = folder;
    const places = { GIT_URL: repository, NODE: process.execPath, DEPLOY_FOLDER: deployed };
    return { ...manifest, spec: { ...manifest.spec, with: { ...manifest.spec.with, ...places } } };
  });
}
