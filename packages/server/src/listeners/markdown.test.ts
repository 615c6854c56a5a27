import fc from "fast-check";
import { expect, test } from "vitest";
import { escapeMarkdown } from "./escape-markdown.ts";
import { type MarkdownLine, readMarkdown } from "./markdown.ts";
import { plainMarkdown } from "./plain-markdown.ts";

const text = (...spans: MarkdownLine["spans"]): MarkdownLine => ({ kind: "TEXT", depth: 0, spans });

test("emphasis, code and links become spans", () => {
  expect(readMarkdown("seen **the *plan***, `ls`, [here](https://m.example/a?b=1&c=2)")).toEqual([
    text(
      { text: "seen " },
      { text: "the ", bold: true },
      { text: "plan", bold: true, italic: true },
      { text: ", " },
      { text: "ls", code: true },
      { text: ", " },
      { text: "here", url: "https://m.example/a?b=1&c=2" },
    ),
  ]);
});

test("headings, lists, quotes and code become lines of their kind", () => {
  const source =
    "# Plan\nfirst\nsecond\n\n- one\n  more\n  1. deep\n- two\n\n> said\n\n```sh\nrm  x\n\nls\n```";
  expect(readMarkdown(source)).toEqual([
    { kind: "HEADING", depth: 0, spans: [{ text: "Plan" }] },
    text(),
    text({ text: "first" }),
    text({ text: "second" }),
    text(),
    { kind: "ITEM", depth: 0, spans: [{ text: "one" }] },
    text({ text: "more" }),
    { kind: "ITEM", depth: 1, number: 1, spans: [{ text: "deep" }] },
    { kind: "ITEM", depth: 0, spans: [{ text: "two" }] },
    text(),
    { kind: "QUOTE", depth: 0, spans: [{ text: "said" }] },
    text(),
    { kind: "CODE", depth: 0, spans: [{ text: "rm  x" }] },
    { kind: "CODE", depth: 0, spans: [{ text: "" }] },
    { kind: "CODE", depth: 0, spans: [{ text: "ls" }] },
  ]);
});

test("what could do more than show stays text: HTML, images, and links to scripts", () => {
  expect(readMarkdown("<at id=all></at> ![x](https://e.example/p.png) [y](javascript:alert(1))")).toEqual([
    text({ text: "<at id=all></at> ![x](https://e.example/p.png) [y](javascript:alert(1))" }),
  ]);
});

test("an escaped value shows as it is, on one line, whatever it is", () => {
  const value = fc
    .string({ unit: "grapheme", maxLength: 200 })
    .map((one) => one.replace(/[\p{Cc}\p{Z}]+/gu, " "));
  fc.assert(
    fc.property(value, (one) => {
      expect(readMarkdown(`v${escapeMarkdown(one)}v`)).toEqual([text({ text: `v${one}v` })]);
    }),
  );
  expect(escapeMarkdown("a\n# b")).toBe(String.raw`a \# b`);
});

test("an escaped address still is one in a link", () => {
  const url = "https://m.example/runs/run-1?a=b_c&d=(x)";
  expect(readMarkdown(`[open](${escapeMarkdown(url)})`)).toEqual([text({ text: "open", url })]);
});

test("a text that is nested without end is read as plain text, and a long one is cut", () => {
  const nested = `${"> ".repeat(2900)}deep`;
  expect(readMarkdown(nested)).toEqual([text({ text: nested })]);
  expect(readMarkdown("x".repeat(7000))).toEqual([text({ text: `${"x".repeat(5999)}…` })]);
});

test("what would take long to read stays the text that it is", () => {
  const dear = ["_a*", "___a**", "*a_ b ", "\\\\*a_", "- *a_\n", "> ", ">", "1. ", "- > "];
  for (const unit of dear) {
    const source = unit.repeat(2000).slice(0, 6000).trim();
    const lines = source.split("\n");
    expect(readMarkdown(source)).toEqual(lines.map((line) => text({ text: line })));
  }
});

test("long texts with many marks of a usual kind are read", () => {
  const words = (source: string) => readMarkdown(source).map(({ spans }) => spans.length);
  expect(words("**bold** and *more*, ".repeat(140))).toEqual([560]);
  expect(words("MY_LONG_NAME=some_value_of_it ".repeat(200))).toEqual([1]);
  expect(words(escapeMarkdown("_a*".repeat(600)))).toEqual([1]);
  expect(words("-".repeat(80))).toEqual([1]);
  expect(readMarkdown("> > - deep")).toEqual([{ kind: "ITEM", depth: 0, spans: [{ text: "deep" }] }]);
});

test("as plain text marks are gone and links show where they lead", () => {
  const source =
    "# Plan\n**see** [doc](https://m.example/d) <https://m.example>\n\n1. one\n   - deep\n\n> said\n\n    code";
  expect(plainMarkdown(source)).toBe(
    "Plan\n\nsee doc (https://m.example/d) https://m.example\n\n1. one\n  - deep\n\n> said\n\n  code",
  );
});
