// Platforms refuse messages that are too large. What is too large is cut where it is missed least: params first, then
// the log, then long values; title, buttons and links stay.

import type { Content } from "./content.ts";
import { cutText } from "./cut-text.ts";
import { textsOf } from "./texts.ts";

/** How much of a content is left. */
interface Cut {
  params: number;
  log: number;
  /** Lengths, UTF-16 units. */
  logLine: number;
  text: number;
  value: number;
  title: number;
  facts: number;
  links: boolean;
}

const WHOLE: Cut = {
  params: Number.POSITIVE_INFINITY,
  log: Number.POSITIVE_INFINITY,
  logLine: Number.POSITIVE_INFINITY,
  text: Number.POSITIVE_INFINITY,
  value: Number.POSITIVE_INFINITY,
  title: Number.POSITIVE_INFINITY,
  facts: Number.POSITIVE_INFINITY,
  links: true,
};

/** From cut to cut less is left. */
const CUTS: readonly Cut[] = [
  WHOLE,
  { ...WHOLE, params: 10, text: 3000 },
  { ...WHOLE, params: 4, text: 1500 },
  { ...WHOLE, params: 0, text: 1500, logLine: 200 },
  { ...WHOLE, params: 0, text: 800, log: 5, logLine: 150, value: 200 },
  { ...WHOLE, params: 0, text: 400, log: 3, logLine: 100, value: 120, title: 150 },
  { ...WHOLE, params: 0, text: 200, log: 0, logLine: 0, value: 80, title: 100 },
  { ...WHOLE, params: 0, text: 0, log: 0, logLine: 0, value: 40, title: 80, facts: 8 },
  { ...WHOLE, params: 0, text: 0, log: 0, logLine: 0, value: 40, title: 60, facts: 0, links: false },
];

/** What `build` makes of the content, cut as little as makes it fit; of the most that can be cut when nothing does. */
export function fitted<T>(content: Content, build: (content: Content) => T, fits: (built: T) => boolean): T {
  let built = build(content);
  for (const cut of CUTS.slice(1)) {
    if (fits(built)) break;
    built = build(cutContent(content, cut));
  }
  return built;
}

function cutContent(content: Content, cut: Cut): Content {
  const { facts, text, params, log, links, ...rest } = content;
  return {
    ...rest,
    title: cutText(content.title, cut.title),
    facts: facts.slice(0, cut.facts).map(({ label, value }) => ({ label, value: cutText(value, cut.value) })),
    ...(text && cut.text > 0 && { text: cutText(text, cut.text) }),
    ...(params && cut.params > 0 && { params: cutList(params, cut.params, content) }),
    ...(log && cut.log > 0 && { log: cutLog(log, cut) }),
    links: cut.links ? links : [],
  };
}

function cutList(list: { label: string; lines: string[] }, count: number, { language }: Content) {
  const left = list.lines.length - count;
  if (left <= 0) return list;
  return { label: list.label, lines: [...list.lines.slice(0, count), textsOf(language).more(left)] };
}

function cutLog({ label, lines }: { label: string; lines: string[] }, { log, logLine }: Cut) {
  return { label, lines: lines.slice(0, log).map((line) => cutText(line, logLine)) };
}
