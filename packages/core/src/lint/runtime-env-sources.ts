// Which params the tasks before another one may fill with runtime envs. What a task will put out is not known
// before it runs; a job that never speaks of a name in its runner spec, though, hardly puts it out.

import type { JobSpec } from "../schema/job.ts";

export class RuntimeEnvSources {
  readonly #specs = new Set<JobSpec>();
  readonly #texts = new Map<JobSpec, string>();
  #unknown = false;

  /** A task that ends before those that are asked about later; without a spec when its job is not known. */
  add(spec: JobSpec | undefined): void {
    if (spec) this.#specs.add(spec);
    else this.#unknown = true;
  }

  mayFill(name: string): boolean {
    if (this.#unknown) return true;
    const word = new RegExp(`(?<!\\w)${name}(?!\\w)`);
    return [...this.#specs].some((spec) => word.test(this.#textOf(spec)));
  }

  #textOf(spec: JobSpec): string {
    const known = this.#texts.get(spec);
    if (known !== undefined) return known;
    // Line ends and quotes are escaped in JSON, and an escape such as `\n` would join the word after it.
    const text = JSON.stringify(spec.runnerSpec).replace(/\\./g, " ");
    this.#texts.set(spec, text);
    return text;
  }
}
