// Colors and symbols, or none: what a stream can show is decided once and handed on.

import { styleText } from "node:util";

export type Tone = "good" | "bad" | "busy" | "attention" | "quiet" | "strong";

export interface Style {
  tone(tone: Tone, text: string): string;
  symbols: Symbols;
}

export interface Symbols {
  succeeded: string;
  failed: string;
  canceled: string;
  skipped: string;
  active: string;
  waiting: string;
  scheduling: string;
  pending: string;
  more: string;
  bar: string;
}

const unicode: Symbols = {
  succeeded: "✔",
  failed: "✘",
  canceled: "■",
  skipped: "↷",
  active: "●",
  waiting: "◆",
  scheduling: "◌",
  pending: "·",
  more: "…",
  bar: "│",
};

const ascii: Symbols = {
  succeeded: "+",
  failed: "x",
  canceled: "#",
  skipped: "-",
  active: "*",
  waiting: "?",
  scheduling: "o",
  pending: ".",
  more: "...",
  bar: "|",
};

const formats = {
  good: "green",
  bad: "red",
  busy: "cyan",
  attention: ["yellow", "bold"],
  quiet: "gray",
  strong: "bold",
} as const;

export interface StyleChoice {
  color: boolean;
  unicode: boolean;
}

export function makeStyle(choice: StyleChoice): Style {
  return {
    tone: (tone, text) =>
      choice.color && text !== "" ? styleText([formats[tone]].flat(), text, { validateStream: false }) : text,
    symbols: choice.unicode ? unicode : ascii,
  };
}

interface Capabilities {
  isTTY: boolean;
  env: Readonly<Record<string, string | undefined>>;
  /** `--no-color` was given. */
  noColor: boolean;
}

/** Colors on terminals that have them, unless `NO_COLOR` (https://no-color.org) or `--no-color` forbids it. */
export function styleFor({ isTTY, env, noColor }: Capabilities): Style {
  const forced = env.FORCE_COLOR !== undefined && env.FORCE_COLOR !== "0";
  const color = !noColor && !env.NO_COLOR && (forced || (isTTY && env.TERM !== "dumb"));
  const locale = env.LC_ALL || env.LC_CTYPE || env.LANG || "";
  return makeStyle({ color, unicode: /utf-?8/i.test(locale) });
}
