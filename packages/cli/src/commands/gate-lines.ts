// What `describe` says of a gate: how it stands, what time does to it, who decided, and how to decide.

import type { JobTaskView } from "@mflow/core/schema/api";
import type { Gate } from "@mflow/core/schema/gate";
import { displayWidth, plainLine, wrap } from "../display/width.ts";
import { changeSummary } from "../view/evidence-lines.ts";
import { decisionText, openGateOf, peopleOf } from "../view/watched.ts";
import type { DescribeOptions } from "./describe-layout.ts";

type GateOptions = Pick<DescribeOptions, "command" | "evidence" | "columns">;

/** The lines of one gate of a task. */
export function gateLines(gate: Gate, task: JobTaskView, options: GateOptions): string[] {
  const open = openGateOf(task);
  return [
    `${gate.stage} ${peopleOf(gate, task)}${gate.allowSelf ? ", who started it too" : ""}`,
    ...timeLines(gate),
    ...gate.decisions.map(decisionText),
    ...(gate.digest ? [`digest ${gate.digest}`] : []),
    ...(open?.gate === gate ? openLines(task, open.kind, options) : []),
  ];
}

/** What time does, or did, to a gate. */
function timeLines({
  stage,
  openedAt,
  expiresAt,
  escalatedAt,
  escalateTo,
  remindAt,
  closedAt,
}: Gate): string[] {
  const isOpen = stage === "WAITING";
  const then = escalateTo && !escalatedAt ? `, then ${escalateTo.join(", ")} may decide too` : "";
  return [
    openedAt && `${isOpen ? "waits since" : "opened"} ${openedAt}`,
    escalatedAt && `escalated ${escalatedAt}`,
    isOpen && expiresAt && `until ${expiresAt}${then}`,
    isOpen && remindAt && `next reminder ${remindAt}`,
    closedAt && `closed ${closedAt}`,
  ].filter((line) => typeof line === "string");
}

function openLines(
  task: JobTaskView,
  kind: "audit" | "confirm",
  { command, evidence, columns }: GateOptions,
): string[] {
  const room = columns - 2;
  const changed =
    evidence?.sinceSuccess && `changed since the last success: ${changeSummary(evidence.sinceSuccess)}`;
  const before = (evidence?.earlierDecisions ?? [])
    .slice(0, 1)
    .map((decision) => `before: ${decisionText(decision)}`);
  const pass = `decide: ${command} ${kind} ${task.id} --pass`;
  const others = ["--deny -m WHY", ...(kind === "confirm" ? ["--push-back TASK -m WHY"] : [])];
  const whole = [pass, ...others].join(" | ");
  return [
    ...[changed, ...before].flatMap((line) => (line ? hanging(line, room) : [])),
    `see all: ${command} evidence ${task.id}`,
    // The command stays in one line, to be copied.
    ...(displayWidth(whole) <= room ? [whole] : [pass, `  or: ${others.join(", or: ")}`]),
  ];
}

/** A text in lines of at most so many columns, all but the first indented. */
function hanging(text: string, columns: number): string[] {
  const [first = "", ...rest] = wrap(plainLine(text), columns - 2);
  return [first, ...rest.map((line) => `  ${line}`)];
}
