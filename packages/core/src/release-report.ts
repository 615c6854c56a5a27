// Puts together the release report of a run: who released what. Pure; as markdown it is in release-markdown.ts.

import { type GateKind, upperKind } from "./gate.ts";
import { MASK } from "./mask.ts";
import { maskParams } from "./params.ts";
import type { DecisionRecord } from "./schema/decision-record.ts";
import type { Gate } from "./schema/gate.ts";
import type { JobTask } from "./schema/job-task.ts";
import type { PipelineTask, RunDefinition } from "./schema/pipeline-task.ts";
import type { ReleaseReport, ReportedGate, ReportedTask } from "./schema/release-report.ts";

export interface ReportInput {
  run: PipelineTask;
  definition: RunDefinition;
  /** In the pipeline's order. */
  tasks: readonly JobTask[];
  /** The run's rows of the decision record, in order. */
  records: readonly DecisionRecord[];
  proof?: ReleaseReport["proof"];
  /** RFC 3339. */
  madeAt: string;
  isSealed(text: string): boolean;
}

export function releaseReport(input: ReportInput): ReleaseReport {
  const { tasks, records, proof, madeAt } = input;
  const byGate = Map.groupBy(records, ({ taskId, attempt, gate }) => gateKey(taskId, attempt, gate));
  const shown = tasks.map((task) => reportedTask(task, byGate));
  const used = new Set(shown.flatMap(({ gates }) => gates.flatMap((gate) => gate.records)));
  const otherRecords = records.filter((record) => !used.has(record));
  const report: ReleaseReport = { run: reportedRun(input), tasks: shown, otherRecords, madeAt };
  if (proof && records.length > 0) report.proof = proof;
  return report;
}

function reportedRun({ run, definition, isSealed }: ReportInput): ReleaseReport["run"] {
  const { id, name, domain, namespace, status, runBy, triggerMode, labels, createdAt } = run;
  const isSecret = (value: unknown) => typeof value === "string" && isSealed(value);
  return {
    id,
    pipeline: name,
    domain,
    namespace,
    ...pick(status, ["stage", "reason", "message", "startAt", "endAt"]),
    runBy,
    triggerMode,
    ...(labels && { labels }),
    createdAt,
    params: definition.runParams.map((param) =>
      param.sensitive || isSecret(param.value) ? { ...param, value: MASK } : param,
    ),
  };
}

/** Rows by the gate that they are about. */
type RowsByGate = ReadonlyMap<string, DecisionRecord[]>;

function gateKey(taskId = "", attempt = 0, gate: string = ""): string {
  return `${taskId} ${attempt} ${gate}`;
}

function reportedTask(task: JobTask, byGate: RowsByGate): ReportedTask {
  const { id, name, stageName, job, status, attempt, params = [] } = task;
  const attempts = [...(task.pastAttempts ?? []), { attempt, audit: task.audit, confirm: task.confirm }];
  // A number is raised when the attempt opens: one that has the number of the one before never did, and had no gates.
  const opened = attempts.filter((each, index) => each.attempt !== attempts[index - 1]?.attempt);
  const gates = opened.flatMap((each) =>
    (["audit", "confirm"] as const).flatMap((kind) =>
      each[kind] ? [reportedGate(id, each.attempt, kind, each[kind], byGate)] : [],
    ),
  );
  return {
    id,
    name,
    ...(stageName !== undefined && { stageName }),
    job: `${job.name}:${job.version}`,
    attempt,
    ...pick(status, ["stage", "reason", "message", "reported", "startAt", "endAt"]),
    params: maskParams(params),
    gates,
  };
}

function reportedGate(
  taskId: string,
  attempt: number,
  kind: GateKind,
  gate: Gate,
  byGate: RowsByGate,
): ReportedGate {
  const name = upperKind(kind);
  const records = byGate.get(gateKey(taskId, attempt, name)) ?? [];
  const shown = pick(gate, ["stage", "people", "required", "allowSelf", "digest", "openedAt", "closedAt"]);
  return { gate: name, attempt, ...shown, records };
}

/** The named fields that there are. */
function pick<T extends object, K extends keyof T>(from: T, names: readonly K[]): Pick<T, K> {
  const picked = {} as Pick<T, K>;
  for (const name of names) if (from[name] !== undefined) picked[name] = from[name];
  return picked;
}
