// Why a run or task waits for its turn, as one sentence with its facts.

import type { CircleStep, Closure, Wait } from "./admission.ts";
import { SERVER_GATE, SLOTS } from "./admission-keys.ts";

/** What kind of thing a run or task waits for, by the first part of its key. */
const WAIT_KINDS = {
  sequence: "SEQUENCE_LOCK",
  group: "GROUP",
  "pipeline-runs": "PIPELINE_RUNS",
  "pipeline-tasks": "PIPELINE_TASKS",
  job: "JOB_TASKS",
  scope: "SCOPE_TASKS",
  runner: "RUNNER_TASKS",
  [SLOTS]: "TASK_SLOTS",
  [SERVER_GATE]: "SERVER_PAUSED",
  pipeline: "PIPELINE_PAUSED",
  run: "RUN_PAUSED",
} as const;
export type WaitKind = (typeof WAIT_KINDS)[keyof typeof WAIT_KINDS] | "RUN_LOCK";

/** What keeps a run or task waiting, as facts. */
export interface WaitFacts extends Wait {
  kind: WaitKind;
}

/** What kind of thing somebody waits for, by its key and by whom its gate was closed. */
export function waitKindOf({ key, closure }: Pick<Wait, "key" | "closure">): WaitKind {
  const kind = WAIT_KINDS[key.split("/", 1)[0] as keyof typeof WAIT_KINDS];
  return kind === "RUN_PAUSED" && closure?.by === undefined ? "RUN_LOCK" : kind;
}

/** One sentence, without a full stop. */
export function waitSentence(wait: Wait): string {
  const kind = waitKindOf(wait);
  switch (kind) {
    case "SERVER_PAUSED":
      return `waits: the server is drained${byWhom(wait.closure)}`;
    case "PIPELINE_PAUSED":
      return `waits: pipeline \`${lastPart(wait)}\` is paused${byWhom(wait.closure)}`;
    case "RUN_PAUSED":
      return `waits: the run is paused${byWhom(wait.closure)}`;
    case "RUN_LOCK":
      return "waits until its run has the sequence lock again";
    case "SEQUENCE_LOCK":
      return `waits for the sequence lock of ${lockedPipeline(wait)}${heldBy(wait)}, ${inLine(wait)}`;
    case "TASK_SLOTS":
      return `waits for ${wait.limit === 1 ? "the only task slot" : `one of ${wait.limit} task slots`}; ${inLine(wait)}`;
    case "GROUP":
      return `waits for its turn in the concurrency group \`${lastPart(wait)}\`${atMost(wait)}${heldBy(wait)}, ${inLine(wait)}`;
    case "PIPELINE_RUNS":
      return `waits: at most ${many(wait, "run")} of pipeline \`${lastPart(wait)}\` at once${heldBy(wait)}, ${inLine(wait)}`;
    case "PIPELINE_TASKS":
      return `waits: at most ${many(wait, "task")} of pipeline \`${lastPart(wait)}\` at once; ${inLine(wait)}`;
    case "JOB_TASKS":
      return `waits: at most ${many(wait, "task")} of job \`${lastPart(wait)}\` at once; ${inLine(wait)}`;
    case "SCOPE_TASKS":
      return `waits: at most ${many(wait, "task")} of ${scopeOf(wait)} at once, by the limit of an admin; ${inLine(wait)}`;
    case "RUNNER_TASKS":
      return `waits: at most ${many(wait, "task")} of runner type \`${lastPart(wait)}\` at once, by the limit of an admin; ${inLine(wait)}`;
  }
}

/** What a key stands for, in the middle of a sentence. */
export function keyText(key: string): string {
  const name = lastPart({ key });
  switch (waitKindOf({ key })) {
    case "GROUP":
      return `the concurrency group \`${name}\``;
    case "SEQUENCE_LOCK":
      return `the sequence lock of ${lockedPipeline({ key })}`;
    case "PIPELINE_RUNS":
      return `the limit of runs of pipeline \`${name}\``;
    case "PIPELINE_TASKS":
      return `the limit of tasks of pipeline \`${name}\``;
    case "JOB_TASKS":
      return `the limit of job \`${name}\``;
    default:
      return `\`${key}\``;
  }
}

/** Why the first of a circle gave up: it waits for what comes back to it. */
export function circleSentence(steps: readonly CircleStep[]): string {
  const told = steps.map(({ key }, index) => {
    const next = steps[index + 1]?.id ?? "this";
    return key === undefined ? `waits for ${next}` : `waits for ${keyText(key)}, held by ${next}`;
  });
  return `${told.join(", which ")}: all would wait for ever`;
}

function lastPart({ key }: Pick<Wait, "key">): string {
  return key.slice(key.lastIndexOf("/") + 1);
}

/** `sequence/domain/namespace/name` or `.../label=value`, whose value may hold anything. */
function lockedPipeline({ key }: Pick<Wait, "key">): string {
  const [, , , name = "", ...label] = key.split("/");
  return label.length === 0 ? `pipeline \`${name}\`` : `pipeline \`${name}\` with ${label.join("/")}`;
}

function scopeOf({ key }: Wait): string {
  const [, domain = "", namespace] = key.split("/");
  return namespace === undefined ? `domain \`${domain}\`` : `namespace \`${namespace}.${domain}\``;
}

function inLine({ place }: Wait): string {
  return `${place} before it in line`;
}

function many({ limit = 0 }: Wait, noun: string): string {
  return `${limit} ${noun}${limit === 1 ? "" : "s"}`;
}

function atMost({ limit }: Wait): string {
  return limit === undefined || limit === 1 ? "" : ` (at most ${limit})`;
}

const NAMED_HOLDERS = 3;

function heldBy({ holders, held }: Wait): string {
  if (held === 0) return "";
  const named = holders.slice(0, NAMED_HOLDERS);
  const more = held > named.length ? ` and ${held - named.length} more` : "";
  return `, held by ${named.join(", ")}${more}`;
}

function byWhom(closure: Closure | undefined): string {
  if (!closure) return "";
  const by = closure.by === undefined ? "" : ` by ${closure.by}`;
  return `${by} since ${closure.at}${closure.message === undefined ? "" : `: ${closure.message}`}`;
}
