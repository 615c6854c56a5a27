// What a message says to people: plain data in one language, from which every channel makes its card or mail. So what
// is said is decided in one place, and a channel knows its platform alone.

import type { GateVerdict } from "@mflow/core/schema/gate";
import type { Language } from "@mflow/core/schema/listener";

/** A button of a card that decides a waiting gate. */
export interface DecisionButton {
  verdict: Extract<GateVerdict, "PASS" | "DENY">;
  label: string;
  /** A page that asks once more; a GET of it decides nothing. */
  url: string;
}

export interface Content {
  language: Language;
  tone: "GOOD" | "BAD" | "WAITING" | "NEUTRAL";
  /** One line; the subject of a mail. */
  title: string;
  /** Label and value: what changed, pipeline, task, who started it, duration, what waits for whom and until when. */
  facts: { label: string; value: string }[];
  /** Markdown: the text of a template in place of the facts, or the comment of a decision. */
  text?: string;
  /** Params, `NAME=value` a line, sensitive ones masked. */
  params?: { label: string; lines: string[] };
  /** The first failing lines of the log. */
  log?: { label: string; lines: string[] };
  links: { label: string; url: string }[];
  /** Of a waiting gate, for those who may decide. */
  buttons?: DecisionButton[];
}
