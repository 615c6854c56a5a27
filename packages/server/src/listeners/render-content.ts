// What a message says to people, in their language: plain data from which each channel makes its card or mail. Whatever
// people or work wrote stands in it as one line of plain text each, but `text`, which is markdown.

import { renderTemplate } from "@mflow/core/message-template";
import type { Language, MessageTemplate } from "@mflow/core/schema/listener";
import type { Message } from "@mflow/core/schema/message";
import type { Content, DecisionButton } from "./content.ts";
import { cutText } from "./cut-text.ts";
import { escapeMarkdown } from "./escape-markdown.ts";
import { oneLine } from "./plain-line.ts";
import { factsOf, subjectOf } from "./render-facts.ts";
import { type Texts, textsOf } from "./texts.ts";

/** Lengths beyond which people stop reading, UTF-16 units. */
const MAX_TITLE = 200;
const MAX_PARAM = 200;
const MAX_MARKDOWN = 1500;
const MAX_PARAMS = 30;

export interface ContentParts {
  message: Message;
  language: Language;
  /** The words of the listener itself, in place of title, and of facts and params. */
  template?: MessageTemplate;
  /** Where to see the run or task. */
  link?: string;
  /** The first failing lines of the log. */
  log?: readonly string[];
  /** By which a waiting gate is decided; left out when it does not wait. */
  buttons?: readonly Pick<DecisionButton, "verdict" | "url">[];
  /** In which times are told, as of the IANA (default UTC). */
  timeZone?: string;
}

/** The message as people read it. */
export function renderContent(parts: ContentParts): Content {
  const { message, language, template = {}, link, log = [], buttons = [], timeZone = "UTC" } = parts;
  const texts = textsOf(language);
  const linked = link === undefined ? message : { ...message, link };
  const title =
    template.title === undefined ? "" : oneLine(renderTemplate(template.title, linked, (value) => value));
  const isWaiting = message.gate?.stage === "WAITING";
  const text =
    template.text === undefined ? textOf(message) : renderTemplate(template.text, linked, escapeMarkdown);
  const params = template.text === undefined ? paramsOf(message, texts) : [];
  return {
    language,
    tone: toneOf(message),
    title: cutText(
      title === "" ? texts.title(texts.events[message.type], subjectOf(message)) : title,
      MAX_TITLE,
    ),
    facts: template.text === undefined ? factsOf(message, texts, (at) => timeIn(timeZone, at)) : [],
    ...(text && { text }),
    ...(params.length > 0 && { params: { label: texts.labels.params, lines: params } }),
    ...(log.length > 0 && { log: { label: texts.labels.log, lines: [...log] } }),
    links:
      linked.link === undefined
        ? []
        : [{ label: message.task ? texts.openTask : texts.openRun, url: linked.link }],
    ...(isWaiting &&
      buttons.length > 0 && {
        buttons: buttons.map(({ verdict, url }) => ({ verdict, label: texts.buttons[verdict], url })),
      }),
  };
}

function toneOf({ type, gate }: Message): Content["tone"] {
  if (gate?.stage === "WAITING") return "WAITING";
  if (type === "SUCCEEDED" || type.endsWith("_PASS")) return "GOOD";
  const isBad = type === "FAILED" || /_(DENY|EXPIRED|PUSH_BACK)$/.test(type);
  return isBad ? "BAD" : "NEUTRAL";
}

/** What somebody said; of a result that waits for its confirm, what the task shows of it. */
function textOf({ comment, gate, task }: Message): string | undefined {
  if (comment !== undefined) return comment;
  const isResult = gate?.kind === "CONFIRM" && gate.stage === "WAITING";
  return isResult && task?.markdownOutput !== undefined
    ? cutText(task.markdownOutput, MAX_MARKDOWN)
    : undefined;
}

function paramsOf({ task }: Message, texts: Texts): string[] {
  const lines = (task?.params ?? []).map(({ name, value }) =>
    cutText(oneLine(`${name}=${value}`), MAX_PARAM),
  );
  const left = lines.length - MAX_PARAMS;
  return left > 0 ? [...lines.slice(0, MAX_PARAMS), texts.more(left)] : lines;
}

/** A timestamp with the name of its zone, e.g. `2026-03-01 12:00:00 UTC`. */
function timeIn(timeZone: string, at: string): string {
  const format = new Intl.DateTimeFormat("en-GB", {
    ...({ year: "numeric", month: "2-digit", day: "2-digit" } as const),
    ...({ hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" } as const),
    ...({ timeZone, timeZoneName: "short" } as const),
  });
  const parts = Object.fromEntries(
    format.formatToParts(new Date(at)).map(({ type, value }) => [type, value]),
  );
  const { year, month, day, hour, minute, second, timeZoneName } = parts;
  return `${year}-${month}-${day} ${hour}:${minute}:${second} ${timeZoneName}`;
}
