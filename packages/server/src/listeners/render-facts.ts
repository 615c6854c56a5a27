// The facts of a message as people read them: label and value, in the order in which they are asked for.

import { formatDuration } from "@mflow/core/duration";
import type { Message, MessageGate, MessageTask } from "@mflow/core/schema/message";
import { DEFAULT_DOMAIN, DEFAULT_NAMESPACE } from "@mflow/core/schema/scalars";
import type { Content } from "./content.ts";
import { cutText } from "./cut-text.ts";
import { oneLine } from "./plain-line.ts";
import type { FactLabel, Texts } from "./texts.ts";

type Fact = Content["facts"][number];

/** Longer values are cut, UTF-16 units. */
const MAX_VALUE = 500;
/** So much of a digest tells contents apart. */
const DIGEST_SHOWN = 12;

/** What is about whom, shortly: `release / prod`, or the task alone, or the run alone. */
export function subjectOf({ run, task }: Message): string {
  return oneLine([run?.name, task?.name].filter((name) => name !== undefined).join(" / "));
}

/** All facts; `time` writes a timestamp. */
export function factsOf(message: Message, texts: Texts, time: (at: string) => string): Fact[] {
  const { type, run, task, gate, startedBy, actor } = message;
  const about = task ?? run;
  const facts: Fact[] = [];
  const add = (label: FactLabel, value: string | undefined) => {
    const line = oneLine(value ?? "");
    if (line !== "") facts.push({ label: texts.labels[label], value: cutText(line, MAX_VALUE) });
  };
  if (!gate) add("changed", changeOf(message, texts));
  add("pipeline", run?.name);
  if (task) {
    add("task", task.stageName ? texts.remark(task.name, texts.stageRemark(task.stageName)) : task.name);
    add("job", `${task.job.name} ${task.job.version}`);
    if (task.attempt > 1) add("attempt", String(task.attempt));
  }
  const { domain, namespace } = message;
  if (domain !== DEFAULT_DOMAIN) add("namespace", `${domain}/${namespace}`);
  else if (namespace !== DEFAULT_NAMESPACE) add("namespace", namespace);
  const isByHand = run === undefined || run.triggerMode === "MANUAL";
  add("startedBy", isByHand ? startedBy : texts.remark(startedBy, texts.triggerModes[run.triggerMode]));
  const isCancel = type === "CANCELING" || type === "CANCELED";
  if (!gate && (isCancel || actor !== startedBy)) add("by", actor);
  if (gate) for (const [label, value] of gateFacts(gate, texts, time)) add(label, value);
  add("reason", reasonOf(about ?? {}, texts));
  add("failedStep", failedStepOf(task, texts));
  if (about?.durationMs !== undefined) add("duration", formatDuration(about.durationMs));
  add("at", time(message.at));
  add("id", about?.id);
  return facts;
}

function changeOf({ run, task }: Message, texts: Texts): string | undefined {
  if (!task) return run && texts.stages[run.stage];
  const to = texts.stages[task.stage];
  return task.from ? texts.change(texts.stages[task.from], to) : to;
}

function gateFacts(
  gate: MessageGate,
  texts: Texts,
  time: (at: string) => string,
): [FactLabel, string | undefined][] {
  const { reported, decisions } = gate;
  const isWaiting = gate.stage === "WAITING";
  const why = reported && reasonOf(reported, texts);
  const stage = reported && texts.stages[reported.stage];
  return [
    ["result", stage && why ? texts.remark(stage, why) : stage],
    ["waitsFor", isWaiting ? waitsFor(gate, texts) : undefined],
    ["since", isWaiting && gate.openedAt ? time(gate.openedAt) : undefined],
    ["until", isWaiting && gate.expiresAt ? time(gate.expiresAt) : undefined],
    ["decisions", texts.decisionList(decisions.map((each) => decisionOf(each, texts)))],
    ["content", gate.digest?.slice(0, DIGEST_SHOWN)],
  ];
}

/** By whom it still can be decided. A message of an older server says who is listed alone. */
function waitsFor({ waitsFor: open, people, passes, required }: MessageGate, texts: Texts): string {
  const names = open ?? people;
  const progress = texts.passed(passes, required);
  return names.length === 0 ? progress : texts.remark(texts.list(names), progress);
}

function decisionOf(decision: MessageGate["decisions"][number], texts: Texts): string {
  const { user, verdict, onBehalfOf, pushBackTo, withdrawnAt } = decision;
  const said = texts.decision(user, verdict, onBehalfOf, pushBackTo);
  return withdrawnAt ? texts.remark(said, texts.takenBack) : said;
}

function reasonOf(
  { reason, message }: { reason?: string; message?: string },
  texts: Texts,
): string | undefined {
  const name = reason && texts.reasonCode(reason);
  return name && message ? texts.reason(name, message) : (name ?? message);
}

/** The first step that went wrong, and how. */
function failedStepOf(task: MessageTask | undefined, texts: Texts): string | undefined {
  const step = task?.steps?.find(
    ({ exitCode = 0, signal, timedOut }) => exitCode !== 0 || signal || timedOut,
  );
  if (!step) return undefined;
  const { exitCode, signal, timedOut } = step;
  if (timedOut) return texts.remark(step.name, texts.timedOut);
  return texts.remark(step.name, signal ? texts.signal(signal) : texts.exitCode(exitCode ?? 0));
}
