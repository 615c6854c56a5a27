// Which runtime envs earlier tasks may put out, as far as their jobs tell, so that `lint` asks only for values that
// nothing in the pipeline can give.

import type { JobSpec } from "../schema/job.ts";

const ANYTHING = "ANYTHING";

const comesFromElsewhere: ReadonlySet<string> = new Set(["K8S_JOB", "PIPELINE", "MANUAL"]);

function outputsOf(spec: JobSpec | undefined): typeof ANYTHING | ReadonlySet<string> {
  // Of a job that is not known, or whose results come from elsewhere, anything may come.
  if (!spec || spec.manualUpdateStatus || comesFromElsewhere.has(spec.runnerType)) return ANYTHING;
  if (spec.runnerType === "SHELL") {
    return JSON.stringify(spec.runnerSpec).includes("MFLOW_OUTPUT") ? ANYTHING : new Set();
  }
  return new Set(Object.keys(spec.runnerSpec.runtimeEnvs ?? {}));
}

/** The runtime envs that the tasks added so far may hand on. */
export class Outputs {
  readonly #seen = new Set<JobSpec | undefined>();
  readonly #names = new Set<string>();
  #anything = false;

  add(spec: JobSpec | undefined): void {
    if (this.#seen.has(spec)) return;
    this.#seen.add(spec);
    const outputs = outputsOf(spec);
    if (outputs === ANYTHING) this.#anything = true;
    else for (const name of outputs) this.#names.add(name);
  }

  /** Only names that start with an upper case letter are handed on. */
  mayFill(name: string): boolean {
    return /^[A-Z]/.test(name) && (this.#anything || this.#names.has(name));
  }
}
