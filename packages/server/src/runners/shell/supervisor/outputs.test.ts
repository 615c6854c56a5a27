// The form of $MFLOW_OUTPUT.

import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { joinMarkdown, parseRuntimeEnvs, readMarkdown, readRuntimeEnvs } from "./outputs.ts";
import type { Limits } from "./protocol.ts";

function parse(text: string): Record<string, string> | string {
  const found: Record<string, string> = {};
  return parseRuntimeEnvs(text, found) ?? found;
}

describe("runtime envs", () => {
  test.each<[string, string, Record<string, string> | string]>([
    ["nothing", "", {}],
    ["blank lines and comments", "\n  \n# A=1\n", {}],
    ["a pair without a line end", "A=1", { A: "1" }],
    ["values as they are", "A= 'x' \"y\" = # z \n", { A: " 'x' \"y\" = # z " }],
    ["an empty value", "A=\n", { A: "" }],
    ["lines of Windows", "A=1\r\nB<<E\r\nx\r\nE\r\n", { A: "1", B: "x" }],
    ["values of many lines", "A<<EOF\none\n\nB=2\n EOF\nEOF\nC=3", { A: "one\n\nB=2\n EOF", C: "3" }],
    ["an empty value of many lines", "A<<EOF\nEOF", { A: "" }],
    ["the last of equal names", "A=1\nA=2", { A: "2" }],
    ["a name that is none", "A=1\n1A=2", 'line 2 is neither NAME=value nor NAME<<WORD: "1A=2"'],
    ["no name", "=2", 'line 1 is neither NAME=value nor NAME<<WORD: "=2"'],
    ["no word", "A<<\nx", 'line 1 lacks the word that ends the value: "A<<"'],
    ["no end", "A=1\nB<<EOF\nx", 'the value that begins in line 2 does not end: no line is "EOF"'],
    ["a long line", "x".repeat(100), `line 1 is neither NAME=value nor NAME<<WORD: "${"x".repeat(80)}…"`],
    ["NUL", "A=\0", "there is a NUL character, which no environment variable can hold"],
  ])("%s", (_name, text, expected) => {
    expect(parse(text)).toEqual(expected);
  });
});

describe("a file of a step", () => {
  const limits = { runtimeEnvs: 64, runtimeEnvBytes: 1024, markdownBytes: 1024 } as Limits;

  test("that is none, or a link, puts nothing out", () => {
    const folder = mkdtempSync(join(tmpdir(), "mflow-outputs-"));
    const [none, link] = [join(folder, "none"), join(folder, "link")];
    writeFileSync(join(folder, "file"), "A=1");
    symlinkSync(join(folder, "file"), link);
    const envs = {};
    const problems = [none, link].map((path) => readRuntimeEnvs(path, envs, limits, undefined));
    const markdown = [none, link].map((path) => readMarkdown(path, limits, undefined));
    expect({ problems, envs, markdown }).toEqual({
      problems: [undefined, undefined],
      envs: {},
      markdown: ["", ""],
    });
    rmSync(folder, { recursive: true });
  });

  test("that cannot be opened is not taken for none", () => {
    const path = join(tmpdir(), "x".repeat(300));
    expect(() => readRuntimeEnvs(path, {}, limits, undefined)).toThrow("ENAMETOOLONG");
    expect(() => readMarkdown(path, limits, undefined)).toThrow("ENAMETOOLONG");
  });
});

test("markdown of two steps stands below each other, and no character is cut in two", () => {
  const limits = { markdownBytes: 60 } as Limits;
  expect(joinMarkdown("a", "b", limits)).toBe("a\nb");
  expect(joinMarkdown("a\n", "b", limits)).toBe("a\nb");
  expect(joinMarkdown("€".repeat(15), "€".repeat(15), limits)).toBe(
    `${"€".repeat(12)}\n\n*(cut at 60 bytes)*\n`,
  );
});
