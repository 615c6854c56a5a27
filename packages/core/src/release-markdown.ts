// The release report of a run as markdown, for release notes, tickets and archives. Pure.
//
// Texts of people stand in it. Tables need one line without `|`; HTML is never let through, for nobody knows where the
// file is shown; a comment keeps its markdown, as a quotation.

import { formatDuration } from "./duration.ts";
import type { DecisionRecord } from "./schema/decision-record.ts";
import type { ReleaseReport, ReportedGate, ReportedTask } from "./schema/release-report.ts";

export function releaseMarkdown(report: ReleaseReport): string {
  const { run, tasks, otherRecords, madeAt } = report;
  const gated = tasks.filter(({ gates }) => gates.length > 0);
  const sections = [
    [`# Release report: ${plain(run.pipeline)}`, "", ...runTable(report)],
    section("## Params", paramTable(run.params)),
    section("## Tasks", taskTable(tasks)),
    section("## Decisions", gated.length > 0 ? gated.flatMap(taskGates) : ["No task of the run had a gate."]),
    section("## Other rows of the record", otherRecords.flatMap(recordLines)),
    section("## Proof", proofLines(report)),
    ["", `Made at ${madeAt}.`],
  ];
  return `${sections.flat().join("\n")}\n`.replace(/\n{3,}/g, "\n\n");
}

function section(title: string, lines: readonly string[]): string[] {
  return lines.length === 0 ? [] : ["", title, "", ...lines];
}

/** A text on one line. */
function plain(text: string): string {
  return text
    .replace(/\s*[\r\n]+\s*/g, " ")
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replace(/[\\`*_[\]#|~]/g, "\\$&");
}

/** A text as code, on one line; also between the bars of a table. */
function code(text: string): string {
  const line = text.replace(/\s*[\r\n]+\s*/g, " ").replaceAll("|", "\\|");
  const longest = Math.max(0, ...(line.match(/`+/g) ?? []).map((run) => run.length));
  const fence = "`".repeat(longest + 1);
  const space = line.startsWith("`") || line.endsWith("`") ? " " : "";
  return line === "" ? "" : `${fence}${space}${line}${space}${fence}`;
}

function table(titles: readonly string[], rows: readonly (readonly string[])[]): string[] {
  if (rows.length === 0) return [];
  const line = (cells: readonly string[]) => `| ${cells.join(" | ")} |`;
  return [line(titles), line(titles.map(() => "---")), ...rows.map(line)];
}

function runTable({ run }: ReleaseReport): string[] {
  const rows: (readonly [string, string | undefined])[] = [
    ["Run", code(run.id)],
    ["Result", [run.stage, run.reason].filter(Boolean).join(" ")],
    ["Message", run.message && plain(run.message)],
    ["Scope", code(`${run.namespace}.${run.domain}`)],
    ["Started by", `${plain(run.runBy)} (${run.triggerMode})`],
    ["Started", run.startAt ?? run.createdAt],
    ["Ended", run.endAt],
    ["Took", tookText(run)],
    ["Labels", labelText(run.labels)],
  ];
  return table(
    ["", ""],
    rows.flatMap(([name, value]) => (value ? [[name, value]] : [])),
  );
}

function labelText(labels: Record<string, string> = {}): string {
  return Object.entries(labels)
    .map(([key, value]) => code(`${key}=${value}`))
    .join(" ");
}

function tookText({ startAt, endAt }: { startAt?: string; endAt?: string }): string {
  if (!startAt || !endAt) return "";
  return formatDuration(Math.max(0, Date.parse(endAt) - Date.parse(startAt)));
}

function paramTable(params: ReleaseReport["run"]["params"]): string[] {
  return table(
    ["Name", "Value", "For"],
    params.map(({ name, value, scope }) => [
      code(name),
      code(String(value)),
      scope === undefined || scope === "*"
        ? "all"
        : code([scope.stage, scope.task].filter(Boolean).join("/")),
    ]),
  );
}

function pathOf({ stageName, name }: ReportedTask): string {
  return stageName === undefined ? name : `${stageName}/${name}`;
}

function taskTable(tasks: readonly ReportedTask[]): string[] {
  return table(
    ["Task", "Job", "Result", "Started", "Took", "Attempt"],
    tasks.map((task) => [
      code(pathOf(task)),
      code(task.job),
      [task.stage, task.reason].filter(Boolean).join(" "),
      task.startAt ?? "",
      tookText(task),
      String(task.attempt),
    ]),
  );
}

function taskGates(task: ReportedTask): string[] {
  return task.gates.flatMap((gate) => gateLines(task, gate));
}

function gateLines(task: ReportedTask, gate: ReportedGate): string[] {
  const { people, required, allowSelf, digest, records } = gate;
  const rule = `${required} of ${people.join(", ")} had to pass`;
  return [
    `### ${plain(pathOf(task))}: ${gate.gate.toLowerCase()}, attempt ${gate.attempt}: ${gate.stage}`,
    "",
    `${plain(rule)}${allowSelf ? "; who started the run could too" : ""}.`,
    ...(digest ? [`Content ${code(digest)} of ${code(task.job)}.`] : []),
    "",
    ...(records.length > 0 ? records.flatMap(recordLines) : ["It never opened."]),
    "",
  ];
}

const ACTS: Readonly<Record<DecisionRecord["act"], string>> = {
  OPEN: "opened",
  DECIDE: "decided",
  WITHDRAW: "took back their pass",
  ESCALATE: "escalated",
  EXPIRE: "expired",
  REFUSE: "was refused",
};

function recordLines(record: DecisionRecord): string[] {
  const { seq, at, user, onBehalfOf, rule, digest, comment } = record;
  const who = user === undefined ? "" : `**${plain(user)}**${onBehalfOf ? ` for ${plain(onBehalfOf)}` : ""} `;
  const what = whatText(record);
  const from = sourceText(record);
  return [
    `- ${at} ${who}${what}${from ? `, ${from}` : ""} (row ${seq})`,
    `  ${plain(rule)}`,
    ...(digest ? [`  content ${code(digest)}`] : []),
    ...(comment ? ["", ...quoted(comment), ""] : []),
  ];
}

/** `opened`, `**PUSH_BACK** to `build``, `was refused PASS (SELF_DECISION)` ... */
function whatText({ act, user, verdict, pushBackTo, code: refusal }: DecisionRecord): string {
  if (act === "DECIDE" && verdict) return `**${verdict}**${pushBackTo ? ` to ${code(pushBackTo)}` : ""}`;
  const nobody = act === "REFUSE" && user === undefined ? "somebody" : undefined;
  return [nobody, ACTS[act], verdict, refusal && `(${refusal})`].filter(Boolean).join(" ");
}

function sourceText({ source }: DecisionRecord): string {
  if (!source) return "";
  const { via, address, userAgent, link } = source;
  const more = [address && code(address), userAgent && code(userAgent), link && `link ${code(link)}`];
  const details = more.filter(Boolean).join(", ");
  return `by ${plain(via)}${details ? ` from ${details}` : ""}`;
}

function quoted(text: string): string[] {
  const safe = text.trim().replaceAll("&", "&amp;").replaceAll("<", "&lt;");
  return safe.split(/\r?\n/).map((line) => `  > ${line}`.trimEnd());
}

function proofLines({ proof }: ReleaseReport): string[] {
  if (!proof) return ["The decision record has no rows of this run."];
  const { firstSeq, lastSeq, previous, hash, ok, reason } = proof;
  return [
    ok
      ? `Rows ${firstSeq} to ${lastSeq} of the decision record are whole: each carries the hash of the one before it.`
      : `**The decision record is not whole:** ${plain(reason ?? "a row was changed")}`,
    "",
    ...table(
      ["", "Row", "Hash"],
      [
        ["before", String(firstSeq - 1), code(previous)],
        ["last", String(lastSeq), code(hash)],
      ],
    ),
    "",
    `To check later that nothing up to row ${lastSeq} was changed since: ${code(`mflow record verify --expect ${lastSeq}:${hash}`)}`,
  ];
}
