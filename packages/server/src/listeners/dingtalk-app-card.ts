// A message for an app of DingTalk: what its group robots show, as a message of its own robot with links for buttons, or
// as the variables of an interactive card, whose template an admin makes from docs/how-to/dingtalk-app.md.

import type { Content } from "./content.ts";
import { cutText } from "./cut-text.ts";
import { dingtalkMessage } from "./dingtalk.ts";
import { fitted } from "./fit-content.ts";
import { bytesOf } from "./robot-http.ts";

const MAX_TITLE = 100;
/** Of the text; the documentation of these messages names no limit, that of group robots 20,000 bytes for all. */
const MAX_TEXT_BYTES = 15_000;
/** There are kinds of message for so many buttons below each other. */
const MAX_BUTTONS = 5;

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
  /** The page of the task; empty when there is none. */
  link: string;
  /** What was told to who pressed. */
  notice: string;
}

export function dingtalkCardParams(content: Content): DingtalkCardParams {
  const { title, tone, buttons = [], links } = content;
  const label = (verdict: "PASS" | "DENY") =>
    buttons.find((button) => button.verdict === verdict)?.label ?? "";
  return {
    title: cutText(title, MAX_TITLE),
    text: textOf(content),
    tone: tone.toLowerCase(),
    open: String(buttons.length > 0),
    passLabel: label("PASS"),
    denyLabel: label("DENY"),
    link: links[0]?.url ?? "",
    notice: "",
  };
}

/** A message of the robot: its `msgKey` and `msgParam`, by "Types of messages sent by robots" of open.dingtalk.com. */
export function dingtalkRobotMessage(content: Content): { msgKey: string; msgParam: string } {
  const { buttons = [], links } = content;
  const message = { title: cutText(content.title, MAX_TITLE), text: textOf(content) };
  const opens = [...buttons, ...links].slice(0, MAX_BUTTONS);
  const [only, ...more] = opens;
  if (!only) return { msgKey: "sampleMarkdown", msgParam: JSON.stringify(message) };
  if (more.length === 0) {
    const msgParam = JSON.stringify({ ...message, singleTitle: only.label, singleURL: only.url });
    return { msgKey: "sampleActionCard", msgParam };
  }
  const actions = opens.flatMap(({ label, url }, index) => [
    [`actionTitle${index + 1}`, label],
    [`actionURL${index + 1}`, url],
  ]);
  const msgParam = JSON.stringify({ ...message, ...Object.fromEntries(actions) });
  return { msgKey: `sampleActionCard${opens.length}`, msgParam };
}

/** The markdown, which has neither buttons nor links. */
function textOf({ buttons: _buttons, ...content }: Content): string {
  return fitted(
    { ...content, links: [] },
    (cut) => dingtalkMessage(cut).markdown?.text ?? "",
    (text) => bytesOf(text) <= MAX_TEXT_BYTES,
  );
}
