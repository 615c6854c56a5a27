// What a person decides on at a gate: for an audit what the task will run with, for a confirm how it went. Pure.

import { formatDuration } from "@mflow/core/duration";
import type { JobTaskView } from "@mflow/core/schema/api";
import type { Evidence } from "@mflow/core/schema/evidence";
import type { Style } from "../display/style.ts";
import { cut, displayWidth, fill, plainLine } from "../display/width.ts";
import { changeSummary } from "./evidence-lines.ts";
import { decisionText, elapsed, type OpenGate, pathOf } from "./watched.ts";

export interface ContentOptions {
  columns: number;
  /** At most so many lines. */
  rows: number;
  style: Style;
  /** What the decision rests on, once it is known. */
  evidence?: Evidence;
}

interface Fact {
  /** Absent for a line of text. */
  name?: string;
  value: string;
}

const LONGEST_NAME = 24;

/** The content of a task's open gate as lines that fit, the question first and the digest last. */
export function gateContent(task: JobTaskView, { kind, gate }: OpenGate, options: ContentOptions): string[] {
  const { style, columns, rows, evidence } = options;
  const question =
    kind === "audit"
      ? `Audit of ${pathOf(task)}: may it run?`
      : `Confirm of ${pathOf(task)}: is the result good?`;
  const facts = factsOf(task, kind, evidence);
  const room = Math.max(2, rows - 2);
  const shown = facts.length > room ? facts.slice(0, room - 1) : facts;
  const hidden = facts.length - shown.length;
  return [
    style.tone("strong", cut(plainLine(question), columns)),
    ...factLines(shown, options),
    ...(hidden > 0 ? [cut(`  ${style.symbols.more} ${hidden} more: describe task ${task.id}`, columns)] : []),
    style.tone("quiet", cut(`  digest ${gate.digest ?? ""}`, columns)),
  ];
}

/** The content in one line, for pipes. */
export function gateContentLine(task: JobTaskView, { kind, gate }: OpenGate): string {
  const facts = factsOf(task, kind).filter(({ name }) => name !== undefined);
  const words = facts.map(({ name, value }) => `${name}=${value}`);
  return plainLine([...words, `digest=${gate.digest ?? ""}`].join(" "));
}

function factsOf(task: JobTaskView, kind: OpenGate["kind"], evidence?: Evidence): Fact[] {
  if (kind === "audit") {
    const params = (task.params ?? []).map(({ name, value }) => ({ name, value }));
    return [
      { name: "job", value: `${task.job.name}:${task.job.version}` },
      ...evidenceFacts(task, evidence),
      ...params,
    ];
  }
  const { stage, reported, runtimeEnvs = {}, markdownOutput = "", endAt } = task.status;
  const took = endAt === undefined ? undefined : elapsed(task.status, Date.parse(endAt));
  const result = [
    reported?.stage ?? stage,
    took !== undefined && `in ${formatDuration(took)}`,
    reported?.message,
  ];
  const summary = markdownOutput.split("\n").filter((line) => line.trim() !== "");
  return [
    { name: "result", value: result.filter(Boolean).join(" ") },
    ...evidenceFacts(task, evidence),
    ...Object.entries(runtimeEnvs).map(([name, value]) => ({ name, value })),
    ...summary.map((value) => ({ value })),
  ];
}

/** Feedback of a push back, what changed since the last success, and what was decided last, in a line each. */
function evidenceFacts({ feedback }: JobTaskView, evidence: Evidence | undefined): Fact[] {
  const [before] = evidence?.earlierDecisions ?? [];
  return [
    ...(feedback === undefined ? [] : [{ name: "feedback", value: feedback }]),
    ...(evidence?.sinceSuccess ? [{ name: "changed", value: changeSummary(evidence.sinceSuccess) }] : []),
    ...(before ? [{ name: "before", value: decisionText(before) }] : []),
  ];
}

function factLines(facts: readonly Fact[], { columns, style }: ContentOptions): string[] {
  const widest = Math.max(0, ...facts.map(({ name }) => displayWidth(name ?? "")));
  const width = Math.min(LONGEST_NAME, widest);
  return facts.map(({ name, value }) => {
    if (name === undefined) return cut(`  ${plainLine(value)}`, columns);
    const label = fill(cut(name, width), width);
    return `  ${style.tone("quiet", label)}  ${cut(plainLine(value), columns - width - 4)}`;
  });
}
