// Which runtime envs earlier tasks may put out, as far as their jobs tell, so that `lint` asks only for values that
// nothing in the pipeline can give.

import type { PlanGraph } from "../plan/graph.ts";
import type { JobSpec } from "../schema/job.ts";
import { isExportedName } from "../state.ts";

export const ANYTHING = "ANYTHING";

/** The runtime envs of a job, with their values where the job alone decides them. */
export function outputsOf(
  spec: JobSpec | undefined,
): typeof ANYTHING | ReadonlyMap<string, string | undefined> {
  // Of a job that is not known, or whose results come from elsewhere, anything may come.
  if (!spec || spec.manualUpdateStatus || (spec.runnerType !== "SHELL" && spec.runnerType !== "FAKE")) {
    return ANYTHING;
  }
  if (spec.runnerType === "SHELL") return outputsOfScripts(spec);
  const { runtimeEnvs } = spec.runnerSpec;
  if (typeof runtimeEnvs !== "object" || runtimeEnvs === null) return new Map();
  return new Map(
    Object.entries(runtimeEnvs)
      .filter(([name]) => isExportedName(name))
      .map(([name, value]) => [name, String(value)]),
  );
}

/** What whole lines of scripts say by name, as long as no line does what may write more. */
function outputsOfScripts(spec: JobSpec): typeof ANYTHING | ReadonlyMap<string, undefined> {
  const text = JSON.stringify(spec.runnerSpec);
  // Who has it can make the output call.
  if (text.includes("JOB_TASK_UPDATE_TOKEN")) return ANYTHING;
  // What a template or another shell makes of a script is not known.
  const isTemplate = spec.runParams?.some(({ usageType }) => usageType === "TEMPLATE");
  if (isTemplate || stepsOf(spec).some((step) => step?.shell !== undefined)) return ANYTHING;
  // A program that finds the file by itself is rare; a mistyped or forgotten value is not.
  if (!text.includes("MFLOW_OUTPUT")) return new Map();
  const names: string[] = [];
  for (const line of scriptsOf(spec).flatMap((run) => run.split("\n"))) {
    const name = ONLY_WRITTEN.exec(line)?.[1];
    if (name !== undefined) names.push(name);
    else if (!NOTHING_WRITTEN.test(line)) return ANYTHING;
  }
  return new Map(names.filter(isExportedName).map((name) => [name, undefined]));
}

interface Step {
  run?: unknown;
  shell?: unknown;
}

function stepsOf({ runnerSpec }: JobSpec): (Step | null)[] {
  const { steps } = runnerSpec as { steps?: unknown };
  return Array.isArray(steps) ? steps : [];
}

function scriptsOf(spec: JobSpec): string[] {
  return stepsOf(spec)
    .map((step) => step?.run)
    .filter((run) => typeof run === "string");
}

/** A line that does nothing else than to put out this one value: no other command, and no line break in the value. */
const ONLY_WRITTEN =
  /^[ \t]*(?:echo|printf)[ \t]+["']?([A-Za-z_][A-Za-z0-9_]*)=(?:[^\\;|&<>()`]|\$\(date(?:[ \t][^\\;|&<>()`$]*)?\)|\\n(?=["']))*>>[ \t]*["']?\$(?:MFLOW_OUTPUT|\{MFLOW_OUTPUT\})["']?[ \t]*$/;

/**
 * A line that puts out nothing: a comment, or one command of the shell itself that runs no other and writes no file.
 * All other programs know where the outputs are, and may write there what the script does not show.
 */
const NOTHING_WRITTEN =
  /^[ \t]*(?:#[^"'`\\]*|(?:echo|printf|test|true|false|:|cd|set|exit|sleep)(?:[ \t](?:[^\\;|&<>()`]|\\n)*)?(?:>&2[ \t]*)?)?$/;

/** A line of a script that puts out one value, as `echo "NAME=..." >> "$MFLOW_OUTPUT"`. */
const WRITTEN = /^\s*(?:echo|printf)\s+["']?([A-Za-z_][A-Za-z0-9_]*)=[^\n]*>>\s*["']?\$\{?MFLOW_OUTPUT\b/gm;

/** The names of runtime envs that a job hands on for certain, or whenever a line of a script runs. It may be more. */
export function namesPutOut(spec: JobSpec | undefined): string[] {
  if (spec?.runnerType !== "SHELL") {
    const outputs = outputsOf(spec);
    return outputs === ANYTHING ? [] : [...outputs.keys()];
  }
  const names = scriptsOf(spec).flatMap((run) => [...run.matchAll(WRITTEN)].map(([, name = ""]) => name));
  return [...new Set(names)].filter(isExportedName);
}

/** How a runtime env comes: as a text, of a matrix as a list, or as either. */
export type OutputKind = "TEXT" | "LIST" | "UNKNOWN";

/** The runtime envs that some tasks may hand on. */
export class Outputs {
  /** Some job may put out other names than it shows. */
  #anything = false;
  /** Some job shows no names, or not all. */
  #isHidden = false;
  readonly #kinds = new Map<string, OutputKind>();
  /** By name what it is, unless that depends on the run. */
  readonly #values = new Map<string, string | undefined>();

  /** Those of a task that runs this job; `isMatrix`: several times, so that they come as lists. */
  add(spec: JobSpec | undefined, isMatrix: boolean): void {
    const outputs = outputsOf(spec);
    if (outputs === ANYTHING) {
      this.#anything = true;
      this.#isHidden = true;
      return;
    }
    // A value that a script puts out may hold line breaks, and so further names.
    if (spec?.runnerType === "SHELL" && outputs.size > 0) this.#anything = true;
    for (const [name, value] of outputs)
      this.#join(name, isMatrix ? "LIST" : "TEXT", isMatrix ? undefined : value);
  }

  addAll(other: Outputs): void {
    if (other.#anything) this.#anything = true;
    if (other.#isHidden) this.#isHidden = true;
    for (const [name, kind] of other.#kinds) this.#join(name, kind, other.#values.get(name));
  }

  #join(name: string, kind: OutputKind, value: string | undefined): void {
    const before = this.#kinds.get(name);
    const isSame = before === undefined || this.#values.get(name) === value;
    this.#values.set(name, isSame ? value : undefined);
    this.#kinds.set(name, before === undefined || before === kind ? kind : "UNKNOWN");
  }

  /** How a runtime env of this name comes; nothing when nobody puts it out. */
  kindOf(name: string): OutputKind | undefined {
    if (!isExportedName(name)) return undefined;
    return this.#anything ? "UNKNOWN" : this.#kinds.get(name);
  }

  mayFill(name: string): boolean {
    return this.kindOf(name) !== undefined;
  }

  /** The same as far as the jobs tell: scripts that show names put out no others. */
  isShown(name: string): boolean {
    return isExportedName(name) && (this.#isHidden || this.#kinds.has(name));
  }

  /** What a runtime env is, when all who put it out put out the same; nothing when that depends on the run. */
  valueOf(name: string): string | undefined {
    return this.#anything ? undefined : this.#values.get(name);
  }
}

/** What has been put out before each task of a pipeline. `runs` tells which tasks run at all. */
export class EarlierOutputs {
  readonly #graph: PlanGraph;
  readonly #specOf: (node: number) => JobSpec | undefined;
  readonly #runs: (node: number) => boolean;
  readonly #ofStage = new Map<number, Outputs>();
  readonly #before = new Map<number, Outputs>();
  #normal: Outputs | undefined;

  constructor(
    graph: PlanGraph,
    specOf: (node: number) => JobSpec | undefined,
    runs: (node: number) => boolean,
  ) {
    this.#graph = graph;
    this.#specOf = specOf;
    this.#runs = runs;
  }

  /** By the tasks that have ended before this one starts. */
  before(node: number): Outputs {
    const known = this.#before.get(node);
    if (known) return known;
    const { stage, after, isInOrder } = this.#graph.node(node);
    const outputs = new Outputs();
    this.#before.set(node, outputs);
    if (isInOrder) {
      outputs.addAll(this.beforeStage(stage));
      // In the order of the stage what went before one of them is known already: no deep recursion.
      for (const other of after) outputs.addAll(this.#upTo(other));
    } else {
      if (this.#graph.stage(stage).isFinally) outputs.addAll(this.#ofNormalStages());
      for (const other of this.#graph.ancestors(node)) this.#add(outputs, other);
    }
    return outputs;
  }

  /** By the tasks that have ended before the turn of a stage. */
  beforeStage(stage: number): Outputs {
    const known = this.#ofStage.get(stage);
    if (known) return known;
    const { before, isFinally } = this.#graph.stage(stage);
    const outputs = new Outputs();
    if (before !== undefined) {
      outputs.addAll(this.beforeStage(before));
      for (const node of this.#graph.nodesOf(before)) {
        this.#add(outputs, node);
        // What it needs may be of a later stage.
        if (!this.#graph.node(node).isInOrder) outputs.addAll(this.before(node));
      }
    } else if (isFinally) outputs.addAll(this.#ofNormalStages());
    this.#ofStage.set(stage, outputs);
    return outputs;
  }

  #ofNormalStages(): Outputs {
    if (this.#normal) return this.#normal;
    this.#normal = new Outputs();
    for (const [node, { stage }] of this.#graph.nodes.entries()) {
      if (!this.#graph.stage(stage).isFinally) this.#add(this.#normal, node);
    }
    return this.#normal;
  }

  #upTo(node: number): Outputs {
    const outputs = new Outputs();
    outputs.addAll(this.before(node));
    this.#add(outputs, node);
    return outputs;
  }

  #add(outputs: Outputs, node: number): void {
    if (this.#runs(node)) outputs.add(this.#specOf(node), this.#graph.node(node).spec.matrix !== undefined);
  }
}
