// Evidence as people read it on a terminal: what is decided on first, then what changed, what was said before, and how
// to decide last. Nothing is cut off, for whoever decides has to see all; long lines are wrapped. Pure.

import { formatDuration } from "@mflow/core/duration";
import { passesOf } from "@mflow/core/gate";
import type { Evidence, EvidenceGate, ParamChange, SinceSuccess } from "@mflow/core/schema/evidence";
import type { Style } from "../display/style.ts";
import { displayWidth, fill, plainLine, wrap } from "../display/width.ts";
import { decisionText, pathOf } from "./watched.ts";

export interface EvidenceOptions {
  style: Style;
  /** How mflow was called. */
  command: string;
  columns: number;
}

type Fact = readonly [name: string, value: string | undefined];

const LONGEST_NAME = 24;

export function evidenceLines(evidence: Evidence, options: EvidenceOptions): string[] {
  const { gate, result, feedback, sinceSuccess, earlierDecisions, earlierTasks, log = [], links } = evidence;
  return [
    options.style.tone("strong", plainLine(questionOf(evidence))),
    ...(gate ? facts(gateFacts(gate), options) : []),
    ...section("Feedback", text(feedback ?? "", options), options),
    ...section("What runs", facts(contentFacts(evidence), options), options),
    ...section("Result", result ? resultLines(result, options) : [], options),
    ...section(
      "End of the log",
      log.flatMap((line) => text(`${line.step} | ${line.text}`, options)),
      options,
    ),
    ...section("Since it last SUCCEEDED", facts(changeFacts(sinceSuccess), options), options),
    ...section(
      "Decided before",
      earlierDecisions.flatMap((decision) => {
        const when = decision.taskId === evidence.taskId ? `attempt ${decision.attempt}` : "last success";
        return text(`${when}: ${decisionText(decision)}`, options);
      }),
      options,
    ),
    ...earlierTasks.flatMap((task) =>
      section(
        `${pathOf(task)} ${task.stage}`,
        [
          ...facts(Object.entries(task.runtimeEnvs ?? {}), options),
          ...text(task.markdownOutput ?? "", options),
        ],
        options,
      ),
    ),
    ...section(
      "Links",
      facts(
        links.map(({ label, url }) => [label, url] as const),
        options,
      ),
      options,
    ),
    ...decideLines(evidence, options),
  ];
}

function questionOf({ gate, name, stageName, run }: Evidence): string {
  const path = pathOf({ name, ...(stageName !== undefined && { stageName }) });
  const of = run ? `${path} of ${run.name} (${run.id})` : path;
  if (!gate) return `${of} has no gate`;
  const isOpen = gate.stage === "WAITING";
  if (gate.kind === "AUDIT") return isOpen ? `Audit of ${of}: may it run?` : `Audit of ${of}: ${gate.stage}`;
  return isOpen ? `Confirm of ${of}: is the result good?` : `Confirm of ${of}: ${gate.stage}`;
}

function gateFacts(gate: EvidenceGate): Fact[] {
  const { people, required, openedAt, expiresAt, escalatedAt, escalateTo, decisions, mayDecide, allowSelf } =
    gate;
  const may = mayDecide.map(({ user, standIn }) =>
    standIn === undefined ? user : `${standIn} (for ${user}, who is away)`,
  );
  return [
    [
      "passed",
      `${passesOf(gate)} of ${required}; listed: ${people.join(", ")}${allowSelf ? ", who started it too" : ""}`,
    ],
    [
      "may decide",
      gate.stage === "WAITING" ? may.join(", ") || "nobody: all have decided or must not" : undefined,
    ],
    [gate.stage === "WAITING" ? "waits since" : "opened", openedAt],
    ["until", gate.stage === "WAITING" ? expiresAt : undefined],
    ["escalated", escalatedAt && `${escalatedAt} to ${escalateTo?.join(", ") ?? "others"}`],
    ...decisions.map((decision): Fact => ["decided", decisionText(decision)]),
  ];
}

function contentFacts({ content, startedBy, attempt }: Evidence): Fact[] {
  return [
    ["job", `${content.job.name}:${content.job.version}`],
    ["started by", attempt > 1 ? `${startedBy}, attempt ${attempt}` : startedBy],
    ...content.params.map(({ name, value }): Fact => [name, value]),
  ];
}

function resultLines(result: NonNullable<Evidence["result"]>, options: EvidenceOptions): string[] {
  const { reported, durationMs, steps = [], runtimeEnvs = {}, markdownOutput = "" } = result;
  const took = durationMs === undefined ? "" : ` in ${formatDuration(durationMs)}`;
  const failed = steps.filter(
    (step) => step.timedOut || step.signal !== undefined || (step.exitCode ?? 0) !== 0,
  );
  return [
    ...facts(
      [
        ["result", `${reported.stage}${took}`],
        ["because", [reported.reason, reported.message].filter(Boolean).join(": ")],
        ["failed", failed.map(({ name }) => name).join(", ")],
        ...Object.entries(runtimeEnvs),
      ],
      options,
    ),
    ...text(markdownOutput, options),
  ];
}

function changeFacts(since: SinceSuccess | undefined): Fact[] {
  if (!since) return [];
  const { job, params, commits, taskId, startedBy, endAt } = since;
  const changes: Fact[] = [
    ["job", job && `${job.before} -> ${job.after}`],
    ["commits", commits && (commits.url ?? `${commits.before}..${commits.after}`)],
    ...params.map((change): Fact => [change.name, changeText(change)]),
  ];
  const told = changes.filter(([, value]) => value !== undefined);
  return [
    ...(told.length > 0 ? told : [["nothing", "job version and params are the same"] as const]),
    ["then", [endAt, `by ${startedBy}`, taskId].filter(Boolean).join(", ")],
  ];
}

function changeText({ change, before, after, sensitive }: ParamChange): string {
  if (change === "UNKNOWN") return "(sensitive) cannot be compared: its key is gone";
  if (sensitive) return `(sensitive) ${change.toLowerCase()}`;
  if (change === "ADDED") return `added: ${after}`;
  return change === "REMOVED" ? `removed, was ${before}` : `${before} -> ${after}`;
}

/** The same in a few words, for where there is little room: `job v2 -> v3; TARGET eu -> us`. */
export function changeSummary(since: SinceSuccess): string {
  const { job, params, commits } = since;
  const changes = [
    job && `job ${job.before} -> ${job.after}`,
    commits && `commits ${commits.before.slice(0, 12)}..${commits.after.slice(0, 12)}`,
    ...params.map((change) => `${change.name} ${changeText(change)}`),
  ].filter(Boolean);
  return changes.length > 0 ? changes.join("; ") : "nothing";
}

function decideLines({ gate, taskId }: Evidence, { command, style }: EvidenceOptions): string[] {
  if (gate?.stage !== "WAITING")
    return gate?.digest ? ["", style.tone("quiet", `digest ${gate.digest}`)] : [];
  const kind = gate.kind.toLowerCase();
  const others = kind === "confirm" ? "or: --deny -m WHY, or --push-back TASK -m WHY" : "or: --deny -m WHY";
  // On lines of their own, whole, to be copied.
  return [
    "",
    "Decide on exactly this:",
    `  ${command} ${kind} ${taskId} --pass --digest ${gate.digest ?? ""}`,
    `  ${others}`,
  ];
}

function section(title: string, lines: readonly string[], { style }: EvidenceOptions): string[] {
  return lines.length === 0 ? [] : ["", style.tone("strong", plainLine(title)), ...lines];
}

/** Texts of many lines, indented. */
function text(value: string, { columns }: EvidenceOptions): string[] {
  if (value.trim() === "") return [];
  return value
    .trimEnd()
    .split(/\r?\n/)
    .flatMap((line) => wrap(plainLine(line), columns - 2))
    .map((line) => `  ${line}`.trimEnd());
}

function facts(given: readonly Fact[], { columns, style }: EvidenceOptions): string[] {
  const known = given.filter(
    (fact): fact is readonly [string, string] => fact[1] !== undefined && fact[1] !== "",
  );
  const width = Math.min(LONGEST_NAME, Math.max(0, ...known.map(([name]) => displayWidth(plainLine(name)))));
  return known.flatMap(([name, value]) => {
    const label = plainLine(name);
    const room = Math.max(20, columns - width - 4);
    const [first = "", ...rest] = value.split(/\r?\n/).flatMap((line) => wrap(plainLine(line), room));
    // A name that is too long for its column has a line to itself, and so has an address, which is not broken.
    const isWide = displayWidth(first) > room;
    const isLong = displayWidth(label) > width || isWide;
    const head = style.tone("quiet", isLong ? label : fill(label, width));
    const indent = " ".repeat(isWide ? 2 : width + 4);
    const lines = isLong ? [`  ${head}`, `${indent}${first}`] : [`  ${head}  ${first}`];
    return [...lines, ...rest.map((line) => `${indent}${line}`)];
  });
}
