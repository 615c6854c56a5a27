// A message for DingTalk: as markdown of its robot, with links for buttons, and as the variables of an interactive card,
// whose template an admin makes from docs/how-to/dingtalk-app.md.

import type { Content } from "./content.ts";
import { cutText } from "./cut-text.ts";

const LIMITS = { title: 100, fact: 300, text: 1500, lines: 1200 };

/** Variables of the card's template, all of them texts. */
export interface DingtalkCardParams extends Record<string, string> {
  title: string;
  /** Markdown. */
  text: string;
  /** `good`, `bad`, `waiting` or `neutral`. */
  tone: string;
  /** `true` while the buttons are to be shown. */
  open: string;
  passLabel: string;
  denyLabel: string;
  /** What was told to who pressed. */
  notice: string;
}

export function dingtalkCardParams(content: Content): DingtalkCardParams {
  const label = (verdict: "PASS" | "DENY") =>
    content.buttons?.find((button) => button.verdict === verdict)?.label;
  return {
    title: cutText(content.title, LIMITS.title),
    text: dingtalkMarkdown(content),
    tone: content.tone.toLowerCase(),
    open: String(content.buttons !== undefined),
    passLabel: label("PASS") ?? "",
    denyLabel: label("DENY") ?? "",
    notice: "",
  };
}

/** A message of the robot: its `msgKey` and `msgParam`, by "types of messages sent by robots" of open.dingtalk.com. */
export function dingtalkRobotMessage(content: Content): { msgKey: string; msgParam: string } {
  const title = cutText(content.title, LIMITS.title);
  const text = `### ${escaped(title)}\n\n${dingtalkMarkdown(content)}`;
  const [first, second] = content.buttons ?? [];
  if (!first || !second) return { msgKey: "sampleMarkdown", msgParam: JSON.stringify({ title, text }) };
  const msgParam = JSON.stringify({
    ...{ title, text },
    ...{ actionTitle1: first.label, actionURL1: first.url },
    ...{ actionTitle2: second.label, actionURL2: second.url },
  });
  return { msgKey: "sampleActionCard2", msgParam };
}

function dingtalkMarkdown({ facts, text, params, log, links }: Content): string {
  const parts = [
    ...facts.map(({ label, value }) => `**${escaped(label)}**: ${escaped(cutText(value, LIMITS.fact))}`),
    text === undefined ? "" : cutText(text, LIMITS.text),
    // There are no code blocks: each line is quoted.
    ...[params, log].map((block) => (block ? quoted(block) : "")),
    links
      .map(({ label, url }) => `[${escaped(label)}](${url.replaceAll("(", "%28").replaceAll(")", "%29")})`)
      .join(" · "),
  ];
  return parts.filter((part) => part !== "").join("\n\n");
}

function quoted({ label, lines }: { label: string; lines: string[] }): string {
  const text = cutText(lines.join("\n"), LIMITS.lines);
  return [`**${escaped(label)}**`, ...text.split("\n").map((line) => `> ${escaped(line)}`)].join("\n\n");
}

/** Text that is no markdown. */
function escaped(text: string): string {
  return text.replace(/\s+/g, " ").replace(/[\\*_`[\]#<>]/g, "\\$&");
}
